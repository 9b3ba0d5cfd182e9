"""Reads the options of a layer that change its cells."""

from __future__ import annotations

from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.layers import LayerOptions
from rnndsl.analysis.models.terms import (
    arguments_of,
    check_plain,
    given_twice,
    probability,
    share_of,
    word_of,
    wrong_arguments,
)
from rnndsl.syntax import tree

_EMIT_FORM = "emit(c, f)"
_ZONEOUT_FORM = "zoneout(0.1)` or `zoneout(h = 0.1, c = 0.05)"


def read_zoneout(term: tree.Term, options: LayerOptions, context: ModelContext) -> bool:
    """``zoneout(0.1)``, or one probability for each state that is named."""
    if not check_plain(term, context.report):
        return False
    arguments = arguments_of(term)
    named = [argument for argument in arguments if argument.name is not None]
    if not arguments or (len(arguments) > 1 and len(named) < len(arguments)):
        place = term.name.span if term.arguments is None else term.arguments.span
        label = "needs one number, or one for each state"
        context.add(wrong_arguments(place, "zoneout", _ZONEOUT_FORM, label))
        return False
    variant, is_sound = options.variant, True
    for argument in arguments:
        value, report = argument.value, context.report
        share = probability(value, "zoneout", _ZONEOUT_FORM, report)
        is_sound = is_sound and share is not None
        if share is None:
            continue
        if argument.name is None:
            variant.zoneout = share
        elif argument.name.text in variant.zoneout_of:
            first = variant.zoneout_places[argument.name.text]
            context.add(given_twice(argument.name.span, argument.name.text, first))
            is_sound = False
        else:
            variant.zoneout_of[argument.name.text] = share
            variant.zoneout_places[argument.name.text] = argument.name.span
    return is_sound


def read_emit(term: tree.Term, options: LayerOptions, context: ModelContext) -> bool:
    """``emit(c, f)``: names of locals and states."""
    if not check_plain(term, context.report):
        return False
    arguments, emitted = arguments_of(term), options.variant.emitted
    if not arguments:
        place = term.name.span if term.arguments is None else term.arguments.span
        label = "names a local or a state, or several"
        context.add(wrong_arguments(place, "emit", _EMIT_FORM, label))
        return False
    is_sound = True
    for argument in arguments:
        word = word_of(argument.value) if argument.name is None else None
        span = argument.value.span
        if word is None:
            label = "a name is needed here"
            context.add(wrong_arguments(argument.span, "emit", _EMIT_FORM, label))
        elif word in emitted:
            context.add(given_twice(span, word, emitted[word]))
        else:
            emitted[word] = span
            continue
        is_sound = False
    return is_sound


def read_recurrent_dropout(
    term: tree.Term, options: LayerOptions, context: ModelContext
) -> bool:
    """``recurrent_dropout(0.2)``."""
    share = share_of(term, "recurrent_dropout", context)
    options.variant.recurrent_dropout = share
    return share is not None


def read_weight_drop(
    term: tree.Term, options: LayerOptions, context: ModelContext
) -> bool:
    """``weight_drop(0.5)``."""
    share = share_of(term, "weight_drop", context)
    options.variant.weight_drop = share
    return share is not None
