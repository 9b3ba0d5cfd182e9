"""Prints the statements of a plan as torch code, on the axis they run on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import assert_never

from rnndsl.analysis.program import Cell, Shape
from rnndsl.backends.torch.across import across, across_backward
from rnndsl.backends.torch.assign import assign
from rnndsl.backends.torch.fitting import fitted, unpack
from rnndsl.backends.torch.layout import WIDTH, Nest, call, comment, nested
from rnndsl.backends.torch.printer import Code, number
from rnndsl.backends.torch.shapes import like, size, widened
from rnndsl.ir.graph import is_one_hot
from rnndsl.ir.naming import Names
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
    Weight,
    reads,
    targets,
)

RUNTIME = (
    "convolve",
    "convolve_backward",
    "kernel_gradient",
    "one_hot_outer_sum",
)
"""The functions of the runtime that generated code calls for statements."""


class StatementPrinter:
    """Prints for one generated function; holds the names it has given out.

    ``indexed`` are the values that the time loop reads as ``name_steps[t]``.
    """

    def __init__(self, plan: CellPlan, source: str) -> None:
        self._plan = plan
        self._cell: Cell = plan.graph.cell
        self._source = source
        self.names = Names()
        for name in plan.values:
            self.names.take(name)
        # Unit vectors that are given as whole numbers, and how long they are.
        self._whole = {
            node.name: node.shape[0]
            for node in plan.graph.nodes
            if is_one_hot(plan.graph, node)
        }
        self._weights: dict[Weight, str] = {}
        self._transposed: dict[str, str] = {}
        self._steps: dict[str, str] = {}
        self._equation: int | None = None

    # Names

    def steps_of(self, name: str) -> str:
        """The list of a value's steps."""
        if name not in self._steps:
            self._steps[name] = self.names.take(f"{name}_steps")
        return self._steps[name]

    def codes(self, indexed: Iterable[str]) -> dict[str, Code]:
        """How each value is written where ``indexed`` ones are read step by step."""
        codes = {name: Code(name) for name in self._plan.values}
        codes.update((name, Code(f"{self.steps_of(name)}[t]")) for name in indexed)
        return codes

    # Weights

    def weights(self, statements: Iterable[Statement], *, loop: bool) -> list[str]:
        """Names the matrices that products of these statements use."""
        lines: list[str] = []
        for statement in statements:
            if not isinstance(statement, Multiply | Convolve | ConvolveBackward):
                continue
            lines.extend(self._weight(statement.weight, statement.target))
            if not isinstance(statement, Multiply):
                continue
            name = self._weights[statement.weight]
            if loop and not statement.transposed and name not in self._transposed:
                transposed = self.names.take(f"{name}_t")
                self._transposed[name] = transposed
                lines.append(f"{transposed} = {name}.t()")
        return lines

    def factor(self, weight: Weight, *, transposed: bool) -> str:
        """A matrix that ``weights`` named for the loop, as the right factor."""
        name = self._weights[weight]
        return name if transposed else self._transposed[name]

    def _weight(self, weight: Weight, target: str) -> list[str]:
        if weight in self._weights:
            return []
        if weight.is_whole and weight.stored is not None:
            self._weights[weight] = weight.stored
            return []
        if len(weight.matrices) == 1:
            self._weights[weight] = weight.matrices[0]
            return []
        name = self.names.take(f"{target.removeprefix('d_')}_weight")
        self._weights[weight] = name
        if weight.stored is None:
            return fitted(
                [f"{name} = torch.cat(({', '.join(weight.matrices)}))"], indent=4
            )
        start = self._rows(weight, weight.first)
        end = self._rows(weight, weight.first + len(weight.matrices))
        is_plain = all(edge == "" or edge.isdecimal() for edge in (start, end))
        left = start if is_plain or not start else f"{start} "
        right = end if is_plain or not end else f" {end}"
        return fitted([f"{name} = {weight.stored}[{left}:{right}]"], indent=4)

    def _rows(self, weight: Weight, blocks: int) -> str:
        """The row where so many blocks end; nothing at either edge of the tensor."""
        if blocks in (0, weight.members):
            return ""
        index = self._plan.stored.index(str(weight.stored))
        rows = self._cell.parameters[index].member_shape[0]
        if isinstance(rows, int):
            return str(blocks * rows)
        one = size(self._cell, rows)
        return one if blocks == 1 else f"{blocks} * {one}"

    # Statements

    def region(
        self,
        statements: Iterable[Statement],
        axis: Axis,
        codes: Mapping[str, Code],
        *,
        indent: int,
        buffers: Iterable[str] = (),
    ) -> list[str]:
        """The lines of a region, each equation's under the equation."""
        lines: list[str] = []
        written = tuple(buffers)
        for statement in statements:
            lines.extend(self._heading(statement, indent))
            own = self._own_axis(statement, axis)
            own_lines = self._statement(statement, own, codes, indent, written)
            lines.extend(fitted(own_lines, indent=indent))
        return lines

    def _own_axis(self, statement: Statement, axis: Axis) -> Axis:
        """Results that are the same in all rows and steps are on the fixed axis."""
        values = [self._plan.values[name].axis for name in targets(statement)]
        return Axis.FIXED if Axis.FIXED in values else axis

    def _heading(self, statement: Statement, indent: int) -> list[str]:
        if isinstance(statement, Compute | Across):
            return self.heading(statement.equation, indent)
        return []

    def heading(self, index: int | None, indent: int) -> list[str]:
        """The equation as the spec writes it, where it is not the one before."""
        if index is None or index == self._equation:
            return []
        self._equation = index
        equation = self._cell.equations[index]
        place = f"{self._source}:{equation.line}"
        return comment(f"{place}  {equation.text}", indent=indent)

    def _statement(
        self,
        statement: Statement,
        axis: Axis,
        codes: Mapping[str, Code],
        indent: int,
        buffers: tuple[str, ...],
    ) -> list[str]:
        match statement:
            case Compute(target=target, formula=formula):
                return assign(target, formula, codes, indent=indent, names=self.names)
            case Multiply():
                return self._multiply(statement, axis, codes, indent)
            case Convolve(target=target, operand=operand, weight=weight, bias=bias):
                added = () if bias is None else (codes[bias].text,)
                factors = (codes[operand].text, self._weights[weight], *added)
                return call(f"{target} = convolve", factors, indent=indent)
            case ConvolveBackward(target=target, arriving=arriving, weight=weight):
                factors = (codes[arriving].text, self._weights[weight])
                return call(f"{target} = convolve_backward", factors, indent=indent)
            case KernelSum(target=target, arriving=arriving, operand=operand):
                window = str(statement.window)
                factors = (codes[arriving].text, codes[operand].text, window)
                return call(f"{target} = kernel_gradient", factors, indent=indent)
            case Slice(targets=names, source=source, sizes=sizes, places=behind):
                places = [name or "_" for name in names]
                edge = "" if axis is Axis.FIXED else f", {-1 - len(behind)}"
                whole = codes[source].text
                if len(set(sizes)) == 1:
                    cut = f"{whole}.chunk({len(names)}{edge})"
                else:
                    each = ", ".join(size(self._cell, dim) for dim in sizes)
                    cut = f"torch.split({whole}, [{each}]{edge})"
                return unpack(places, cut, indent=indent)
            case Join():
                return self._join(statement, axis, codes, indent, buffers)
            case Unsqueeze(target=target, operand=operand):
                axes = widened(len(self._plan.values[target].shape or ()))
                return [f"{target} = {codes[operand].text}{axes}"]
            case Repeat(target=target, value=value, shape=shape):
                return self._repeat(target, value, shape, codes)
            case Across(target=target, operand=operand, constants=constants):
                value = across(statement.function, codes[operand], constants)
                return [f"{target} = {value}"]
            case AcrossBackward(target=target):
                read = {name: codes[name].text for name in reads(statement)}
                sent = across_backward(statement, read, self._cell)
                return [f"{target} = {sent}"]
            case SumFeatures(target=target, operand=operand):
                rank = len(self._plan.values[operand].shape or (1,))
                summed = "-1" if rank == 1 else str(tuple(range(-rank, 0)))
                return [f"{target} = {codes[operand].text}.sum({summed})"]
            case SumSteps(target=target, operand=operand, scalar=scalar, places=count):
                axes = "" if scalar else str((0, 1, *range(-count, 0)))
                return [f"{target} = {codes[operand].text}.sum({axes})"]
            case OuterSum(left=left, right=right) if right in self._whole:
                columns = size(self._cell, self._whole[right])
                arguments = [codes[left].text, codes[right].text, columns]
                return call(
                    f"{statement.target} = one_hot_outer_sum", arguments, indent=indent
                )
            case OuterSum(target=target, left=left, right=right):
                rows = f"{codes[left].text}.flatten(0, 1).t()"
                columns = f"{codes[right].text}.flatten(0, 1)"
                line = f"{target} = {rows} @ {columns}"
                if len(line) + indent <= WIDTH:
                    return [line]
                return call(f"{target} = torch.mm", [rows, columns], indent=indent)
            case Members(targets=names, stored=stored):
                return self._members(names, stored, indent)
            case SizeOf(target=target, dimension=dimension):
                value = size(self._cell, dimension)
                return [f"{target} = {like(self._cell)}.new_full((), {value})"]
            case _:
                assert_never(statement)

    def _multiply(
        self, statement: Multiply, axis: Axis, codes: Mapping[str, Code], indent: int
    ) -> list[str]:
        operand = codes[statement.operand].text
        base = None if statement.base is None else codes[statement.base].text
        target = f"{statement.target} = "
        if statement.transposed:
            factor = self.factor(statement.weight, transposed=True)
            return [f"{target}{operand} @ {factor}"]
        if statement.operand in self._whole:
            columns = f"F.embedding({operand}, {self._weights[statement.weight]}.t())"
            return [f"{target}{columns}" + ("" if base is None else f" + {base}")]
        if axis is Axis.STEP:
            transposed = self.factor(statement.weight, transposed=False)
            if base is None:
                return [f"{target}{operand} @ {transposed}"]
            arguments = [base, operand, transposed]
            return call(f"{target}torch.addmm", arguments, indent=indent)
        weight = self._weights[statement.weight]
        assert statement.base is None or base is not None
        if base is None:
            return [f"{target}F.linear({operand}, {weight})"]
        if self._plan.values[str(statement.base)].axis is Axis.FIXED:
            return [f"{target}F.linear({operand}, {weight}, {base})"]
        return [f"{target}{base} + F.linear({operand}, {weight})"]

    def _join(
        self,
        statement: Join,
        axis: Axis,
        codes: Mapping[str, Code],
        indent: int,
        buffers: tuple[str, ...],
    ) -> list[str]:
        parts: list[Nest | str] = [
            self._zeros(shape, axis) if part is None else codes[part].text
            for part, shape in zip(statement.parts, statement.shapes, strict=True)
        ]
        joined = Nest("", tuple(parts))
        edge = () if axis is Axis.FIXED else (str(-len(statement.shapes[0])),)
        scalars = axis is Axis.FIXED and statement.shapes[0] == ()
        head = "torch.stack" if scalars else "torch.cat"
        if statement.target in buffers:
            into = f"out={self.steps_of(statement.target)}[t]"
            return nested(Nest(head, (joined, *edge, into)), indent=indent)
        tree = Nest(f"{statement.target} = {head}", (joined, *edge))
        return nested(tree, indent=indent)

    def _zeros(self, shape: Shape, axis: Axis) -> Nest:
        leading = {
            Axis.FIXED: (),
            Axis.STEP: ("batch",),
            Axis.SEQUENCE: ("steps", "batch"),
        }[axis]
        sizes = (*leading, *(size(self._cell, dim) for dim in shape))
        return Nest(f"{like(self._cell)}.new_zeros", (Nest("", sizes),))

    def _repeat(
        self,
        target: str,
        value: str | float,
        shape: Shape,
        codes: Mapping[str, Code],
    ) -> list[str]:
        sizes = ("steps", "batch", *(size(self._cell, dim) for dim in shape))
        if isinstance(value, str):
            return [f"{target} = {codes[value].text}.expand{_tuple(sizes)}"]
        filled = number(value).text
        return [f"{target} = {like(self._cell)}.new_full({_tuple(sizes)}, {filled})"]

    def _members(
        self, names: tuple[str | None, ...], stored: str, indent: int
    ) -> list[str]:
        if len(names) == 1:
            return [f"{names[0]} = {stored}"]
        parameter = self._cell.parameters[self._plan.stored.index(stored)]
        scalars = parameter.member_shape == ()
        cut = "unbind()" if scalars else f"chunk({len(names)})"
        places = [name or "_" for name in names]
        return unpack(places, f"{stored}.{cut}", indent=indent)


def _tuple(items: tuple[str, ...]) -> str:
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
