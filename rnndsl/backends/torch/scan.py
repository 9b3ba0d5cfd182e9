"""The view of a cell's function for all steps at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never

from rnndsl.backends.torch.describe import arguments_text, output_text
from rnndsl.backends.torch.emitted import joined
from rnndsl.backends.torch.fitting import fitted, unpack
from rnndsl.backends.torch.function import code_of, input_names, is_used, opening
from rnndsl.backends.torch.layout import collection
from rnndsl.backends.torch.statements import StatementPrinter
from rnndsl.backends.torch.view import ScanView
from rnndsl.ir.graph import Expand, Input
from rnndsl.plan.plan import CellPlan, ScanPlan
from rnndsl.plan.scan_statements import (
    EarlierSteps,
    KeptSteps,
    LinearScan,
    SameSteps,
)
from rnndsl.plan.statements import Axis

RUNTIME = ("kept_steps", "linear_scan", "steps_before")
"""The functions of the runtime that it calls."""

_INDENT = 4


def scan_view(plan: CellPlan, name: str, source: str) -> ScanView | None:
    """Lays out the plan of all steps at once, if there is one."""
    if isinstance(plan.scan, str):
        return None
    scan = plan.scan
    plan = replace(plan, graph=scan.graph, stored=scan.stored, values=scan.values)
    cell = scan.graph.cell
    printer = StatementPrinter(plan, source)
    lines = printer.region(scan.fixed, Axis.FIXED, printer.codes(()), indent=_INDENT)
    lines += _lines(printer, scan)
    output = scan.output
    if output in _borrowed(scan):
        output = f"{output}.clone()"
    if cell.emitted:
        values = (cell.output, *cell.emitted)
        parts = zip((scan.output, *scan.emitted), values, strict=True)
        output = printer.names.take("joined")
        lines += joined(output, list(parts))
    last = [f"{states}[-1].clone()" for states in scan.states]
    lines += collection("last_state = ", last, indent=_INDENT)
    start = opening(
        [(input_names(plan), "inputs"), (plan.stored, "parameters")], [*lines, output]
    )
    text = code_of(lines)
    first = [state if is_used(state, text) else "_" for state in scan.first]
    if any(state != "_" for state in first):
        start += unpack(first, "state", indent=_INDENT)
    return ScanView(
        name=name,
        cell=cell.name,
        arguments=arguments_text(cell, "T", "B", end=";"),
        output_shape=output_text(cell, "T", "B"),
        lines=(*start, *lines),
        returned=tuple(fitted([f"return {output}, last_state"], indent=_INDENT)),
    )


def _lines(printer: StatementPrinter, scan: ScanPlan) -> list[str]:
    codes = printer.codes(())
    lines: list[str] = []
    for statement in scan.steps:
        if isinstance(statement, LinearScan | KeptSteps | SameSteps | EarlierSteps):
            if isinstance(statement, LinearScan):
                lines += printer.heading(statement.equation, _INDENT)
            lines += fitted(_found(statement), indent=_INDENT)
            continue
        lines += printer.weights([statement], loop=False)
        lines += printer.region([statement], Axis.SEQUENCE, codes, indent=_INDENT)
    return lines


def _found(statement: LinearScan | KeptSteps | SameSteps | EarlierSteps) -> list[str]:
    """How states are found."""
    target, first = statement.target, statement.first
    match statement:
        case LinearScan(a=a, b=b):
            return [f"{target} = linear_scan({a}, {b}, {first}, mask)"]
        case KeptSteps(values=values):
            return [f"{target} = kept_steps({values}, {first}, mask)"]
        case SameSteps():
            return [f"{target} = {first}.expand(steps, *{first}.shape)"]
        case EarlierSteps(states=states):
            return [f"{target} = steps_before({states}, {first})"]
        case _:
            assert_never(statement)


def _borrowed(scan: ScanPlan) -> Iterator[str]:
    """The values that share memory with something else, arguments or what the backward
    pass reads: results must not."""
    yield from scan.states
    for node in scan.graph.nodes:
        if isinstance(node.operation, Input | Expand):
            yield node.name
