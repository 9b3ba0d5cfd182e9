"""One input that is held until the states settle."""

from __future__ import annotations

from collections.abc import Sequence

from rnndsl.analysis.model import Exchange, Settling
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.layers import LayerLine
from rnndsl.analysis.models.terms import (
    arguments_of,
    excluded,
    given_twice,
    unknown_choice,
    wrong_arguments,
)
from rnndsl.diagnostics import Report, Span
from rnndsl.syntax import tree
from rnndsl.syntax.literals import is_whole_number

_SETTLE, _TOLERANCE = "settle", "tolerance"
_FORM = "io one_to_one(settle = 100, tolerance = 0.001)"


_UNSETTLING = {
    "weight_drop": "the weights change in every step, so no state settles",
    "zoneout": "what keeps its old value does not settle",
}


def read_settling(clause: tree.Clause | None, context: ModelContext) -> Settling | None:
    """What stands in the parentheses of ``one_to_one``, if it is there and right."""
    term = clause.terms[0] if clause is not None and clause.terms else None
    if not isinstance(term, tree.Term) or term.arguments is None:
        return None
    if term.name.text != Exchange.ONE_TO_ONE.value:
        return None
    found: dict[str, tree.NumberLiteral] = {}
    for argument in arguments_of(term):
        name, value = argument.name, argument.value
        if name is None:
            _refuse(argument.span, "needs its name", context)
        elif name.text not in (_SETTLE, _TOLERANCE):
            known = (_SETTLE, _TOLERANCE)
            context.add(unknown_choice(name.span, name.text, "option", known))
        elif name.text in found:
            first = found[name.text].span
            context.add(given_twice(name.span, name.text, first))
        elif isinstance(value, tree.NumberLiteral) and _fits(name.text, value):
            found[name.text] = value
        else:
            whole = "a positive whole number is needed here"
            share = "a number from 0 on is needed here"
            label = whole if name.text == _SETTLE else share
            _refuse(value.span, label, context)
    if context.report.has_errors:
        return None
    if _SETTLE not in found:
        _refuse(term.arguments.span, "after how many steps at most?", context)
        return None
    tolerance = found.get(_TOLERANCE)
    return Settling(
        span=term.span,
        steps=int(found[_SETTLE].value),
        tolerance=0.0 if tolerance is None else tolerance.value,
    )


def check_settling(
    settling: Settling | None, lines: Sequence[LayerLine], report: Report
) -> None:
    """What is drawn anew in every step never settles, what is held does not move."""
    if settling is None:
        return
    for line in lines:
        for word, reason in _UNSETTLING.items():
            place = line.options.places.get(word)
            if place is not None:
                report.add(excluded(place, word, "settle", settling.span, reason))


def _fits(name: str, number: tree.NumberLiteral) -> bool:
    if name == _TOLERANCE:
        return number.value >= 0
    return is_whole_number(number.text) and number.value > 0


def _refuse(span: Span, label: str, context: ModelContext) -> None:
    name = Exchange.ONE_TO_ONE.value
    context.add(wrong_arguments(span, name, _FORM, label))
