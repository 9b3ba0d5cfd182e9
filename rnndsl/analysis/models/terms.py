"""What every term of a line has in common: arguments, repetitions, words behind it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rnndsl.analysis.findings import did_you_mean, error, quoted
from rnndsl.analysis.models.context import ModelContext
from rnndsl.diagnostics import Diagnostic, Label, Report, Span
from rnndsl.diagnostics.suggest import suggest
from rnndsl.syntax import tree

PARALLEL = "parallel"
LAYER_OPTIONS = (
    "bidirectional",
    "reverse",
    "residual",
    "skip",
    "dropout",
    "variational",
    "project",
    "state",
    "zoneout",
    "recurrent_dropout",
    "weight_drop",
    "emit",
    "shared",
)
# Written without its space, or without its number.
_REPETITION = re.compile("[xX][0-9]*")


def values_of(
    term: tree.Term, form: str, counts: Sequence[int], report: Report
) -> tuple[tree.ClauseTerm, ...] | None:
    """The arguments of a term that takes so many, without names; None, and reported, if
    it has others. ``form`` shows how it is written."""
    arguments = arguments_of(term)
    named = next((a for a in arguments if a.name is not None), None)
    if named is not None:
        report.add(wrong_arguments(named.span, term.name.text, form, "given by a name"))
        return None
    if len(arguments) not in counts:
        given = f"given {len(arguments)}" if arguments else "nothing in them"
        if term.arguments is None:
            given = "lacks its parentheses"
        elif 0 in counts and len(counts) == 1:
            given = "takes none"
        place = term.name.span if term.arguments is None else term.arguments.span
        report.add(wrong_arguments(place, term.name.text, form, given))
        return None
    return tuple(argument.value for argument in arguments)


def arguments_of(term: tree.Term | tree.Origin) -> tuple[tree.Argument, ...]:
    """What stands in the parentheses of a term, nothing if it has none."""
    return () if term.arguments is None else term.arguments.values


def probability(
    term: tree.ClauseTerm, name: str, form: str, report: Report
) -> float | None:
    """A number from 0 up to 1, without 1; None, and reported, if it is none."""
    if not isinstance(term, tree.NumberLiteral):
        report.add(not_a_number(term.span, name, form))
        return None
    if not 0 <= term.value < 1:
        report.add(not_a_probability(term.span))
        return None
    return term.value


def share_of(term: tree.Term, word: str, context: ModelContext) -> float | None:
    """The probability in the parentheses of a term; None, and reported, if there is
    none, or something behind it."""
    form = f"{word}(0.3)"
    values = values_of(term, form, (1,), context.report)
    if values is None or not check_plain(term, context.report):
        return None
    return probability(values[0], word, form, context.report)


def check_plain(
    term: tree.ClauseTerm, report: Report, *, repeats: bool = False
) -> bool:
    """Whether nothing stands behind a term that cannot; ``repeats``: ``x 2`` can."""
    if isinstance(term, tree.NumberLiteral):
        return True
    if term.option is not None:
        report.add(stray_part(term.option.span, term))
        return False
    if term.origin is not None:
        report.add(stray_part(term.origin.span, term))
        return False
    if term.repetition is not None and not repeats:
        report.add(stray_part(term.repetition.span, term))
        return False
    return True


def word_of(term: tree.ClauseTerm) -> str | None:
    """The word a term is, if it is nothing but that."""
    match term:
        case tree.Term(
            name=name, arguments=None, repetition=None, option=None, origin=None
        ):
            return name.text
        case _:
            return None


def single(
    clause: tree.Clause, form: str, context: ModelContext
) -> tree.ClauseTerm | None:
    """The only term of a line; None, and reported, if there is none or more."""
    word = clause.word
    if not clause.terms:
        context.add(wrong_arguments(word.span, word.text, form, "lacks what follows"))
        return None
    for surplus in clause.terms[1:]:
        context.add(wrong_arguments(surplus.span, word.text, form, "too much"))
    return clause.terms[0]


def wrong_arguments(span: Span, name: str, form: str, label: str) -> Diagnostic:
    """Something that is not followed by what belongs to it."""
    return error(
        "RNN095",
        f"{quoted(name)} is written `{form}`",
        span,
        label=label,
    )


def not_a_number(span: Span, name: str, form: str) -> Diagnostic:
    """A word where only a number may stand."""
    return wrong_arguments(span, name, form, "a number is needed here")


def not_a_probability(span: Span) -> Diagnostic:
    """A share that is negative, or everything."""
    return error(
        "RNN092",
        f"{quoted(span.text)} is not a probability",
        span,
        label="at least 0, and less than 1",
    )


def stray_part(span: Span, term: tree.Term) -> Diagnostic:
    """A repetition or a word behind a term that takes none."""
    advice = "a whole layer is repeated, by a whole number: `layer GRU(64) x 2`"
    if term.origin is not None:
        advice = "a layer starts from something: `layer GRU(64), state from image`"
    elif term.option is not None and not _REPETITION.fullmatch(term.option.text):
        advice = f"put a comma before {quoted(term.option.text)}"
    return error(
        "RNN096",
        f"nothing can follow {quoted(term.name.text)} here",
        span,
        label="does not belong to it",
        help=advice,
    )


def unknown_choice(
    span: Span, word: str, what: str, known: Iterable[str], advice: str = ""
) -> Diagnostic:
    """A word where only some may stand; ``what`` names them: ``merge``."""
    names = list(known)
    listed = ", ".join(f"`{name}`" for name in names)
    return error(
        "RNN084",
        f"there is no {what} {quoted(word)}",
        span,
        label="not known",
        help=advice or did_you_mean(suggest(word, names)) or f"choose from {listed}",
    )


def given_twice(span: Span, word: str, first: Span) -> Diagnostic:
    """A line of a model, or an option of a layer, that is there already."""
    return error(
        "RNN081",
        f"{quoted(word)} is given twice",
        span,
        label="given again",
        labels=[Label(first, "the first")],
        help="keep one of them",
    )


def excluded(
    span: Span, word: str, other: str, place: Span, reason: str, advice: str = ""
) -> Diagnostic:
    """Two options of which only one can be meant."""
    return error(
        "RNN094",
        f"{quoted(word)} and {quoted(other)} exclude one another",
        span,
        label=reason,
        labels=[Label(place, "the other")],
        help=advice or "keep one of them",
    )
