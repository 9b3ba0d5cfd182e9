"""Mistakes inside an expression.

Each function returns advice if it recognises its mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lark import Token

from rnndsl.syntax.advice import (
    UNEXPECTED,
    WRONG_INDEX,
    WRONG_SYMBOL,
    Advice,
    at,
)
from rnndsl.syntax.expected import found
from rnndsl.syntax.faults import quote
from rnndsl.syntax.grammar import grammar
from rnndsl.syntax.surprise import COMPARISONS, Surprise

_CHOICE = "choose element by element with `where(u > 0, u, 0)`"
_LOGIC = "nest `where`: `where(a > 0, where(b > 0, y, z), z)`"
_PYTHON = {
    "and": _LOGIC,
    "or": _LOGIC,
    "not": "swap the results: `where(u > 0, 0, u)`",
    "if": _CHOICE,
    "else": _CHOICE,
    "for": "a sum over elements is a product with a parameter, `W @ u`",
    "is": "equality is written `==`",
    "lambda": "a function is `def f(u) = u * sigmoid(u)`",
}
# What a help calls parameters of the author's.
_MATRICES = ("W", "U", "V", "P", "Q", "R")
_OPERATORS = ("+", "-", "*", "/", "@", "**")


def _python_word(surprise: Surprise) -> Advice | None:
    if not surprise.expects_operator:
        return None
    for token in (surprise.token, surprise.before):
        if token is not None and token.type == "NAME" and token in _PYTHON:
            message = f"`{token}` is not a word of the language"
            return at(token, UNEXPECTED, message, _PYTHON[str(token)])
    return None


def _braces(surprise: Surprise) -> Advice | None:
    stem = surprise.before
    if surprise.token != "{" or stem is None or stem.type != "NAME":
        return None
    if not surprise.expects_operator and not surprise.accepts("="):
        return None
    rest = surprise.tokens[surprise.index + 1 :]
    inside = []
    for token in rest:
        if token == "}":
            break
        inside.append(token)
    text = "".join(inside)
    closer = rest[min(len(inside), len(rest) - 1)]
    if inside and inside[0] == "t":
        name = str(stem).rstrip("_")
        message = "time is written in square brackets"
        hint = f"write `{name}[{text}]`"
        return Advice(
            code=WRONG_INDEX, message=message, first=stem, last=closer, help=hint
        )
    members = [str(token) for token in inside if token != ","]
    message = "an equation names one member of a brace group"
    hint = f"write `{stem}{members[0]}`" if members else ""
    return Advice(code=UNEXPECTED, message=message, first=stem, last=closer, help=hint)


def _joined_vectors(surprise: Surprise) -> Advice | None:
    """``W @ [x[t], h[t-1]]``."""
    if surprise.token != "[" or surprise.before != "@":
        return None
    vectors = _elements(surprise.tokens[surprise.index + 1 :])
    if len(vectors) < 2:
        return None
    first = surprise.tokens[surprise.index - 2]
    matrix = str(first) if first.type == "NAME" else _MATRICES[0]
    matrices = (matrix, *(name for name in _MATRICES if name != matrix))
    pairs = zip(matrices, vectors, strict=False)
    products = " + ".join(f"{name} @ {vector}" for name, vector in pairs)
    count = "two products" if len(vectors) == 2 else "a product for each"
    message = "vectors cannot be joined"
    return at(surprise.token, UNEXPECTED, message, f"write {count}, `{products}`")


def _elements(tokens: Sequence[Token]) -> list[str]:
    """The elements of a list, whose bracket opens before the tokens."""
    elements = [""]
    depth = 1
    for token in tokens:
        depth += (token in ("(", "[", "{")) - (token in (")", "]", "}"))
        if depth == 0:
            break
        if depth == 1 and token == ",":
            elements.append("")
        elif depth == 1 and token in _OPERATORS:
            elements[-1] += f" {token} "
        else:
            elements[-1] += token
    return [f"({each})" if " " in each else each for each in elements if each]


def _wrong_index(surprise: Surprise) -> Advice | None:
    opener = surprise.open_bracket
    if opener is None or surprise.tokens[opener] != "[" or surprise.is_declaration:
        return None
    message = f"expected a time index, found {found(surprise.token)}"
    if surprise.before != "[":
        message = f"expected a whole number of steps, found {found(surprise.token)}"
        if surprise.accepts("]"):
            message = f"expected `]`, found {found(surprise.token)}"
    hint = "a value is indexed by time alone, `[t]` or `[t-1]`"
    return at(surprise.token, WRONG_INDEX, message, hint)


def _stray_equals(surprise: Surprise) -> Advice | None:
    if surprise.token != "=" or not surprise.expects_operator:
        return None
    opener = surprise.open_bracket
    if opener is None:
        message = "an equation has one `=`"
        hint = "write one line for each name; `==` compares"
    else:
        message = "`=` cannot stand inside an expression"
        hint = "arguments are given in order, without names; `==` compares"
    return at(surprise.token, WRONG_SYMBOL, message, hint)


def _chained_comparison(surprise: Surprise) -> Advice | None:
    if surprise.token not in COMPARISONS or not surprise.expects_operator:
        return None
    message = "comparisons cannot be chained"
    return at(surprise.token, UNEXPECTED, message, _LOGIC)


def _missing_operator(surprise: Surprise) -> Advice | None:
    if not surprise.expects_operator:
        return None
    token = surprise.token
    if token.type not in ("NAME", "NUMBER") and token != "(":
        return None
    message = f"expected an operator before {_shown(surprise)}"
    hint = "`@` multiplies a matrix with a vector, `*` element by element"
    return at(token, UNEXPECTED, message, hint)


def _shown(surprise: Surprise) -> str:
    token = surprise.token
    return found(token) if token.type in ("NAME", "NUMBER") else quote(token)


def _leading_plus(surprise: Surprise) -> Advice | None:
    if surprise.token != "+" or not surprise.expects_expression:
        return None
    message = "expected an expression, found `+`"
    return at(surprise.token, UNEXPECTED, message, "leave a sign `+` out")


def _reserved_word(surprise: Surprise) -> Advice | None:
    if not surprise.accepts("NAME") or surprise.token not in grammar().words:
        return None
    message = f"`{surprise.token}` is a word of the language and cannot be a name"
    return at(surprise.token, UNEXPECTED, message)


EXPRESSION_MISTAKES: tuple[Callable[[Surprise], Advice | None], ...] = (
    _python_word,
    _braces,
    _joined_vectors,
    _wrong_index,
    _stray_equals,
    _chained_comparison,
    _missing_operator,
    _leading_plus,
    _reserved_word,
)
