"""Syntax tree of models: one function for each rule of the grammar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rnndsl.syntax.advice import UNEXPECTED, WRONG_LINE
from rnndsl.syntax.build_expressions import literal
from rnndsl.syntax.clauses import CLAUSE_WORDS, CONTEXT, unknown_line
from rnndsl.syntax.faults import quote
from rnndsl.syntax.literals import is_whole_number
from rnndsl.syntax.parts import Parts
from rnndsl.syntax.tree import (
    Argument,
    Arguments,
    Block,
    Clause,
    ClauseTerm,
    ContextInputs,
    DimensionDeclaration,
    Docstring,
    Line,
    ModelDefinition,
    ModelInput,
    ModelInputs,
    Name,
    Node,
    NumberLiteral,
    Origin,
    Shape,
    Term,
)

_REPETITION = "x"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Repetition(Node):
    """``x 2``."""

    count: NumberLiteral


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option(Node):
    """``learned`` behind ``state``."""

    name: Name


def _model(parts: Parts) -> ModelDefinition:
    return ModelDefinition(
        span=parts.span,
        name=parts.names[0],
        dimensions=parts.all(DimensionDeclaration),
        docstring=parts.first(Docstring),
        clauses=tuple(part for part in parts.parts if isinstance(part, Line | Block)),
    )


def _block(parts: Parts) -> Block:
    lines = tuple(part for part in parts.parts if isinstance(part, Line))
    return Block(span=parts.span, word=parts.names[0], lines=lines)


def _model_inputs(parts: Parts) -> ModelInputs:
    return ModelInputs(span=parts.span, inputs=parts.all(ModelInput))


def _context_inputs(parts: Parts) -> ContextInputs:
    word = parts.names[0]
    if word.text not in CLAUSE_WORDS:
        message, hint = unknown_line(word.text)
        parts.fault(WRONG_LINE, message, word.span, hint)
    elif word.text != CONTEXT:
        message = f"`{word.text}` declares nothing"
        hint = f"write `input` or `{CONTEXT}`, or leave the `:` out"
        parts.fault(UNEXPECTED, message, word.span, hint)
    return ContextInputs(span=parts.span, word=word, inputs=parts.all(ModelInput))


def _model_input(parts: Parts) -> ModelInput:
    kind = parts.first(Shape) or parts.first(Term)
    assert kind is not None
    return ModelInput(span=parts.span, name=parts.names[0], kind=kind)


def _clause(parts: Parts) -> Clause:
    return Clause(span=parts.span, word=parts.names[0], terms=_terms(parts))


def _term(parts: Parts) -> Term:
    repetition = parts.first(_Repetition)
    option = parts.first(_Option)
    return Term(
        span=parts.span,
        name=parts.names[0],
        arguments=parts.first(Arguments),
        repetition=None if repetition is None else repetition.count,
        option=None if option is None else option.name,
        origin=parts.first(Origin),
    )


def _origin(parts: Parts) -> Origin:
    name, arguments = parts.names[0], parts.first(Arguments)
    return Origin(span=parts.span, name=name, arguments=arguments)


def _arguments(parts: Parts) -> Arguments:
    return Arguments(span=parts.span, values=parts.all(Argument))


def _argument(parts: Parts) -> Argument:
    name = parts.names[0] if parts.names else None
    return Argument(span=parts.span, name=name, value=_terms(parts)[0])


def _terms(parts: Parts) -> tuple[ClauseTerm, ...]:
    return tuple(part for part in parts.parts if isinstance(part, Term | NumberLiteral))


def _repetition(parts: Parts) -> _Repetition:
    word, number = parts.names[0], parts.tokens("NUMBER")[0]
    if word.text != _REPETITION or not is_whole_number(number):
        parts.fault(
            "RNN006",
            f"{quote(f'{word.text} {number}')} does not say how often",
            parts.span,
            "a layer is repeated by a whole number: `LSTM(64) x 2`",
        )
    return _Repetition(span=parts.span, count=literal(parts, number))


def _option(parts: Parts) -> _Option:
    return _Option(span=parts.span, name=parts.names[0])


def _signed_number(parts: Parts) -> NumberLiteral:
    number = literal(parts, parts.tokens("NUMBER")[0])
    if not parts.tokens("MINUS"):
        return number
    return NumberLiteral(span=parts.span, text=f"-{number.text}", value=-number.value)


MODEL_RULES: dict[str, Callable[[Parts], Node]] = {
    "argument": _argument,
    "arguments": _arguments,
    "block": _block,
    "clause": _clause,
    "context_inputs": _context_inputs,
    "model": _model,
    "model_input": _model_input,
    "model_inputs": _model_inputs,
    "option": _option,
    "origin": _origin,
    "repetition": _repetition,
    "signed_number": _signed_number,
    "term": _term,
}
