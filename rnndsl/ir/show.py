"""A step graph as text, one value on a line: what ``--emit ir`` prints."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import PurePath

from rnndsl.analysis.program import Cell
from rnndsl.analysis.show import cell_heading, shape_text
from rnndsl.analysis.written import written_expression
from rnndsl.columns import aligned
from rnndsl.formulas.text import Written
from rnndsl.ir.graph import Expand, Input, Node, Parameter, Previous, Size, StepGraph
from rnndsl.ir.notation import definition


def graph_text(graph: StepGraph) -> str:
    """The values of a step in order, those of an equation under it."""
    values = {node.name: Written(node.name) for node in graph.nodes}
    lines = [cell_heading(graph.cell)]
    rows = aligned(_row(graph.cell, node, values) for node in graph.nodes)
    located = zip(_headings(graph), rows, strict=True)
    for heading, part in groupby(located, key=lambda item: item[0]):
        lines += ["", *heading, *(row for _, row in part)]
    lines += ["", *aligned(_results(graph))]
    return "\n".join(lines) + "\n"


def _headings(graph: StepGraph) -> Iterator[tuple[str, ...]]:
    """For each value, what stands above it and its neighbours of the same origin."""
    for node in graph.nodes:
        if node.equation is not None:
            equation = graph.cell.equations[node.equation]
            file = graph.cell.origin or PurePath(equation.span.source.name).name
            yield (f"  # {file}:{equation.line}  {equation.text}",)
        elif isinstance(node.operation, Input | Previous | Parameter | Size):
            yield ()
        else:
            yield (f"  # output {written_expression(graph.cell.output).text}",)


def _row(cell: Cell, node: Node, values: dict[str, Written]) -> tuple[str, ...]:
    return (node.name, shape_text(node.shape), *_origin(cell, node, values))


def _origin(cell: Cell, node: Node, values: dict[str, Written]) -> tuple[str, str]:
    match node.operation:
        case Input(name=name):
            return ("input", f"{name}[t]")
        case Previous(state=name):
            return ("state", f"{name}[t-1]")
        case Parameter(member=name):
            return ("parameter", _place(cell, name))
        case Size(dimension=name):
            return ("size", name)
        case Expand():
            return ("expand", definition(node, values).text)
        case _:
            kind = type(node.operation).__name__.lower()
            return (kind, definition(node, values).text)


def _place(cell: Cell, member: str) -> str:
    for parameter in cell.parameters:
        names = [block.name for block in parameter.members]
        if member in names and len(names) > 1:
            return f"{member}, block {names.index(member)} of {parameter.name}"
        if member in names:
            return f"{member}, all of {parameter.name}"
    raise KeyError(member)


def _results(graph: StepGraph) -> Iterator[tuple[str, str]]:
    for state, name in zip(graph.cell.states, graph.new_states, strict=True):
        yield (f"new {state.name}", name)
    yield ("output", graph.output)
    for value, name in zip(graph.cell.emitted, graph.emitted, strict=True):
        yield (f"emitted {value.name}", name)
