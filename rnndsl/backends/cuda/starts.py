"""Products that start from what is added to them.

``d_h_prev = d_h * z + d_gates @ U`` needs no kernel after the product, if the product
is added to ``d_h * z`` where that lies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from rnndsl.formulas.formula import Symbol, symbols
from rnndsl.ir.naming import Names
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.shapes import Axes
from rnndsl.plan.statements import (
    Axis,
    Compute,
    Join,
    Multiply,
    Slice,
    Statement,
    Unsqueeze,
    reads,
    targets,
)
from rnndsl.plan.sums import Term, terms, total


def start_from_sums(
    plan: CellPlan,
    statements: tuple[Statement, ...],
    wanted: Iterable[str],
    shapes: dict[str, Axes],
    names: Names,
) -> tuple[Statement, ...]:
    """Rewrites sums that have a product of the loop among their terms, where nothing
    else reads the product.

    ``wanted`` are needed as they are. Adds what it names to ``shapes``.
    """
    readers = Counter(name for statement in statements for name in reads(statement))
    readers.update(wanted)
    products = {
        statement.target: statement
        for statement in statements
        if isinstance(statement, Multiply)
        and statement.base is None
        and readers[statement.target] == 1
    }
    lasting = {
        name: None for name, value in plan.values.items() if value.axis is not Axis.STEP
    }
    lasting.update((name, None) for s in statements for name in targets(s))
    moved: dict[str, None] = {}
    found: list[Statement] = []
    for statement in statements:
        sum_ = _products_of(statement, products)
        if not isinstance(statement, Compute) or sum_ is None:
            found.append(statement)
            continue
        added, rest = sum_
        moved.update((name, None) for name in added)
        formula = total(rest)
        if isinstance(formula, Symbol) and formula.name in lasting:
            base = formula.name
        else:
            base = names.take(f"{statement.target}_start")
            shapes[base] = shapes[statement.target]
            start = Compute(target=base, formula=formula, equation=statement.equation)
            found.append(start)
        found.extend(_chain(statement.target, base, [products[n] for n in added]))
    return tuple(
        statement
        for statement in found
        if not (
            isinstance(statement, Multiply)
            and statement.base is None
            and statement.target in moved
        )
    )


def torch_reads(statements: tuple[Statement, ...]) -> dict[str, None]:
    """The values that torch reads in a loop, with what products could be added to where
    that lies."""
    found: dict[str, None] = {}
    products = {s.target: s for s in statements if isinstance(s, Multiply)}
    for statement in statements:
        sum_ = _products_of(statement, products)
        if sum_ is not None:
            _, rest = sum_
            if len(rest) == 1 and rest[0].symbol is not None:
                found[rest[0].symbol] = None
        if not isinstance(statement, Compute | Join | Slice | Unsqueeze):
            found.update(dict.fromkeys(reads(statement)))
    return found


def _products_of(
    statement: Statement, products: Mapping[str, Multiply]
) -> tuple[list[str], list[Term]] | None:
    """The products a sum adds, and its other terms; None if it is no such sum."""
    if not isinstance(statement, Compute):
        return None
    parts = terms(statement.formula)
    added = [part.symbol for part in parts if part.symbol in products]
    rest = [part for part in parts if part.symbol not in added]
    if not added or not rest or len(dict.fromkeys(added)) < len(added):
        return None
    elsewhere = dict.fromkeys(name for part in rest for name in symbols(part.formula))
    if any(name in elsewhere for name in added):
        return None
    return [str(name) for name in added], rest


def _chain(target: str, base: str, products: list[Multiply]) -> list[Statement]:
    """One product after the other, each added to what came before."""
    found: list[Statement] = []
    for product in products:
        own = target if product is products[-1] else product.target
        found.append(
            Multiply(
                target=own,
                operand=product.operand,
                weight=product.weight,
                base=base,
                transposed=product.transposed,
            )
        )
        base = own
    return found
