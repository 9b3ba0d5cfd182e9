"""From the statements of a loop to operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rnndsl.analysis.program import Shape
from rnndsl.backends.cuda.operations import (
    AcrossFeatures,
    Assign,
    NoKernels,
    Operation,
    Part,
    Product,
    Put,
)
from rnndsl.plan.shapes import Axes
from rnndsl.plan.statements import (
    Across,
    AcrossBackward,
    Compute,
    Join,
    Multiply,
    Slice,
    Statement,
    SumFeatures,
    Unsqueeze,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """``parts`` are names for parts of values, ``widened`` names for scalars that stand
    beside vectors."""

    operations: tuple[Operation, ...]
    parts: Mapping[str, Part]
    widened: Mapping[str, str]

    def source(self, name: str) -> str:
        """The value that a name, or the value it is a part of, belongs to."""
        if name in self.parts:
            return self.source(self.parts[name].source)
        if name in self.widened:
            return self.source(self.widened[name])
        return name


def lower(
    statements: Iterable[Statement],
    before: Iterable[Statement],
    shapes: Mapping[str, Axes],
) -> Lowered:
    """The statements of a loop; ``before`` are those that run before it.

    Raises NoKernels for a statement that is neither elementwise nor torch's to do.
    """
    operations: list[Operation] = []
    # A part of a value of all steps is read where it lies.
    parts = {
        name: part
        for statement in before
        if isinstance(statement, Slice)
        for name, part in _parts(statement).items()
    }
    widened: dict[str, str] = {}
    for statement in statements:
        match statement:
            case Compute(target=target, formula=formula, equation=equation):
                operations.append(
                    Assign(
                        target=target,
                        shape=plain_shape(shapes[target]),
                        formula=formula,
                        equation=equation,
                    )
                )
            case Multiply():
                operations.append(
                    Product(
                        target=statement.target,
                        operand=statement.operand,
                        weight=statement.weight,
                        base=statement.base,
                        transposed=statement.transposed,
                    )
                )
            case Slice():
                parts.update(_parts(statement))
            case Join(target=target, parts=joined, shapes=sizes_):
                behind: Shape = ()
                for part, shape in zip(joined, sizes_, strict=True):
                    operations.append(
                        Put(joined=target, part=part, shape=shape, before=behind)
                    )
                    behind = (*behind, *shape)
            case Unsqueeze(target=target, operand=operand):
                widened[target] = operand
            case Across() | AcrossBackward() | SumFeatures():
                operations.append(
                    AcrossFeatures(target=statement.target, statement=statement)
                )
            case _:
                raise NoKernels(
                    f"has a step that is not elementwise ({type(statement).__name__})"
                )
    return Lowered(operations=tuple(operations), parts=parts, widened=widened)


def _parts(statement: Slice) -> dict[str, Part]:
    sizes = statement.sizes
    return {
        name: Part(source=statement.source, before=sizes[:index], size=sizes[index])
        for index, name in enumerate(statement.targets)
        if name is not None
    }


def plain_shape(axes: Axes) -> Shape:
    """The shape of a value that is not made of parts. Raises NoKernels for others."""
    if any(len(axis) != 1 for axis in axes):
        raise NoKernels("computes with parts beside each other in every step")
    return tuple(axis[0] for axis in axes)
