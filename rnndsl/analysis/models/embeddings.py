"""Tables of embeddings: how they are given and trained, and heads tied to them."""

from __future__ import annotations

from dataclasses import dataclass

from rnndsl.analysis.findings import error, quoted
from rnndsl.analysis.model import Embedding, TokenInput
from rnndsl.analysis.model_layers import TiedMap
from rnndsl.analysis.models.cells import widths_differ
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.terms import (
    check_plain,
    excluded,
    given_twice,
    not_a_number,
    unknown_choice,
    values_of,
    wrong_arguments,
)
from rnndsl.analysis.program import Dim
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Diagnostic, Label, Span
from rnndsl.syntax import tree
from rnndsl.syntax.literals import is_whole_number

_FORM = "embed 64, given, frozen, padding(0)"
_FROZEN, _GIVEN, _PADDING = "frozen", "given", "padding"
_OPTIONS = (_FROZEN, _GIVEN, _PADDING)


@dataclass(frozen=True, slots=True)
class Table:
    """The vectors of a vocabulary, which a head may be tied to."""

    embedding: Embedding
    vocabulary: Dim


def read_embedding(
    clause: tree.Clause, tokens: TokenInput | None, context: ModelContext
) -> Embedding | None:
    """What ``embed`` says of the vectors of tokens; None, and reported, if it is wrong.
    ``tokens`` is None if they have been reported."""
    word = clause.word
    if not clause.terms:
        context.add(wrong_arguments(word.span, word.text, _FORM, "lacks its width"))
        return None
    width = context.size(clause.terms[0])
    given: dict[str, tree.Term] = {}
    numbers: tuple[tree.ClauseTerm, ...] = ()
    for option in clause.terms[1:]:
        if isinstance(option, tree.NumberLiteral) or option.name.text not in _OPTIONS:
            text, what = option.span.text, "option of `embed`"
            context.add(unknown_choice(option.span, text, what, _OPTIONS))
            return None
        name = option.name.text
        if name in given:
            context.add(given_twice(option.name.span, name, given[name].name.span))
            return None
        given[name] = option
        counts = (1,) if name == _PADDING else (0,)
        form = "padding(0)" if name == _PADDING else name
        values = values_of(option, form, counts, context.report)
        if values is None or not check_plain(option, context.report):
            return None
        numbers += values
    padding = None
    if numbers:
        padding = _padding(numbers[0], tokens, context)
        if padding is None:
            return None
    if width is None:
        return None
    return Embedding(
        span=clause.span,
        width=width,
        frozen=_FROZEN in given,
        given=_GIVEN in given,
        padding=padding,
    )


def _padding(
    value: tree.ClauseTerm, tokens: TokenInput | None, context: ModelContext
) -> int | None:
    """The token whose vector is zero."""
    if not isinstance(value, tree.NumberLiteral) or not is_whole_number(value.text):
        context.add(not_a_number(value.span, _PADDING, "padding(0)"))
        return None
    padding = int(value.text)
    vocabulary = None if tokens is None else tokens.vocabulary
    if isinstance(vocabulary, int) and padding >= vocabulary:
        context.add(no_such_token(value.span, vocabulary))
        return None
    return padding


def tied_map(
    term: tree.Term, below: Width | None, table: Table | None, context: ModelContext
) -> TiedMap | None:
    """A head of the table's vectors; None, and reported, if it cannot be."""
    if table is None:
        context.add(nothing_to_tie(term.span))
        return None
    embedding = table.embedding
    if embedding.padding is not None:
        reason = "trains the vector of every token"
        place = embedding.span
        context.add(excluded(term.span, term.name.text, _PADDING, place, reason))
        return None
    width = Width.of(embedding.width)
    if below is not None and below != width:
        context.add(
            widths_differ(
                "a tied head needs features as wide as the embedding",
                term.span,
                f"the features have width {below}",
                (Label(embedding.span, f"has width {width}"),),
                f"put a linear map in front of it: `head linear({width}), tied`",
            )
        )
        return None
    return TiedMap(span=term.span, input_width=width, width=table.vocabulary)


def nothing_to_tie(span: Span) -> Diagnostic:
    """A tied map in a model without a table of embeddings, or before its head."""
    return error(
        "RNN132",
        f"{quoted(span.text)} has no embedding to share",
        span,
        label="the weight is the table of an embedding",
        help="write it in `head`, of a model whose tokens have `embed 64`",
    )


def no_such_token(span: Span, vocabulary: int) -> Diagnostic:
    """A padding beyond the vocabulary."""
    return error(
        "RNN133",
        f"{quoted(span.text)} is no token",
        span,
        label=f"at least 0, and less than {vocabulary}",
        help="the padding is one of the tokens",
    )
