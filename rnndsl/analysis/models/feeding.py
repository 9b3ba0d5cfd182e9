"""Feeding back: what a step puts out is read by the first layer at the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnndsl.analysis.findings import error
from rnndsl.analysis.model import Exchange, Model
from rnndsl.analysis.model_layers import (
    Dropout,
    Feed,
    FeedBack,
    Layer,
    RecurrentLayer,
    TimeConvolution,
)
from rnndsl.analysis.models.clauses import misplaced_line
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.terms import excluded, given_twice, wrong_arguments
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Diagnostic, Report, Span
from rnndsl.syntax import tree

# The width of what is fed back, while it is not known. No dimension has this name.
UNKNOWN_FED = Width.of("what is fed back")


def read_feed(
    clause: tree.Clause, width: Width, below: Sequence[Layer], context: ModelContext
) -> FeedBack | None:
    """What ``feed`` says, on features of this width; None, and reported, if it cannot
    stand here."""
    for term in clause.terms:
        context.add(wrong_arguments(term.span, "feed", "feed", "takes nothing"))
        return None
    former = next((layer for layer in below if isinstance(layer, FeedBack)), None)
    if former is not None:
        context.add(given_twice(clause.span, "feed", former.span))
        return None
    if not any(isinstance(layer, RecurrentLayer) for layer in below):
        advice = "write it behind the layer whose next step reads it"
        context.add(misplaced_line(clause.word, advice))
        return None
    return FeedBack(span=clause.span, width=width)


def depends(width: Width) -> bool:
    """Whether a width is made of that of what is fed back."""
    ((unknown, _),) = UNKNOWN_FED.counts
    return any(name == unknown for name, _ in width.counts)


def check_fed(model: Model, io: tree.Clause | None, report: Report) -> None:
    """A model that feeds back runs step by step, forward in time."""
    feed = next((layer for layer in model.layers if isinstance(layer, FeedBack)), None)
    if feed is None:
        return
    kinds = [type(layer) for layer in model.layers]
    first, last = kinds.index(RecurrentLayer), kinds.index(FeedBack)
    for layer in model.layers[first:last]:
        for word, reason in _needs_all_steps(layer):
            report.add(excluded(layer.span, word, "feed", feed.span, reason))
    if model.reset is not None:
        reason = "marks are read by all steps at once"
        report.add(excluded(feed.span, "feed", "reset", model.reset.span, reason))
    if model.exchange is Exchange.ONE_TO_ONE:
        assert io is not None, "the default is another"
        exchange, place = model.exchange.value, io.terms[0].span
        reason = "there is no next step to read it"
        report.add(excluded(feed.span, "feed", exchange, place, reason))


def _needs_all_steps(layer: Layer) -> Iterator[tuple[str, str]]:
    """What about a layer needs more steps than one at a time, and why. Marks where to
    start anew do so in all layers at once."""
    once = "draws one mask for all steps, which run one by one"
    match layer:
        case RecurrentLayer(branches=branches):
            both = [use for b in branches for use in (b.forward, b.backward)]
            uses = [use for use in both if use is not None]
            if any(branch.backward is not None for branch in branches):
                word = "reverse" if None in both else "bidirectional"
                yield word, "needs steps that have not been reached"
            if layer.variational:
                yield "variational", once
            if layer.weight_drop:
                yield "weight_drop", once
            kinds = {fed.feed for use in uses for fed in use.fed}
            if Feed.RECURRENT_DROPOUT in kinds:
                yield "recurrent_dropout", once
            if any(use.emitted for use in uses):
                yield "emit", "gives out values of all steps, which run one by one"
        case TimeConvolution():
            yield "conv_time", "needs steps that have gone by"
        case Dropout(variational=True):
            yield "variational", once
        case _:
            return


def feeds_itself(span: Span, width: Width) -> Diagnostic:
    """Something fed back that would be wider at each step."""
    return error(
        "RNN116",
        "what is fed back has no width of its own",
        span,
        label=f"has width {width}",
        help="put `map linear(64)` on the line before",
    )
