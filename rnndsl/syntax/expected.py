"""What could have stood at a place, and what does, in words for people."""

from __future__ import annotations

from lark import Token

from rnndsl.syntax.faults import quote
from rnndsl.syntax.grammar import DEDENT, END, INDENT, NEWLINE, grammar
from rnndsl.syntax.surprise import COMPARISONS, Surprise

# Two sets that are named as one; a bracket, too, can follow a name as operators do.
_OPERATORS = (*("+", "-", "*", "/", "@", "**", "(", "["), *COMPARISONS)
_START_AN_EXPRESSION = ("NAME", "NUMBER", "(", "-")

_KINDS = {
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": "a file in double quotes",
    "DOCSTRING": "a docstring",
    NEWLINE: "the end of the line",
    INDENT: "an indented line",
    DEDENT: "the end of the cell",
    END: "the end of the file",
}
_LAST = (NEWLINE, DEDENT, END)


def expectation(surprise: Surprise) -> str:
    """``an expression``, ``an operator or `)```, ``a name``."""
    if surprise.index == 0 and surprise.in_cell:
        return "a declaration, an equation or `output`"
    if surprise.index == 0 and surprise.in_model:
        return "a line of a model, such as `layer LSTM(64)`"
    if surprise.index == 0:
        return "`from`, `def`, `cell` or `model`"
    known = grammar()
    left = [known.texts.get(name, name) for name in surprise.accepted]
    words = []
    if surprise.in_model:
        # The minus is a sign here; the others are seldom what is missing.
        left = [text for text in left if text not in ("-", "from", ":")] or left
    elif surprise.expects_expression:
        words.append("an expression")
        left = [text for text in left if text not in _START_AN_EXPRESSION]
    if surprise.expects_operator:
        words.append("an operator")
        left = [text for text in left if text not in _OPERATORS]
    order = {text: place for place, text in enumerate((*_KINDS, *known.literals))}
    left.sort(key=lambda text: (text in _LAST, order[text]))
    words.extend(_KINDS.get(text, f"`{text}`") for text in left)
    return either(words)


def either(words: list[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def found(token: Token) -> str:
    """What stands there instead."""
    match token.type:
        case "NAME":
            return f"the name {quote(token)}"
        case "NUMBER":
            return f"the number {quote(token)}"
        case "STRING":
            return "text in quotes"
        case "DOCSTRING":
            return "a docstring"
        case "_NEWLINE":
            return "the end of the line"
        case _:
            return quote(token)
