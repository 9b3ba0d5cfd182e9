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

from rnndsl.backends.torch.spelling import NEEDS_TENSORS, SPELLING, TIGHT
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
            inner = expression(operand, values).within(Binding.SIGN)
            return Code(f"-{inner}", Binding.SIGN)
        case Power(base=base, exponent=exponent):
            return _power(expression(base, values), exponent)
        case Compare(operator=comparison, left=left, right=right):
            first = expression(left, values).within(Binding.SUM)
            second = expression(right, values).within(Binding.SUM)
            return Code(f"{first} {comparison} {second}", Binding.COMPARISON)
        case Apply():
            return _call(formula, values)
        case _:
            assert_never(formula)


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
    if formula.function not in SPELLING:
        raise ValueError(f"torch has no spelling for {formula.function!r}")
    tight = formula.function in TIGHT
    arguments = [
        _tensor(formula, operand, values).within(Binding.SIGN if tight else Binding(0))
        for operand in formula.operands
    ]
    settings = [number(constant).text for constant in formula.constants]
    return Code(SPELLING[formula.function].format(*arguments, *settings))


def _tensor(formula: Apply, operand: Formula, values: Mapping[str, Code]) -> Code:
    """An operand; a number becomes a tensor where the function takes no number."""
    code = expression(operand, values)
    if not isinstance(operand, Number) or formula.function not in NEEDS_TENSORS:
        return code
    others = [o for o in formula.operands if not isinstance(o, Number | Compare)]
    if formula.function == "where" and others:
        return Code(decimal(operand.value))
    names = symbols(formula)
    like = values[names[0]].within(Binding.ATOM)
    return Code(f"torch.full_like({like}, {code.text})")
