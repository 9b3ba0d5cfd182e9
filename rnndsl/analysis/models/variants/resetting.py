"""The line ``reset`` of a model."""

from __future__ import annotations

from rnndsl.analysis.model import Exchange, Model, Reset
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.terms import excluded, wrong_arguments
from rnndsl.diagnostics import Report
from rnndsl.syntax import tree


def read_reset(clause: tree.Clause | None, context: ModelContext) -> Reset | None:
    """The line ``reset``, if there is one."""
    if clause is None:
        return None
    for term in clause.terms[:1]:
        context.add(wrong_arguments(term.span, "reset", "reset", "takes nothing"))
    return Reset(span=clause.word.span)


def check_reset(model: Model, io: tree.Clause | None, report: Report) -> None:
    """A single step is the first one anyway; what comes from a context, or generates,
    has one beginning."""
    reset, exchange = model.reset, model.exchange
    if reset is None:
        return
    if io is not None and exchange is Exchange.ONE_TO_ONE:
        place, word = io.terms[0].span, exchange.value
        reason = "there is one step, which is the first"
        report.add(excluded(reset.span, "reset", word, place, reason))
    reason = "is there once a sequence, which has one beginning"
    if model.contexts:
        first = model.contexts[0]
        report.add(excluded(reset.span, "reset", first.name, first.span, reason))
    elif model.encoder is not None:
        place = model.encoder.span
        report.add(excluded(reset.span, "reset", "encoder", place, reason))
    elif model.generation is not None:
        place = model.generation.span
        reason = "what is generated has one beginning"
        report.add(excluded(reset.span, "reset", "generate", place, reason))
