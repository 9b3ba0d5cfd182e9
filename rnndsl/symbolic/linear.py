"""Formulas that are linear in one value: ``coefficient * value + rest``.

Both parts are found along the formula, in the author's order and grouping: nothing is
expanded, collected or simplified, and nothing divided that was not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from rnndsl.formulas.formula import (
    Apply,
    Binary,
    Compare,
    Formula,
    Negate,
    Number,
    Power,
    Symbol,
    symbols,
)
from rnndsl.symbolic.expansion import times


@dataclass(frozen=True, slots=True)
class Linear:
    """``coefficient * value + rest``; None for zero."""

    coefficient: Formula | None
    rest: Formula | None


def linear_in(formula: Formula, value: str) -> Linear | None:
    """The formula as a linear function of a symbol; None where it is none to be seen:
    where the symbol stands in both factors of a product, in a divisor, in a power, or
    in a function. The latter may be ``where``: what that leaves out counts for nothing
    even if it is not a number, and zero times it would be none either."""
    if value not in symbols(formula):
        return Linear(None, None if formula == Number(0) else formula)
    match formula:
        case Symbol():
            return Linear(Number(1), None)
        case Negate(operand=operand):
            return _negated(linear_in(operand, value))
        case Binary():
            return _arithmetic(formula, value)
        case Power() | Compare() | Apply() | Number():
            return None
        case _:
            assert_never(formula)


def _arithmetic(formula: Binary, value: str) -> Linear | None:
    left, right = formula.left, formula.right
    match formula.operator:
        case "+" | "-" as operator:
            one, other = linear_in(left, value), linear_in(right, value)
            if operator == "-":
                other = _negated(other)
            return None if one is None or other is None else _sum(one, other)
        case "*":
            if value not in symbols(left):
                return _scaled(linear_in(right, value), left, left_side=True)
            if value not in symbols(right):
                return _scaled(linear_in(left, value), right, left_side=False)
            return None
        case "/":
            part = linear_in(left, value)
            if part is None or value in symbols(right):
                return None
            return Linear(
                None if part.coefficient is None else part.coefficient / right,
                None if part.rest is None else part.rest / right,
            )
        case _:
            assert_never(formula.operator)


def _negated(part: Linear | None) -> Linear | None:
    if part is None:
        return None
    return Linear(_negative(part.coefficient), _negative(part.rest))


def _negative(formula: Formula | None) -> Formula | None:
    return None if formula is None else times(Number(-1), formula)


def _sum(one: Linear, other: Linear) -> Linear:
    return Linear(
        _added(one.coefficient, other.coefficient), _added(one.rest, other.rest)
    )


def _added(left: Formula | None, right: Formula | None) -> Formula | None:
    if left is None or right is None:
        return right if left is None else left
    if isinstance(right, Negate):
        return left - right.operand
    return left + right


def _scaled(part: Linear | None, factor: Formula, *, left_side: bool) -> Linear | None:
    if part is None:
        return None

    def scaled(formula: Formula | None) -> Formula | None:
        if formula is None:
            return None
        return times(factor, formula) if left_side else times(formula, factor)

    return Linear(scaled(part.coefficient), scaled(part.rest))
