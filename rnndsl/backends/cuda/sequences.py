"""What a loop reads that is there before it starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from rnndsl.backends.cuda.places import Place, Rows
from rnndsl.backends.torch.function import code_of, is_used
from rnndsl.formulas.formula import Formula, substitute, symbols
from rnndsl.plan.forward import live_part
from rnndsl.plan.plan import CellPlan, Value
from rnndsl.plan.shapes import Axes
from rnndsl.plan.statements import (
    Axis,
    Compute,
    Multiply,
    Statement,
    Unsqueeze,
    reads,
    targets,
)


def outside_places(
    plan: CellPlan,
    statements: Iterable[Statement],
    shapes: Mapping[str, Axes],
    kept: Iterable[str] = (),
) -> dict[str, Place]:
    """The places of fixed values, of values of all steps, and of ``kept`` ones, which
    bear the value's own name. ``statements`` are those that compute them."""
    thin = _thin(plan, statements)
    found = {
        name: Place(
            tensor=name,
            rows=Rows.FIXED if value.axis is Axis.FIXED else Rows.ALL,
            axes=shapes[name],
            is_thin=name in thin,
        )
        for name, value in plan.values.items()
        if value.axis is not Axis.STEP and name in shapes
    }
    for name in kept:
        found[name] = Place(tensor=name, rows=Rows.ALL, axes=shapes[name])
    return found


def _thin(plan: CellPlan, statements: Iterable[Statement]) -> dict[str, None]:
    """The values that have one entry where vectors have many: scalars of each row that
    stand beside vectors, and what is computed of fixed scalars alone."""
    found: dict[str, None] = {}
    for statement in statements:
        match statement:
            case Unsqueeze(target=target):
                found[target] = None
            case Compute(target=target, formula=formula):
                if all(
                    name in found or _is_fixed_scalar(plan.values[name])
                    for name in symbols(formula)
                ):
                    found[target] = None
            case _:
                pass
    return found


def _is_fixed_scalar(value: Value) -> bool:
    return value.axis is Axis.FIXED and value.shape == ()


def constants(statements: Iterable[Statement]) -> dict[str, Formula]:
    """The fixed values that depend on no parameter: numbers, not tensors."""
    found: dict[str, Formula] = {}
    for statement in statements:
        if isinstance(statement, Compute) and all(
            name in found for name in symbols(statement.formula)
        ):
            found[statement.target] = substitute(statement.formula, found)
    return found


def owned_sequences(
    before: Iterable[Statement],
    everywhere: Iterable[Statement],
    wanted: Iterable[str],
) -> dict[str, None]:
    """The values of all steps made ``before`` a loop that one statement reads alone."""
    readers = Counter(name for s in everywhere for name in reads(s))
    readers.update(wanted)
    return dict.fromkeys(
        name
        for statement in before
        if isinstance(statement, Compute | Multiply)
        for name in targets(statement)
        if readers[name] == 1
    )


def still_read(
    statements: Iterable[Statement], lines: Iterable[str]
) -> list[Statement]:
    """The statements without the parts that kernels read where they lie: what neither
    the lines nor a later statement reads."""
    listed, text = list(statements), code_of(lines)
    needed = {name: None for s in listed for name in targets(s) if is_used(name, text)}
    found: list[Statement] = []
    for statement in reversed(listed):
        live = live_part(statement, needed)
        if live is not None:
            needed.update(dict.fromkeys(reads(live)))
            found.append(live)
    return found[::-1]
