"""A plan in a few lines, for ``module.explain()``."""

from __future__ import annotations

from collections import Counter

from rnndsl.analysis.program import Dim
from rnndsl.analysis.show import structure_words
from rnndsl.formulas.convolutions import convolution_text
from rnndsl.ir.graph import Parameter
from rnndsl.plan.groups import ProductGroup
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.stages import Stage
from rnndsl.symbolic.recurrence import RecurrenceClass
from rnndsl.symbolic.vendor_text import vendor_name, vendor_weights


def summary(plan: CellPlan) -> tuple[str, ...]:
    """The class of the recurrence, the products of each region, what is kept."""
    places = {
        Stage.BEFORE: "before the loop, all steps at once",
        Stage.LOOP: "in each step",
        Stage.AFTER: "after the loop, all steps at once",
    }
    lines = [f"recurrence: {_recurrence(plan)}"]
    if plan.vendor is not None:
        lines.append(f"proved the same as {vendor_name(plan.vendor.function)}, with")
        lines += [
            f"  {own} = {members}" for own, members in vendor_weights(plan.vendor)
        ]
    for parameter in plan.source.cell.parameters:
        words = " ".join(structure_words(parameter))
        if words:
            lines.append(f"structure: {parameter.name} is {words}")
    for stage, place in places.items():
        groups = [group for group in plan.groups if group.stage == stage]
        if groups:
            products = ", ".join(product_text(plan, group) for group in groups)
            lines.append(f"{place}: {products}")
    kept = ", ".join((*plan.kept.steps, *plan.kept.sequences))
    lines.append(f"kept for the backward pass: {kept or 'nothing'}")
    if plan.kept.recomputed:
        again = ", ".join(plan.kept.recomputed)
        lines.append(f"computed again in the backward pass: {again}")
    return tuple(lines)


def _recurrence(plan: CellPlan) -> str:
    kind, through = plan.recurrence.kind, plan.recurrence.through
    if kind is RecurrenceClass.NONE:
        return "none (no state depends on the step before)"
    if through:
        return f"{kind.value}, through {', '.join(through)}"
    return f"{kind.value} (each unit depends on itself alone)"


def product_text(plan: CellPlan, group: ProductGroup) -> str:
    """``[4*H, I] @ x``, ``conv([4*H, I, 3, 3], x)``."""
    matrix = plan.graph.node(group.weight.matrices[0])
    assert isinstance(matrix.operation, Parameter)
    sizes = [rows_text(group.rows), *map(str, matrix.shape[1:])]
    weight = f"[{', '.join(sizes)}]"
    if group.window:
        return convolution_text(weight, group.operand, None)
    return f"{weight} @ {group.operand}"


def rows_text(rows: tuple[Dim, ...]) -> str:
    """``4*H``, ``2*H + P``."""
    counts = Counter(rows)
    return " + ".join(
        str(row) if count == 1 else f"{count}*{row}" for row, count in counts.items()
    )
