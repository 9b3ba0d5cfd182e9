"""Derivatives written out for people: no backend's shorthands, no factors of one."""

from __future__ import annotations

from rnndsl.formulas.formula import (
    Apply,
    Binary,
    Formula,
    Negate,
    Number,
    Power,
    Symbol,
    children,
    with_children,
)
from rnndsl.formulas.functions import BACKWARD


def expanded(formula: Formula) -> Formula:
    """The formula with ``tanh_backward`` and its like written out, and tidied."""
    if isinstance(formula, Apply) and formula.function in BACKWARD:
        return expanded(BACKWARD[formula.function](*formula.operands))
    inside = tuple(expanded(part) for part in children(formula))
    return _tidy(with_children(formula, inside))


def times(left: Formula, right: Formula) -> Formula:
    """The product as one row of factors, without ones and with its sign in front."""
    match (left, right):
        case (Number(value=1), other) | (other, Number(value=1)):
            return other
        case (Number(value=-1), other) | (other, Number(value=-1)):
            return _negative(other)
        case (Negate(operand=operand), other):
            return _negative(times(operand, other))
        case (_, Negate(operand=operand)):
            return _negative(times(left, operand))
        case (_, Binary(operator="*", left=first, right=second)):
            return times(times(left, first), second)
        case (_, Binary(operator="/", left=above, right=below)):
            return times(left, above) / below
        case (Symbol(), _) if left == right:
            return Power(left, 2)
        case _:
            return left * right


def _tidy(formula: Formula) -> Formula:
    match formula:
        case Binary(operator="*", left=left, right=right):
            return times(left, right)
        case Negate(operand=operand):
            return _negative(operand)
        case _:
            return formula


def _negative(formula: Formula) -> Formula:
    match formula:
        case Number(value=value):
            return Number(-value)
        case Negate(operand=operand):
            return operand
        case _:
            return Negate(formula)
