"""The cost of a cell as a table of formulas, with an example in numbers.

This is what ``rnndsl show --as cost`` prints.
"""

from __future__ import annotations

from collections.abc import Iterable

import sympy

from rnndsl.analysis.show import cell_heading
from rnndsl.columns import aligned
from rnndsl.plan.cost import BYTES, Cost, Work, cost_of
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.sizes import dimension

_SIZE, _ROWS, _STEPS = 256, 32, 100


def cost_text(plan: CellPlan) -> str:
    """Parameters, operations by region, matrix products, and what is kept."""
    cost = cost_of(plan)
    cell = plan.graph.cell
    sizes = {dimension(d.name): _SIZE for d in cell.dimensions}
    example = f"{' = '.join((*(d.name for d in cell.dimensions), str(_SIZE)))}"
    lines = [
        cell_heading(cell),
        f"The last column is for {example}, T = {_STEPS} steps, B = {_ROWS} rows.",
        "",
        "parameters",
        *aligned(_parameters(cost, sizes), right=(3,)),
        "",
        "operations of each row and step",
        *aligned(_operations(cost, sizes), right=(4,)),
        "",
        "matrix products",
        *aligned(_matrix_products(cost), right=(2,)),
        "",
        "kept for the backward pass, in bytes at float32",
        *aligned(_kept(cost, sizes), right=(2,)),
    ]
    return "\n".join(lines) + "\n"


def _number(formula: sympy.Expr, sizes: dict[sympy.Expr, int], times: int = 1) -> str:
    return f"{int(formula.subs(sizes)) * times:,}"


def _parameters(
    cost: Cost, sizes: dict[sympy.Expr, int]
) -> Iterable[tuple[str, str, str, str]]:
    for name, shape, size in cost.parameters:
        yield (name, shape, str(size), _number(size, sizes))
    total = cost.number_of_parameters
    yield ("in all", "", str(total), _number(total, sizes))


def _operations(
    cost: Cost, sizes: dict[sympy.Expr, int]
) -> Iterable[tuple[str, str, str, str, str]]:
    yield ("", "", "products", "elementwise", "both, T*B times")
    for title, regions in (("forward", cost.forward), ("backward", cost.backward)):
        products = sympy.Add(*(work.products for _, work in regions))
        elementwise = sympy.Add(*(work.elementwise for _, work in regions))
        for name, work in regions:
            if not _is_idle(work):
                number = _in_all(work.products + work.elementwise, sizes)
                yield (title, name, str(work.products), str(work.elementwise), number)
        number = _in_all(products + elementwise, sizes)
        yield (title, "in all", str(products), str(elementwise), number)


def _in_all(formula: sympy.Expr, sizes: dict[sympy.Expr, int]) -> str:
    return _number(formula, sizes, _ROWS * _STEPS)


def _is_idle(work: Work) -> bool:
    return bool(work.products == 0 and work.elementwise == 0)


def _matrix_products(cost: Cost) -> Iterable[tuple[str, str, str]]:
    for title, regions in (("forward", cost.forward), ("backward", cost.backward)):
        in_step = sum(
            w.matrix_products for name, w in regions if name == "in each step"
        )
        others = sum(w.matrix_products for _, w in regions) - in_step
        formula = str(in_step * sympy.Symbol("T") + others)
        yield (title, formula, str(in_step * _STEPS + others))


def _kept(cost: Cost, sizes: dict[sympy.Expr, int]) -> Iterable[tuple[str, str, str]]:
    kept = BYTES * cost.kept
    yield ("of each row and step", str(kept), _number(kept, sizes))
    yield ("of each step", _times(kept, "B"), _number(kept, sizes, _ROWS))
    yield ("in all", _times(kept, "T*B"), _number(kept, sizes, _ROWS * _STEPS))


def _times(formula: sympy.Expr, factor: str) -> str:
    text = str(formula)
    return f"{factor}*({text})" if formula.is_Add else f"{factor}*{text}"
