"""``many_to_one(state c)``: a state after the last step, in the place of an output."""

from __future__ import annotations

from collections.abc import Iterator

from rnndsl.analysis.findings import did_you_mean, error, quoted, shape_text
from rnndsl.analysis.model import LastState, Pooling
from rnndsl.analysis.model_layers import Merge, RecurrentLayer
from rnndsl.analysis.models.cells import SizedCell
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.layers import LayerLine
from rnndsl.analysis.models.stack import Stack
from rnndsl.analysis.models.terms import arguments_of, excluded
from rnndsl.analysis.program import State
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Diagnostic, Label, Span
from rnndsl.diagnostics.suggest import suggest
from rnndsl.syntax import tree

# Options of a layer that act on its outputs alone.
_OF_OUTPUTS = ("project", "dropout", "residual", "skip")


def read_last_state(
    io: tree.Clause, stack: Stack, context: ModelContext
) -> LastState | None:
    """The state that ``io`` names, of the layer on top, whose width then becomes that
    of the stack; None, and reported, if there is none."""
    (term,) = (term for term in io.terms if isinstance(term, tree.Term))
    (argument,) = arguments_of(term)
    assert isinstance(argument.value, tree.Term), "read as a word before"
    name = argument.value.option
    word = Pooling.STATE.value if name is None else f"{Pooling.STATE.value} {name.text}"
    top = stack.layers[-1] if stack.layers else None
    if stack.width is None or top is None:
        return None
    if not isinstance(top, RecurrentLayer):
        context.add(not_on_top(argument.span, word, top.span))
        return None
    line = stack.lines[-1]
    found = list(_unread(line, argument.span, word))
    width = Width()
    for cell in _runs(line):
        state = _state(cell, name)
        if state is None or len(state.shape) != 1:
            found.append(no_last_state(argument.value, cell, state))
        else:
            (own,) = cell.widths(state.shape, top.input_width)
            width += own
    for diagnostic in found:
        context.add(diagnostic)
    stack.width = None if found else width
    state_name = None if name is None else name.text
    if found:
        return None
    return LastState(span=argument.span, name=state_name, width=width)


def _runs(line: LayerLine) -> Iterator[SizedCell]:
    """The cell of each direction of each branch."""
    options = line.options
    for cell in line.cells:
        yield cell
        if options.has("bidirectional"):
            yield cell if options.backward is None else options.backward


def _state(cell: SizedCell, name: tree.Name | None) -> State | None:
    states = cell.cell.states
    if name is None:
        return states[0]
    return next((state for state in states if state.name == name.text), None)


def _unread(line: LayerLine, place: Span, word: str) -> Iterator[Diagnostic]:
    """What acts on outputs, which nothing reads."""
    options = line.options
    reason = "acts on outputs, of which none is read"
    for option in _OF_OUTPUTS:
        if options.has(option):
            yield excluded(options.places[option], option, word, place, reason)
    if options.merge is not Merge.CONCAT:
        own = options.places["bidirectional"]
        merge = options.merge.value
        reason = "last states stand beside each other"
        yield excluded(own, f"bidirectional({merge})", word, place, reason)
    if line.merge is not Merge.CONCAT:
        first = line.clause.terms[0]
        reason = "last states stand beside each other"
        merge = f"merge = {line.merge.value}"
        yield excluded(first.span, merge, word, place, reason)


def not_on_top(span: Span, word: str, top: Span) -> Diagnostic:
    """The state of something that has none."""
    return error(
        "RNN144",
        f"`many_to_one({word})` needs a recurrent layer on top",
        span,
        label="a state of the layer on top",
        labels=[Label(top, "is on top, and has no state")],
        help="write it in the head, `head linear(64)`, or take `many_to_one(last)`",
    )


def no_last_state(term: tree.Term, cell: SizedCell, state: State | None) -> Diagnostic:
    """A state that the cell on top lacks, or that is no vector."""
    known = [own.name for own in cell.cell.states if len(own.shape) == 1]
    listed = ", ".join(quoted(name) for name in known)
    name = "state" if term.option is None else term.option.text
    place = term.span if term.option is None else term.option.span
    advice = did_you_mean(suggest(name, known)) or f"its vectors are {listed}"
    if state is not None:
        shape = shape_text(state.shape)
        return error(
            "RNN145",
            f"the state {quoted(state.name)} of {quoted(cell.cell.name)} is no vector",
            place,
            label=f"has shape {shape}",
            labels=[Label(state.span, "declared here")],
            help=advice if known else "",
        )
    return error(
        "RNN145",
        f"there is no state {quoted(name)} in {quoted(cell.cell.name)}",
        place,
        label="not a state",
        help=advice if known else "",
    )
