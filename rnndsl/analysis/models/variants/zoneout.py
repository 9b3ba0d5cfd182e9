"""States that keep entries of their old value.

D. Krueger et al., Zoneout: regularizing RNNs by randomly preserving hidden activations,
2017, equations 2 to 5: each state is computed from the others' new values as without
zoneout, and what goes on to the next step is this value in some entries and the old one
in the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rnndsl.analysis.models.variants.rewriting import (
    as_local,
    binary,
    free_name,
    read_input,
    read_local,
    read_previous,
    rewritten_equation,
    with_value,
)
from rnndsl.analysis.program import (
    Cell,
    Constant,
    Equation,
    Input,
    ReadCurrent,
    ReadLocal,
    State,
    TypedExpression,
)


def with_zoneout(cell: Cell, zoned: Sequence[str]) -> tuple[Cell, dict[str, str]]:
    """The cell with an input for each state ``zoned``: the share of the old value in
    each entry, 1 or 0 in training. Returns it with the state of each such input."""
    states = {state.name: state for state in cell.states if state.name in zoned}
    names = {name: free_name(cell, f"{name}_new") for name in states}
    masks = {
        name: Input(
            span=state.span,
            name=free_name(cell, f"zoneout_{name}"),
            shape=state.shape,
        )
        for name, state in states.items()
    }
    candidates: dict[str, ReadLocal] = {}

    def unzoned(expression: TypedExpression) -> TypedExpression | None:
        if not isinstance(expression, ReadCurrent):
            return None
        return candidates.get(expression.name)

    equations: list[Equation] = []
    for equation in cell.equations:
        changed = rewritten_equation(equation, unzoned)
        if not equation.is_state or equation.target not in states:
            equations.append(changed)
            continue
        name, shape = equation.target, changed.value.shape
        candidate = read_local(names[name], shape, equation.span)
        candidates[name] = candidate
        equations.append(as_local(changed, names[name]))
        blend = _blend(masks[name], states[name], candidate)
        equations.append(with_value(equation, blend))
    cell = replace(
        cell,
        inputs=(*cell.inputs, *masks.values()),
        equations=tuple(equations),
    )
    return cell, {mask.name: name for name, mask in masks.items()}


def _blend(mask: Input, state: State, candidate: ReadLocal) -> TypedExpression:
    """``mask[t] * h[t-1] + (1 - mask[t]) * candidate``."""
    span, shape = candidate.span, state.shape
    share = read_input(mask, span)
    one = Constant(span=span, value=1.0)
    old = binary("*", share, read_previous(state, span), shape)
    new = binary("*", binary("-", one, share, shape), candidate, shape)
    return binary("+", old, new, shape)
