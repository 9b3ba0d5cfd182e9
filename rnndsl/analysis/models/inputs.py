"""What goes into a model: vectors and tokens, and how tokens become vectors."""

from __future__ import annotations

from collections.abc import Sequence

from rnndsl.analysis.declarations import too_many_dimensions
from rnndsl.analysis.dimensions import shape_of
from rnndsl.analysis.findings import did_you_mean, error, quoted
from rnndsl.analysis.model import Embedding, ModelInput, OneHot, TokenInput, VectorInput
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.embeddings import read_embedding
from rnndsl.analysis.models.terms import (
    check_plain,
    unknown_choice,
    values_of,
    word_of,
    wrong_arguments,
)
from rnndsl.analysis.name_rules import duplicate_name
from rnndsl.analysis.reserved import CELL_NAMES, MODEL_INPUT_NAMES, reserved_name
from rnndsl.analysis.scope import Declared, Kind
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Diagnostic
from rnndsl.diagnostics.suggest import suggest
from rnndsl.syntax import tree

_TOKENS = "tokens"
_MOST_AXES = 3
"""Channels, rows and columns."""


def read_inputs(
    declared: Sequence[tree.ModelInput], context: ModelContext
) -> tuple[ModelInput | None, ...]:
    """The inputs in order; None, and reported, for one that is wrong."""
    inputs: list[ModelInput | None] = []
    for item in declared:
        name = item.name
        is_free = _declare(name, context)
        found = _input(item, context, most=1 if inputs else _MOST_AXES)
        if found is not None and inputs and isinstance(found, TokenInput):
            reason = "only the first input may be tokens"
            advice = "declare it as a vector, or put it first"
            context.add(cannot_feed(item, reason, advice))
            found = None
        elif isinstance(found, VectorInput) and not inputs and not found.shape:
            reason = "the first input is a vector or tokens"
            advice = f"write `{name.text}: [1]`, or put a vector first"
            context.add(cannot_feed(item, reason, advice))
            found = None
        inputs.append(found if is_free else None)
    return tuple(inputs)


def read_contexts(
    declared: Sequence[tree.ModelInput], context: ModelContext
) -> tuple[ModelInput, ...]:
    """What is given once a sequence, vectors and tokens, in order; what is wrong is
    reported and left out."""
    for item in declared:
        is_free = _declare(item.name, context)
        found = _input(item, context, 1)
        if is_free and found is not None:
            context.contexts[found.name] = found
    return tuple(context.contexts.values())


def _declare(name: tree.Name, context: ModelContext) -> bool:
    wrong = reserved_name(name, *CELL_NAMES, *MODEL_INPUT_NAMES)
    if wrong is not None:
        context.add(wrong)
        return False
    taken = context.scope.get(name.text)
    if taken is not None:
        context.add(duplicate_name(name, taken.span))
        return False
    context.scope.declare(
        Declared(name=name.text, kind=Kind.INPUT, span=name.span, shape=None)
    )
    return True


def _input(
    item: tree.ModelInput, context: ModelContext, most: int
) -> ModelInput | None:
    """One input, with so many dimensions at most."""
    kind = item.kind
    if isinstance(kind, tree.Term):
        return _tokens(item, kind, context)
    shape = shape_of(kind, context.scope, context.report)
    if shape is None:
        return None
    context.used.update(dim for dim in shape if isinstance(dim, str))
    if len(shape) > most:
        context.add(too_many_dimensions(Kind.INPUT, kind, shape))
        return None
    return VectorInput(span=item.name.span, name=item.name.text, shape=shape)


def _tokens(
    item: tree.ModelInput, kind: tree.Term, context: ModelContext
) -> TokenInput | None:
    if kind.name.text != _TOKENS:
        word = kind.name.text
        is_size = word_of(kind) is not None and context.scope.get(word) is not None
        advice = "write a shape, such as `[I]`, or `tokens(V)`"
        if is_size:
            advice = f"a vector has its size in brackets: `[{word}]`"
        elif suggest(word, [_TOKENS]):
            advice = did_you_mean(_TOKENS)
        known = (_TOKENS,)
        context.add(unknown_choice(kind.span, word, "kind of input", known, advice))
        return None
    values = values_of(kind, "tokens(V)", (1,), context.report)
    if values is None or not check_plain(kind, context.report):
        return None
    vocabulary = context.size(values[0])
    if vocabulary is None:
        return None
    return TokenInput(span=item.name.span, name=item.name.text, vocabulary=vocabulary)


def read_front(
    clause: tree.Clause, first: ModelInput | None, context: ModelContext
) -> Embedding | OneHot | None:
    """What ``embed`` or ``one_hot`` says; None, and reported, if it is wrong, or if the
    first input is no tokens."""
    if isinstance(first, VectorInput):
        context.add(not_tokens(clause, first))
        return None
    word = clause.word
    if word.text == "one_hot":
        for term in clause.terms:
            label = "takes nothing"
            context.add(wrong_arguments(term.span, word.text, word.text, label))
        return None if clause.terms else OneHot(span=clause.span)
    return read_embedding(clause, first, context)


def width_of(first: ModelInput, front: Embedding | OneHot | None) -> Width | None:
    """The width of what flows into the stack, None if tokens have no vectors; that of
    channels is their number."""
    match first, front:
        case VectorInput(shape=(dim, *_)), None:
            return Width.of(dim)
        case TokenInput(), Embedding(width=width):
            return Width.of(width)
        case TokenInput(vocabulary=vocabulary), OneHot():
            return Width.of(vocabulary)
        case _:
            return None


def tokens_alone(first: TokenInput) -> Diagnostic:
    """Tokens that nothing makes vectors of."""
    return error(
        "RNN090",
        f"the tokens {quoted(first.name)} do not become vectors",
        first.span,
        label="whole numbers, which no layer takes",
        help="add `embed 64`, or `one_hot`",
    )


def not_tokens(clause: tree.Clause, first: VectorInput) -> Diagnostic:
    """An embedding of something that is a vector already."""
    word = clause.word.text
    return error(
        "RNN091",
        f"{quoted(word)} needs tokens",
        clause.word.span,
        label=f"the first input, {quoted(first.name)}, is a vector",
        help=f"remove it, or declare `input {first.name}: tokens(V)`",
    )


def cannot_feed(item: tree.ModelInput, reason: str, advice: str) -> Diagnostic:
    """An input that no layer could take."""
    return error(
        "RNN100",
        f"the input {quoted(item.name.text)} reaches no layer",
        item.kind.span,
        label=reason,
        help=advice,
    )
