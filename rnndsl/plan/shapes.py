"""The shape of everything a plan computes, parts beside each other included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TypeAlias, assert_never

from rnndsl.analysis.program import Dim, Shape, StoredParameter
from rnndsl.formulas.formula import symbols
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.statements import (
    Across,
    AcrossBackward,
    Axis,
    Compute,
    Convolve,
    ConvolveBackward,
    Join,
    KernelSum,
    Members,
    Multiply,
    OuterSum,
    Repeat,
    SizeOf,
    Slice,
    Statement,
    SumFeatures,
    SumSteps,
    Unsqueeze,
    targets,
)
from rnndsl.plan.summary import rows_text

Axes: TypeAlias = tuple[tuple[Dim, ...], ...]
"""The size of each axis, the sum of the sizes of its parts; T and B are left out."""


def all_statements(plan: CellPlan) -> Iterator[Statement]:
    """Those of the forward pass, then those of the backward pass."""
    forward, backward = plan.forward, plan.backward
    return chain(
        forward.fixed,
        forward.before,
        forward.loop,
        forward.after,
        backward.fixed,
        backward.before,
        backward.loop,
        backward.after,
        backward.for_inputs,
    )


def plan_shapes(plan: CellPlan) -> dict[str, Axes]:
    """The axes of every value of a plan, by its name."""
    found: dict[str, Axes] = {
        name: _axes(value.shape)
        for name, value in plan.values.items()
        if value.shape is not None
    }
    for name, parameter in zip(plan.stored, plan.graph.cell.parameters, strict=True):
        found[name] = stored_axes(parameter)
    rows = {group.target: (group.rows, *_axes(group.places)) for group in plan.groups}
    for statement in all_statements(plan):
        for index, name in enumerate(targets(statement)):
            if name not in found:
                found[name] = rows.get(name) or _inferred(statement, index, found)
    return found


def stored_axes(parameter: StoredParameter) -> Axes:
    """``[4*H, I]`` for a group of four members of shape [H, I]."""
    members = len(parameter.members)
    if parameter.member_shape == ():
        return () if members == 1 else ((members,),)
    first, *others = parameter.member_shape
    return ((first,) * members, *_axes(tuple(others)))


def axes_text(axes: Axes, axis: Axis = Axis.FIXED) -> str:
    """``[T, B, 4*H]`` for a value of all steps."""
    leading = {Axis.FIXED: [], Axis.STEP: ["B"], Axis.SEQUENCE: ["T", "B"]}[axis]
    return f"[{', '.join((*leading, *map(rows_text, axes)))}]"


def _axes(shape: Shape) -> Axes:
    return tuple((dim,) for dim in shape)


def _inferred(statement: Statement, index: int, known: Mapping[str, Axes]) -> Axes:
    """The axes of a value whose shape the planner left open."""
    match statement:
        case Compute(formula=formula):
            return max((known[name] for name in symbols(formula)), key=len)
        case Slice(source=source):
            sizes = [
                size
                for name, size in zip(statement.targets, statement.sizes, strict=True)
                if name is not None
            ]
            _, *others = known[source]
            return ((sizes[index],), *others)
        case Join(shapes=shapes):
            if shapes[0] == ():
                return ((len(shapes),),)
            return (tuple(shape[0] for shape in shapes), *_axes(shapes[0][1:]))
        case SumSteps(operand=operand, scalar=scalar, places=places):
            return () if scalar else known[operand][: len(known[operand]) - places]
        case OuterSum(left=left, right=right):
            return (known[left][-1], known[right][-1])
        case KernelSum(arriving=arriving, operand=operand, window=window):
            return (known[arriving][0], known[operand][0], *_axes(window))
        case SumFeatures() | SizeOf():
            return ()
        case (
            Unsqueeze()
            | Repeat()
            | Multiply()
            | Convolve()
            | ConvolveBackward()
            | Members()
            | Across()
            | AcrossBackward()
        ):
            raise ValueError(f"{targets(statement)[index]} should have a shape")
        case _:
            assert_never(statement)
