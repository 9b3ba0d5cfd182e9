"""A plan as text: what runs when, what is kept, what is computed again.

This is what ``rnndsl show --as plan`` and ``--emit plan`` print.
"""

from __future__ import annotations

from collections.abc import Iterator

from rnndsl.analysis.show import cell_heading
from rnndsl.columns import aligned
from rnndsl.plan.cost import BYTES, cost_of
from rnndsl.plan.plan import CellPlan, ScanPlan
from rnndsl.plan.scan_statements import (
    EarlierSteps,
    KeptSteps,
    LinearScan,
    SameSteps,
    ScanStatement,
)
from rnndsl.plan.shapes import Axes, axes_text, plan_shapes
from rnndsl.plan.stages import Stage
from rnndsl.plan.statement_text import statement_text
from rnndsl.plan.statements import Axis, Statement, targets
from rnndsl.plan.summary import product_text
from rnndsl.symbolic.recurrence_text import recurrence_lines
from rnndsl.symbolic.vendor_text import vendor_name, vendor_weights


def plan_text(plan: CellPlan) -> str:
    """The class of the recurrence, the products, both passes region by region, what
    goes from the one to the other."""
    lines = [cell_heading(plan.graph.cell), "", *recurrence_lines(plan.recurrence)]
    if plan.vendor is not None:
        name = vendor_name(plan.vendor.function)
        lines += [
            "",
            f"proved the same as {name}, with",
            *aligned(vendor_weights(plan.vendor)),
        ]
    lines += ["", "matrix products", *aligned(_groups(plan))]
    shapes = plan_shapes(plan)
    for title, statements in _regions(plan):
        if statements:
            lines += ["", title]
            rows = [_row(plan, statement, shapes) for statement in statements]
            lines += aligned(rows)
    lines += ["", "kept for the backward pass", *aligned(_kept(plan, shapes))]
    bytes_kept = BYTES * cost_of(plan).kept
    lines.append(f"  {bytes_kept} bytes at float32 for each row and step")
    lines += ["", "gradients", *aligned(_gradients(plan))]
    if isinstance(plan.scan, ScanPlan):
        found: tuple[ScanStatement, ...] = (*plan.scan.fixed, *plan.scan.steps)
        lines += ["", "without a loop, for all steps at once: the engine scan"]
        lines += [f"  {_scan_text(statement)}" for statement in found]
    return "\n".join(lines) + "\n"


def _regions(plan: CellPlan) -> Iterator[tuple[str, tuple[Statement, ...]]]:
    forward, backward = plan.forward, plan.backward
    yield "forward, once", forward.fixed
    yield "forward, before the loop, for all steps at once", forward.before
    yield "forward, in each step", forward.loop
    yield "forward, after the loop, for all steps at once", forward.after
    yield "backward, once", backward.fixed
    yield "backward, before the loop, for all steps at once", backward.before
    yield "backward, in each step, from the last to the first", backward.loop
    yield "backward, after the loop, for all steps at once", backward.after
    yield "backward, for the gradients of the inputs alone", backward.for_inputs


def _row(plan: CellPlan, statement: Statement, shapes: dict[str, Axes]) -> list[str]:
    """The equation and the shape, or shapes, of what it defines."""
    found = dict.fromkeys(
        axes_text(shapes[name], plan.values[name].axis) for name in targets(statement)
    )
    return [statement_text(statement), ", ".join(found)]


def _scan_text(statement: ScanStatement) -> str:
    match statement:
        case LinearScan(target=target, a=a, b=b, first=first):
            old = f"{target}[t-1]"
            return f"{target}[t] = {a}[t] * {old} + {b}[t], from {first}"
        case KeptSteps(target=target, values=values, first=first):
            return f"{target} = {values}, from {first} where a row has ended"
        case SameSteps(target=target, first=first):
            return f"{target}[t] = {first}"
        case EarlierSteps(target=target, states=states, first=first):
            return f"{target}[t] = {states}[t-1], from {first}"
        case _:
            return statement_text(statement)


def _groups(plan: CellPlan) -> Iterator[tuple[str, str, str]]:
    places = {
        Stage.FIXED: "once",
        Stage.BEFORE: "before the loop",
        Stage.LOOP: "in each step",
        Stage.AFTER: "after the loop",
    }
    for group in plan.groups:
        matrices = ", ".join(group.weight.matrices)
        yield (places[group.stage], product_text(plan, group), f"{matrices}")


def _kept(plan: CellPlan, shapes: dict[str, Axes]) -> Iterator[tuple[str, str]]:
    kept = plan.kept
    for name in kept.steps:
        yield (name, axes_text(shapes[name], Axis.STEP) + " of each step")
    for name in kept.sequences:
        yield (name, axes_text(shapes[name], Axis.SEQUENCE))
    for name in kept.recomputed:
        yield (name, "computed again instead")


def _gradients(plan: CellPlan) -> Iterator[tuple[str, str]]:
    cell, backward = plan.graph.cell, plan.backward
    names = [item.name for item in cell.inputs]
    names += [f"first {state.name}" for state in cell.states]
    names += [parameter.name for parameter in cell.parameters]
    found = (*backward.inputs, *backward.leaving, *backward.parameters)
    for name, gradient in zip(names, found, strict=True):
        yield (name, gradient or "none")
