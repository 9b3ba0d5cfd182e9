"""Syntax tree of expressions: one function for each rule of the grammar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from lark import Token

from rnndsl.formulas.formula import ArithmeticOperator, ComparisonOperator
from rnndsl.syntax.faults import quote
from rnndsl.syntax.limits import MAX_NUMBER_LENGTH
from rnndsl.syntax.literals import is_whole_number, number_value
from rnndsl.syntax.parts import Parts
from rnndsl.syntax.tree import (
    Arithmetic,
    Call,
    Comparison,
    Exponentiation,
    Expression,
    Name,
    Negation,
    NumberLiteral,
    Product,
    Reference,
    TimeIndex,
)


def literal(parts: Parts, token: Token) -> NumberLiteral:
    """A number; one that no finite float holds is reported."""
    span = parts.span_of(token)
    value = number_value(token)
    if value is None and len(token) > MAX_NUMBER_LENGTH:
        message = f"a number with more than {MAX_NUMBER_LENGTH} characters"
        parts.fault("RNN005", message, span, "a float keeps 17 digits")
    elif value is None:
        message = f"{quote(token)} is too large for a number"
        parts.fault("RNN005", message, span, "the largest float is about 1.8e308")
    return NumberLiteral(span=span, text=str(token), value=value or 0.0)


def _number(parts: Parts) -> NumberLiteral:
    return literal(parts, parts.tokens("NUMBER")[0])


def _reference(parts: Parts) -> Reference:
    return Reference(span=parts.span, name=parts.names[0], time=parts.first(TimeIndex))


def _time_index(parts: Parts) -> TimeIndex:
    base = parts.names[0]
    numbers = parts.tokens("NUMBER")
    is_time = base.text == "t"
    if not is_time or not all(is_whole_number(number) for number in numbers):
        written = "".join(str(token) for token in parts.parts)
        parts.fault(
            "RNN008",
            f"{quote(written)} is not a time step",
            parts.span,
            "a value is indexed by time alone, `[t]` or `[t-1]`",
        )
        return TimeIndex(span=parts.span, offset=0)
    offset = 0
    for number in numbers:
        steps = int(literal(parts, number).value)
        offset = -steps if parts.tokens("MINUS") else steps
    return TimeIndex(span=parts.span, offset=offset)


def _call(parts: Parts) -> Call:
    function = parts.names[0]
    arguments = parts.expressions
    step = _time_step(arguments[0]) if len(arguments) == 1 else None
    if step is not None:
        parts.fault(
            "RNN008",
            "time is written in square brackets",
            parts.span,
            f"write `{function.text}[{step}]`",
        )
    return Call(span=parts.span, function=function, arguments=arguments)


def _time_step(expression: Expression) -> str | None:
    """``t``, ``t-1`` or the like, if it is that: no value has the name ``t``."""
    match expression:
        case Reference(name=Name(text="t"), time=None):
            return "t"
        case Arithmetic(
            operator="+" | "-" as sign,
            left=Reference(name=Name(text="t"), time=None),
            right=NumberLiteral(text=number),
        ):
            return f"t{sign}{number}"
        case _:
            return None


def _operation(parts: Parts) -> Arithmetic | Product:
    left, right = parts.expressions
    (operator,) = parts.tokens("PLUS", "MINUS", "STAR", "SLASH", "AT")
    operator_span = parts.span_of(operator)
    if operator == "@":
        return Product(
            span=parts.span, operator_span=operator_span, left=left, right=right
        )
    return Arithmetic(
        span=parts.span,
        operator=cast(ArithmeticOperator, str(operator)),
        operator_span=operator_span,
        left=left,
        right=right,
    )


def _comparison(parts: Parts) -> Comparison:
    left, right = parts.expressions
    operator = parts.parts[1]
    assert isinstance(operator, Token)
    return Comparison(
        span=parts.span,
        operator=cast(ComparisonOperator, str(operator)),
        operator_span=parts.span_of(operator),
        left=left,
        right=right,
    )


def _power(parts: Parts) -> Exponentiation:
    base, exponent = parts.expressions
    return Exponentiation(
        span=parts.span,
        operator_span=parts.span_of(parts.parts[1]),
        base=base,
        exponent=exponent,
    )


def _negation(parts: Parts) -> Negation:
    return Negation(span=parts.span, operand=parts.expressions[0])


def _parentheses(parts: Parts) -> Expression:
    """The expression itself; its span takes the parentheses in."""
    return replace(parts.expressions[0], span=parts.span)


EXPRESSION_RULES: dict[str, Callable[[Parts], Expression | TimeIndex]] = {
    "call": _call,
    "comparison": _comparison,
    "negation": _negation,
    "number": _number,
    "parentheses": _parentheses,
    "power": _power,
    "product": _operation,
    "reference": _reference,
    "sum": _operation,
    "time_index": _time_index,
}
