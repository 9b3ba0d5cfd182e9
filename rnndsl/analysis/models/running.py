"""How a model is run: what it keeps between calls, where gradients are cut."""

from __future__ import annotations

from collections.abc import Sequence

from rnndsl.analysis.model import Exchange, Stateful, Truncation
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.layers import LayerLine
from rnndsl.analysis.models.terms import excluded, single, wrong_arguments
from rnndsl.diagnostics import Report
from rnndsl.syntax import tree
from rnndsl.syntax.literals import is_whole_number

_BACKWARD = ("bidirectional", "reverse")


def read_stateful(clause: tree.Clause | None, context: ModelContext) -> Stateful | None:
    """The line ``stateful``, if there is one."""
    if clause is None:
        return None
    for term in clause.terms[:1]:
        context.add(wrong_arguments(term.span, "stateful", "stateful", "takes nothing"))
    return Stateful(span=clause.word.span)


def read_truncation(
    clause: tree.Clause | None, context: ModelContext
) -> Truncation | None:
    """What ``truncate`` says, if it is there and right."""
    if clause is None:
        return None
    form = "truncate 35"
    term = single(clause, form, context)
    if term is None:
        return None
    is_number = isinstance(term, tree.NumberLiteral) and is_whole_number(term.text)
    if isinstance(term, tree.NumberLiteral) and is_number and term.value > 0:
        return Truncation(span=clause.word.span, steps=int(term.text))
    label = "a positive whole number is needed here"
    context.add(wrong_arguments(term.span, "truncate", form, label))
    return None


def check_running(
    lines: Sequence[LayerLine],
    exchange: Exchange,
    io: tree.Clause | None,
    running: Sequence[Stateful | Truncation | None],
    report: Report,
) -> None:
    """What runs in pieces runs forward; what is cut has more than one step."""
    for part in running:
        if part is None:
            continue
        word = part.span.text
        if isinstance(part, Truncation) and exchange is Exchange.ONE_TO_ONE:
            assert io is not None, "the default is another"
            place, reason = io.terms[0].span, "there is one step, so nothing to cut"
            report.add(excluded(part.span, word, exchange.value, place, reason))
        for line in lines:
            for other in _BACKWARD:
                if line.options.has(other):
                    place = line.options.places[other]
                    reason = "what runs backward begins at the end of the sequence"
                    report.add(excluded(part.span, word, other, place, reason))
