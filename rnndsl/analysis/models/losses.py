"""The end of a model: what goes in and comes out, and the loss."""

from __future__ import annotations

from rnndsl.analysis.model import Exchange, Loss, LossKind, Pooling
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.terms import (
    arguments_of,
    check_plain,
    given_twice,
    not_a_number,
    probability,
    single,
    unknown_choice,
    values_of,
    word_of,
    wrong_arguments,
)
from rnndsl.syntax import tree
from rnndsl.syntax.literals import is_whole_number

_EXCHANGES = tuple(exchange.value for exchange in Exchange)
_POOLINGS = tuple(pooling.value for pooling in Pooling)
_LOSSES = tuple(kind.value for kind in LossKind)
_IGNORE, _SMOOTHING = "ignore", "smoothing"
_CROSS_ENTROPY_FORM = "cross_entropy(ignore = -100, smoothing = 0.1)"


def read_exchange(
    clause: tree.Clause, context: ModelContext
) -> tuple[Exchange, Pooling | None] | None:
    """What ``io`` says; None, and reported, if it is wrong."""
    term = single(clause, "io many_to_one(mean)", context)
    if term is None or not check_plain(term, context.report):
        return None
    if isinstance(term, tree.NumberLiteral) or term.name.text not in _EXCHANGES:
        word = term.text if isinstance(term, tree.NumberLiteral) else term.name.text
        context.add(unknown_choice(term.span, word, "`io`", _EXCHANGES))
        return None
    exchange = Exchange(term.name.text)
    if exchange is not Exchange.MANY_TO_ONE:
        values = values_of(term, f"io {exchange.value}", (0,), context.report)
        return None if values is None else (exchange, None)
    values = values_of(term, "io many_to_one(mean)", (0, 1), context.report)
    if values is None:
        return None
    if not values:
        return exchange, Pooling.LAST
    word_or_none = word_of(values[0])
    if word_or_none not in _POOLINGS:
        text = values[0].span.text
        context.add(unknown_choice(values[0].span, text, "pooling", _POOLINGS))
        return None
    return exchange, Pooling(word_or_none)


def read_loss(clause: tree.Clause, context: ModelContext) -> Loss | None:
    """What ``loss`` says; None, and reported, if it is wrong."""
    term = single(clause, "loss cross_entropy", context)
    if term is None or not check_plain(term, context.report):
        return None
    if isinstance(term, tree.NumberLiteral) or term.name.text not in _LOSSES:
        word = term.text if isinstance(term, tree.NumberLiteral) else term.name.text
        context.add(unknown_choice(term.span, word, "loss", _LOSSES))
        return None
    kind = LossKind(term.name.text)
    if kind is not LossKind.CROSS_ENTROPY:
        values = values_of(term, f"loss {kind.value}", (0,), context.report)
        if values is None:
            return None
        return Loss(span=clause.span, kind=kind, ignore=None, smoothing=0.0)
    return _cross_entropy(clause, term, context)


def _cross_entropy(
    clause: tree.Clause, term: tree.Term, context: ModelContext
) -> Loss | None:
    given: dict[str, tree.Argument] = {}
    for argument in arguments_of(term):
        if argument.name is None:
            form, label = _CROSS_ENTROPY_FORM, "needs a name"
            place = argument.span
            context.add(wrong_arguments(place, term.name.text, form, label))
            return None
        word = argument.name
        if word.text not in (_IGNORE, _SMOOTHING):
            known = (_IGNORE, _SMOOTHING)
            context.add(unknown_choice(word.span, word.text, "option", known))
            return None
        if word.text in given:
            context.add(given_twice(word.span, word.text, given[word.text].span))
            return None
        given[word.text] = argument
    ignore: int | None = None
    smoothing: float | None = None
    if _IGNORE in given:
        ignore = _target(given[_IGNORE].value, context)
    if _SMOOTHING in given:
        value = given[_SMOOTHING].value
        smoothing = probability(value, _SMOOTHING, "smoothing = 0.1", context.report)
    return Loss(
        span=clause.span,
        kind=LossKind.CROSS_ENTROPY,
        ignore=ignore,
        smoothing=smoothing or 0.0,
    )


def _target(term: tree.ClauseTerm, context: ModelContext) -> int | None:
    """A whole number, with or without a sign."""
    if isinstance(term, tree.NumberLiteral) and is_whole_number(
        term.text.removeprefix("-")
    ):
        return int(term.text)
    context.add(not_a_number(term.span, _IGNORE, "ignore = -100"))
    return None
