"""Prints formulas as torch expressions.

Raises ValueError for a function without a spelling: nothing is printed that torch would
not understand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import assert_never

from rnndsl.backends.torch.spelling import NEEDS_TENSORS, SPELLING, torch_form
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


class Binding(IntEnum):
    """How tightly an expression of Python holds together."""

    COMPARISON = 0
    SUM = 1
    TERM = 2
    SIGN = 3
    POWER = 4
    ATOM = 5


@dataclass(frozen=True, slots=True)
class Code:
    text: str
    binding: Binding = Binding.ATOM

    def within(self, binding: Binding) -> str:
        """The text, in parentheses where it is looser than its place."""
        return self.text if self.binding >= binding else f"({self.text})"


def expression(formula: Formula, values: Mapping[str, Code]) -> Code:
    """A formula as Python, its symbols replaced by ``values``."""
    match formula:
        case Number(value=value):
            return number(value)
        case Symbol(name=name):
            return values[name]
        case Binary(operator=operator, left=left, right=right):
            level = Binding.SUM if operator in "+-" else Binding.TERM
            first = expression(left, values).within(level)
            tighter = Binding(level + 1)
            second = expression(right, values).within(tighter)
            return Code(f"{first} {operator} {second}", level)
        case Negate(operand=operand):
            return _negated(torch_form(operand), values)
        case Power(base=base, exponent=exponent):
            return _power(expression(base, values), exponent)
        case Compare("==" | "!=" as comparison, Number() as left, right) if (
            not isinstance(right, Number)
        ):
            # To a type checker, a float is equal to a tensor or not, as a whole.
            return expression(Compare(comparison, right, left), values)
        case Compare(operator=comparison, left=left, right=right):
            first = expression(left, values).within(Binding.SUM)
            second = expression(right, values).within(Binding.SUM)
            return Code(f"{first} {comparison} {second}", Binding.COMPARISON)
        case Apply():
            return _call(formula, values)
        case _:
            assert_never(formula)


def _negated(operand: Formula, values: Mapping[str, Code]) -> Code:
    match operand:
        case Negate(operand=inner):
            return expression(inner, values)
        case Number(value=value):
            return number(-value)
        case _:
            code = expression(operand, values)
            return Code(f"-{code.within(Binding.ATOM)}", Binding.SIGN)


def number(value: float) -> Code:
    """A float that reads back as itself; whole numbers without a point."""
    if math.isnan(value) or math.isinf(value):
        return Code(f'float("{value!r}")')
    whole = value.is_integer() if isinstance(value, float) else True
    text = str(int(value)) if whole and abs(value) < 1e15 else decimal(value)
    return Code(text, Binding.SIGN if value < 0 else Binding.ATOM)


def decimal(value: float) -> str:
    """The shortest text with a point or an exponent that reads back as the float."""
    return repr(float(value)).replace("e+", "e")


def _power(base: Code, exponent: float) -> Code:
    if exponent == 2 and base.text.isidentifier():
        return Code(f"{base.text} * {base.text}", Binding.TERM)
    if exponent == 2:
        return Code(f"torch.square({base.text})")
    if exponent == 0.5:
        return Code(f"torch.sqrt({base.text})")
    simple = base.text.isidentifier()
    sign = "**" if simple else " ** "
    raised = number(exponent).text
    return Code(f"{base.within(Binding.ATOM)}{sign}{raised}", Binding.POWER)


def _call(formula: Apply, values: Mapping[str, Code]) -> Code:
    composed = torch_form(formula)
    if not isinstance(composed, Apply):
        return expression(composed, values)
    if composed.function not in SPELLING:
        raise ValueError(f"torch has no spelling for {composed.function!r}")
    arguments = [_tensor(composed, o, values).text for o in composed.operands]
    settings = [number(constant).text for constant in composed.constants]
    return Code(SPELLING[composed.function].format(*arguments, *settings))


def _tensor(formula: Apply, operand: Formula, values: Mapping[str, Code]) -> Code:
    """An operand; a number becomes a tensor where the function takes no number."""
    if formula.function not in NEEDS_TENSORS:
        return expression(operand, values)
    match operand:
        case Compare(operator=comparison, left=Number() as left, right=right) if (
            isinstance(right, Number)
        ):
            first = _full(formula, left, values)
            second = expression(right, values).text
            return Code(f"{first.text} {comparison} {second}", Binding.COMPARISON)
        case Number(value=value):
            others = [
                o for o in formula.operands if not isinstance(o, Number | Compare)
            ]
            if formula.function == "where" and others:
                return Code(decimal(value))
            return _full(formula, operand, values)
        case _:
            return expression(operand, values)


def _full(formula: Apply, number_: Number, values: Mapping[str, Code]) -> Code:
    """A number as a tensor beside the others of a formula."""
    like = values[symbols(formula)[0]].within(Binding.ATOM)
    return Code(f"torch.full_like({like}, {number(number_.value).text})")
