"""Dropout of what goes from step to step.

Y. Gal and Z. Ghahramani, A theoretically grounded application of dropout in recurrent
neural networks, 2016: wherever a weight is multiplied with an old state, entries of the
state are dropped, the same at every step of a sequence.
"""

from __future__ import annotations

from dataclasses import replace

from rnndsl.analysis.models.variants.recurrent import in_recurrent_operands
from rnndsl.analysis.models.variants.rewriting import (
    binary,
    free_name,
    local,
    read_input,
    read_local,
    read_previous,
    rewritten,
    rewritten_equation,
)
from rnndsl.analysis.program import (
    Cell,
    Equation,
    Input,
    ReadLocal,
    ReadPrevious,
    TypedExpression,
)


def with_recurrent_dropout(cell: Cell) -> tuple[Cell, dict[str, str]]:
    """The cell with an input for each state that a weight is multiplied with: what the
    state is multiplied with there. Returns it with the state of each such input."""
    locals_ = {
        state.name: free_name(cell, f"{state.name}_dropped") for state in cell.states
    }
    dropped: dict[str, None] = {}

    def drop(expression: TypedExpression) -> TypedExpression | None:
        if not isinstance(expression, ReadPrevious):
            return None
        dropped[expression.name] = None
        name = locals_[expression.name]
        return read_local(name, expression.shape, expression.span)

    change = in_recurrent_operands(cell, drop)
    equations = [rewritten_equation(equation, change) for equation in cell.equations]
    output = rewritten(cell.output, change)
    inputs: dict[str, str] = {}
    for state in cell.states:
        if state.name not in dropped:
            continue
        mask = Input(
            span=state.span,
            name=free_name(cell, f"dropout_{state.name}"),
            shape=state.shape,
        )
        inputs[mask.name] = state.name
        cell = replace(cell, inputs=(*cell.inputs, mask))
        name = locals_[state.name]
        index = _first_use(equations, name)
        place = equations[min(index, len(equations) - 1)]
        old = read_previous(state, place.span)
        value = binary("*", read_input(mask, place.span), old, state.shape)
        equations.insert(index, local(name, value, place))
    return replace(cell, equations=tuple(equations), output=output), inputs


def _first_use(equations: list[Equation], name: str) -> int:
    """The index of the first equation that reads a local; their number if none does."""
    found = False

    def look(expression: TypedExpression) -> None:
        nonlocal found
        is_read = isinstance(expression, ReadLocal) and expression.name == name
        found = found or is_read

    for index, equation in enumerate(equations):
        rewritten(equation.value, look)
        if found:
            return index
    return len(equations)
