"""Rules about the parts of a model taken together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnndsl.analysis.findings import error, quoted, warning
from rnndsl.analysis.model import Exchange, Model, OneHot, Pooling
from rnndsl.analysis.model_layers import (
    FeedBack,
    Join,
    Layer,
    LinearMap,
    RecurrentLayer,
    StateFromContext,
    TimeConvolution,
)
from rnndsl.analysis.models.clauses import misplaced_line
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.layers import LayerLine
from rnndsl.analysis.models.terms import excluded
from rnndsl.analysis.name_rules import never_used
from rnndsl.analysis.scope import Declared, Kind
from rnndsl.diagnostics import Diagnostic, Label, Report, Span
from rnndsl.syntax import tree

_BACKWARD = ("bidirectional", "reverse")


def check_directions(
    lines: Sequence[LayerLine], io: tree.Clause | None, model: Model, report: Report
) -> None:
    """Layers that run backward in time need more than one step, and a last step at
    which they have seen any."""
    if io is None:
        return
    for index, line in enumerate(lines):
        for word in _BACKWARD:
            place = line.options.places.get(word)
            if place is None:
                continue
            if model.exchange is Exchange.ONE_TO_ONE:
                reason = "there is one step, so no direction"
                exchange = model.exchange.value
                report.add(excluded(place, word, exchange, io.terms[0].span, reason))
            elif model.pooling is Pooling.LAST and index == len(lines) - 1:
                report.add(last_of_backward(place, io.span))


def check_kept(model: Model, report: Report) -> None:
    """What goes on where the call before ended does not start from a context."""
    if model.contexts:
        word, place = "context", model.contexts[0].span
    elif model.encoder is not None:
        word, place = "encoder", model.encoder.span
    else:
        return
    if model.stateful is not None:
        reason = "a sequence starts anew from what is given with it"
        report.add(excluded(model.stateful.span, "stateful", word, place, reason))
    for layer in (*model.layers, *model.head):
        if isinstance(layer, TimeConvolution):
            reason = "goes on from a state, which holds no former steps"
            report.add(excluded(layer.span, "conv_time", word, place, reason))


def check_repeat(model: Model, io: tree.Clause | None, report: Report) -> None:
    """Where one input is the same at all steps, nothing else has steps."""
    if model.exchange is not Exchange.REPEAT or io is None:
        return
    word, place = model.exchange.value, io.terms[0].span
    others = [(item.name, item.span) for item in model.inputs[1:]]
    others += [
        (name, part.span)
        for name, part in (("generate", model.generation), ("reset", model.reset))
        if part is not None
    ]
    for name, span in others:
        reason = "every step reads the same"
        report.add(excluded(span, name, word, place, reason))


def check_unequal(model: Model, io: tree.Clause | None, report: Report) -> None:
    """``io many_to_many(unequal)`` and blocks say the same; no other ``io`` does."""
    if io is None:
        return
    term = io.terms[0]
    is_unequal = "unequal" in term.span.text
    if model.encoder is not None and not is_unequal:
        place = model.encoder.span
        reason = "two sequences go in, of lengths that differ"
        advice = "write `io many_to_many(unequal)`, or leave it out"
        word = term.span.text
        report.add(excluded(term.span, word, "encoder", place, reason, advice))
    elif model.encoder is None and is_unequal:
        report.add(
            misplaced_line(
                io.word,
                "sequences of other lengths come out of "
                "a model with the blocks `encoder:` and `decoder:`",
            )
        )


def check_steps(model: Model, io: tree.Clause | None, report: Report) -> None:
    """Convolutions over time have several steps, from the first one on."""
    stateful = model.stateful
    for layer in (*model.layers, *model.head):
        if stateful is not None and isinstance(layer, TimeConvolution):
            place, reason = stateful.span, "sees steps that an earlier call had"
            report.add(excluded(layer.span, "conv_time", "stateful", place, reason))
    layers = model.head if model.exchange is Exchange.MANY_TO_ONE else ()
    if model.exchange is Exchange.ONE_TO_ONE:
        layers = (*model.layers, *model.head)
    for layer in layers:
        if isinstance(layer, TimeConvolution):
            assert io is not None, "what is not the default is written"
            other, place = model.exchange.value, io.terms[0].span
            reason = "there is one step, so no others to see"
            advice = "write it in `map`, of a model of sequences"
            name = "conv_time"
            report.add(excluded(layer.span, name, other, place, reason, advice))


def check_one_hot(model: Model, report: Report) -> None:
    """Unit vectors are read by matrices alone: they are never made."""
    first = model.layers[0]
    if isinstance(model.front, OneHot) and not _reads_columns(first, model):
        report.add(one_hot_read(model.front.span, first.span))


def _reads_columns(layer: Layer, model: Model) -> bool:
    if isinstance(layer, LinearMap):
        return True
    if not isinstance(layer, RecurrentLayer) or layer.variational:
        return False
    is_fed = any(isinstance(other, FeedBack) for other in model.layers)
    if layer.residual or layer.skip or is_fed:
        return False
    ready = [cell.name for cell in model.cells if cell.inputs[0].one_hot]
    return all(
        use is None or use.cell in ready
        for branch in layer.branches
        for use in (branch.forward, branch.backward)
    )


def check_model_usage(model: Model, context: ModelContext) -> None:
    """Every dimension is the size of something, every input reaches a layer."""
    if context.report.has_errors:
        return
    for declared in context.scope.of_kind(Kind.DIMENSION):
        if declared.name not in context.used:
            context.add(unused_size(declared))
    encoder = model.encoder
    read = {*names_read(model), *(() if encoder is None else names_read(encoder))}
    for item in (*model.inputs[1:], *(() if encoder is None else encoder.inputs[1:])):
        if item.name not in read:
            context.add(never_used("input", item.name, item.span))
    for item in model.contexts:
        if item.name not in read:
            context.add(never_used("context", item.name, item.span))


def names_read(model: Model) -> Iterator[str]:
    """The names of the inputs and contexts that the layers of a model read."""
    for layer in (*model.layers, *model.head):
        yield from _read(layer)


def _read(layer: Layer) -> Iterator[str]:
    """The names of the inputs and contexts that a layer reads."""
    match layer:
        case Join(source=source):
            yield source
        case RecurrentLayer(branches=branches, initial_state=start):
            if isinstance(start, StateFromContext):
                yield start.context
            for recurrence in branches:
                for use in (recurrence.forward, recurrence.backward):
                    yield from () if use is None else use.extra_inputs


def last_of_backward(span: Span, io: Span) -> Diagnostic:
    """The last output of a layer that has only begun there."""
    return warning(
        "RNN099",
        "at the last step, the backward direction has seen that step alone",
        span,
        label="runs from the last step to the first",
        help="take `many_to_one(state)`: each direction has seen all steps in the end; "
        "or `mean`, `max` or `attention`",
    )


def one_hot_read(span: Span, reader: Span) -> Diagnostic:
    """Unit vectors that something other than a linear map would read."""
    return error(
        "RNN103",
        "unit vectors are only multiplied by matrices",
        span,
        label="as long as the vocabulary, so they are never made",
        labels=[Label(reader, "does more with them")],
        help="put `map linear(64)` behind `one_hot`, or write `embed 64` instead",
    )


def unused_size(declared: Declared) -> Diagnostic:
    """A dimension of a model that nothing has."""
    return error(
        "RNN101",
        f"the dimension {quoted(declared.name)} is the size of nothing",
        declared.span,
        label="used nowhere",
        help="remove it, or make something of this size, as in `head linear(K)`",
    )
