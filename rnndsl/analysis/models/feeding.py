"""Feeding back: what a step puts out is read by the first layer at the next."""

from __future__ import annotations

from collections.abc import Sequence

from rnndsl.analysis.findings import error
from rnndsl.analysis.model import (
    Dropout,
    Exchange,
    FeedBack,
    Layer,
    Model,
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
    for layer in model.layers[: model.layers.index(feed)]:
        match layer:
            case RecurrentLayer(branches=branches, variational=share):
                is_backward = any(b.backward is not None for b in branches)
                uses = [b.forward for b in branches if b.forward is not None]
                is_masked = bool(share) or any(use.fed for use in uses)
                emits = any(use.emitted for use in uses)
            case TimeConvolution():
                is_backward, is_masked, emits = True, False, False
            case Dropout(variational=variational):
                is_backward, is_masked, emits = False, variational, False
            case _:
                continue
        place = feed.span
        if is_backward:
            reason = "needs steps that have not been reached"
            report.add(excluded(layer.span, layer.span.text, "feed", place, reason))
        elif is_masked:
            reason = "has one mask for all steps, which run one by one"
            report.add(excluded(layer.span, layer.span.text, "feed", place, reason))
        elif emits:
            reason = "gives out values of all steps, which run one by one"
            report.add(excluded(layer.span, layer.span.text, "feed", place, reason))
    if model.reset is not None:
        reason = "marks are read by all steps at once"
        report.add(excluded(feed.span, "feed", "reset", model.reset.span, reason))
    if model.exchange is Exchange.ONE_TO_ONE:
        assert io is not None, "the default is another"
        exchange, place = model.exchange.value, io.terms[0].span
        reason = "there is no next step to read it"
        report.add(excluded(feed.span, "feed", exchange, place, reason))


def feeds_itself(span: Span, width: Width) -> Diagnostic:
    """Something fed back that would be wider at each step."""
    return error(
        "RNN116",
        "what is fed back has no width of its own",
        span,
        label=f"has width {width}",
        help="put `map linear(64)` on the line before",
    )
