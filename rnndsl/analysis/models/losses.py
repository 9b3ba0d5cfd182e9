"""The end of a model: what goes in and comes out, and the loss."""

from __future__ import annotations

from rnndsl.analysis.model import Exchange, Loss, LossKind, Masking, Pooling
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.loss_options import LossReader
from rnndsl.analysis.models.terms import (
    arguments_of,
    check_plain,
    single,
    unknown_choice,
    values_of,
    word_of,
    wrong_arguments,
)
from rnndsl.syntax import tree

_EXCHANGES = tuple(e.value for e in Exchange if e is not Exchange.REPEAT)
_REPEAT = "repeat"
_POOLINGS = tuple(pooling.value for pooling in Pooling)
_LOSSES = tuple(kind.value for kind in LossKind)
_MASKINGS = tuple(masking.value for masking in Masking)
_UNEQUAL = "unequal"
_MASK = "mask"


def read_exchange(
    clause: tree.Clause, context: ModelContext
) -> tuple[Exchange, Pooling | None, Masking] | None:
    """What ``io`` says; None, and reported, if it is wrong."""
    term = single(clause, "io many_to_one(mean)", context)
    if term is None or not check_plain(term, context.report):
        return None
    if isinstance(term, tree.NumberLiteral) or term.name.text not in _EXCHANGES:
        word = term.text if isinstance(term, tree.NumberLiteral) else term.name.text
        context.add(unknown_choice(term.span, word, "`io`", _EXCHANGES))
        return None
    exchange = Exchange(term.name.text)
    if exchange is Exchange.MANY_TO_MANY:
        masking = _masking(term, context)
        return None if masking is None else (exchange, None, masking)
    if exchange is Exchange.ONE_TO_ONE:
        # What it holds is read by itself.
        return exchange, None, Masking.ZERO
    if exchange is Exchange.ONE_TO_MANY:
        form = f"io {Exchange.REPEAT.value}"
        values = values_of(term, form, (0, 1), context.report)
        if values is None:
            return None
        if values and word_of(values[0]) != _REPEAT:
            text, known = values[0].span.text, (_REPEAT,)
            context.add(unknown_choice(values[0].span, text, "option", known))
            return None
        return Exchange.REPEAT if values else exchange, None, Masking.ZERO
    values = values_of(term, "io many_to_one(mean)", (0, 1), context.report)
    if values is None:
        return None
    if not values:
        return exchange, Pooling.LAST, Masking.ZERO
    if isinstance(values[0], tree.Term) and _is_state(values[0]):
        return exchange, Pooling.STATE, Masking.ZERO
    word_or_none = word_of(values[0])
    if word_or_none not in _POOLINGS:
        text = values[0].span.text
        context.add(unknown_choice(values[0].span, text, "pooling", _POOLINGS))
        return None
    return exchange, Pooling(word_or_none), Masking.ZERO


def _is_state(term: tree.Term) -> bool:
    """``state``, or a state by its name: ``state c``."""
    is_bare = term.arguments is None and term.repetition is None
    return is_bare and term.name.text == Pooling.STATE.value


def _masking(term: tree.Term, context: ModelContext) -> Masking | None:
    """``zero``, or what ``many_to_many(mask = hold)`` says."""
    form = "io many_to_many(mask = hold)"
    arguments = arguments_of(term)
    is_unequal = len(arguments) == 1 and word_of(arguments[0].value) == _UNEQUAL
    if term.arguments is None or (is_unequal and arguments[0].name is None):
        return Masking.ZERO
    if len(arguments) != 1 or arguments[0].name is None:
        place = term.arguments.span
        context.add(wrong_arguments(place, term.name.text, form, "needs `mask = `"))
        return None
    (argument,) = arguments
    if argument.name is not None and argument.name.text != _MASK:
        word = argument.name
        context.add(unknown_choice(word.span, word.text, "option", (_MASK,)))
        return None
    found = word_of(argument.value)
    if found not in _MASKINGS:
        span = argument.value.span
        context.add(unknown_choice(span, span.text, "masking", _MASKINGS))
        return None
    return Masking(found)


def read_loss(clause: tree.Clause, context: ModelContext) -> Loss | None:
    """What ``loss`` says; None, and reported, if it is wrong."""
    term = single(clause, "loss cross_entropy", context)
    if term is None or not check_plain(term, context.report):
        return None
    if isinstance(term, tree.NumberLiteral) or term.name.text not in _LOSSES:
        word = term.text if isinstance(term, tree.NumberLiteral) else term.name.text
        context.add(unknown_choice(term.span, word, "loss", _LOSSES))
        return None
    return LossReader(clause.span, term, context).loss()
