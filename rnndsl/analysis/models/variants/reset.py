"""States that start anew within a sequence."""

from __future__ import annotations

from dataclasses import replace

from rnndsl.analysis.models.variants.rewriting import (
    free_name,
    local,
    read_input,
    read_local,
    read_previous,
    rewritten,
    rewritten_equation,
)
from rnndsl.analysis.program import (
    Applied,
    Cell,
    Compared,
    Constant,
    Equation,
    FilledWith,
    Input,
    Member,
    ReadParameter,
    ReadPrevious,
    State,
    StoredParameter,
    TypedExpression,
)
from rnndsl.diagnostics import Span

_MARKED = 0.5
"""A mark is 1, and 0 where there is none."""


def with_reset(cell: Cell) -> tuple[Cell, str]:
    """The cell with an input of marks, 1 or 0: before a step with a mark all states are
    what they are before the first. Returns it with the name of this input."""
    marks = Input(span=cell.span, name=free_name(cell, "reset"), shape=())
    names = {
        state.name: free_name(cell, f"{state.name}_begun") for state in cell.states
    }
    read: dict[str, None] = {}

    def begun(expression: TypedExpression) -> TypedExpression | None:
        if not isinstance(expression, ReadPrevious):
            return None
        read[expression.name] = None
        return read_local(names[expression.name], expression.shape, expression.span)

    equations = [rewritten_equation(equation, begun) for equation in cell.equations]
    output = rewritten(cell.output, begun)
    first = equations[0]
    begin = [
        _begun(names[state.name], state, marks, first)
        for state in cell.states
        if state.name in read
    ]
    cell = replace(
        cell,
        inputs=(*cell.inputs, marks),
        equations=(*begin, *equations),
        output=output,
    )
    return cell, marks.name


def _begun(name: str, state: State, marks: Input, place: Equation) -> Equation:
    """``h_begun = where(reset[t] > 0.5, h0, h[t-1])``."""
    span = place.span
    is_marked = Compared(
        span=span,
        operator=">",
        left=read_input(marks, span),
        right=Constant(span=span, value=_MARKED),
        shape=(),
    )
    value = Applied(
        span=span,
        function="where",
        operands=(is_marked, _initial(state, span), read_previous(state, span)),
        constants=(),
        shape=state.shape,
    )
    return local(name, value, place)


def _initial(state: State, span: Span) -> TypedExpression:
    """What a state is before the first step."""
    if isinstance(state.initial, str):
        return ReadParameter(span=span, name=state.initial, shape=state.shape)
    return Constant(span=span, value=state.initial)


def with_learned_start(cell: Cell) -> Cell:
    """The cell with a parameter for each state that starts at a number: it starts at
    this number, and is trained. What is kept of a state starts as the state does."""
    starts: dict[str, str] = {}
    for state in cell.states:
        if isinstance(state.initial, str) or state.delay is not None:
            continue
        name = free_name(cell, f"{state.name}_first")
        starts[state.name] = name
        cell = replace(cell, parameters=(*cell.parameters, _first(name, state)))
    return replace(cell, states=tuple(_starting(s, starts) for s in cell.states))


def _first(name: str, state: State) -> StoredParameter:
    """Where a state starts, as a parameter that begins at the same number."""
    assert not isinstance(state.initial, str), "it has none yet"
    initial = FilledWith(span=state.span, value=state.initial)
    return StoredParameter(
        span=state.span,
        name=name,
        members=(Member(span=state.span, name=name, initial=initial),),
        member_shape=state.shape,
        is_bias=False,
    )


def _starting(state: State, starts: dict[str, str]) -> State:
    name = state.name if state.delay is None else state.delay.name
    return replace(state, initial=starts[name]) if name in starts else state
