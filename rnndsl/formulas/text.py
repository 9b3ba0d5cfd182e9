"""Formulas as text, written as the language writes them, for people to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
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
)


class Binding(IntEnum):
    """How tightly a written expression holds together.

    A matrix product stands bare in a sum and in parentheses everywhere else.
    """

    COMPARISON = 0
    SUM = 1
    MATRIX_PRODUCT = 2
    TERM = 3
    SIGN = 4
    POWER = 5
    CALL = 6
    ATOM = 7


@dataclass(frozen=True, slots=True)
class Written:
    text: str
    binding: Binding = Binding.ATOM

    def within(self, binding: Binding) -> str:
        """The text, in parentheses where it is looser than its place."""
        return self.text if self.binding >= binding else f"({self.text})"


def written(formula: Formula, values: Mapping[str, Written]) -> Written:
    """A formula as text. A symbol that is not among ``values`` is its own name."""
    match formula:
        case Number(value=value):
            return written_number(value)
        case Symbol(name=name):
            return values.get(name, Written(name))
        case Binary(operator="+", left=left, right=Negate(operand=right)):
            return arithmetic("-", written(left, values), written(right, values))
        case Binary(operator="+", left=left, right=Number(value=value)) if value < 0:
            return arithmetic("-", written(left, values), written_number(-value))
        case Binary(operator=operator, left=left, right=right):
            return arithmetic(operator, written(left, values), written(right, values))
        case Negate(operand=operand):
            return negated(written(operand, values))
        case Power(base=base, exponent=exponent):
            return raised(written(base, values), exponent)
        case Compare(operator=comparison, left=left, right=right):
            return compared(comparison, written(left, values), written(right, values))
        case Apply(function=function, operands=operands, constants=constants):
            arguments = [written(operand, values) for operand in operands]
            return applied(function, arguments, constants)
        case _:
            assert_never(formula)


def written_number(value: float) -> Written:
    """A number to 15 digits, without the traces of rounding; whole ones without a
    point."""
    whole = float(value).is_integer() and abs(value) < 1e15
    text = str(int(value)) if whole else repr(float(f"{value:.15g}"))
    binding = Binding.SIGN if value < 0 else Binding.ATOM
    return Written(text.replace("e+", "e"), binding)


def arithmetic(operator: str, left: Written, right: Written) -> Written:
    level = Binding.SUM if operator in "+-" else Binding.TERM
    second = right.within(Binding(level + 1))
    return Written(f"{left.within(level)} {operator} {second}", level)


def matrix_product(matrix: str, operand: Written) -> Written:
    return Written(f"{matrix} @ {operand.within(Binding.CALL)}", Binding.MATRIX_PRODUCT)


def negated(operand: Written) -> Written:
    """``-a``, and ``-a * b`` for a product: the same, read either way."""
    binding = Binding.SIGN if operand.binding >= Binding.POWER else Binding.SUM
    return Written(f"-{operand.within(Binding.TERM)}", binding)


def raised(base: Written, exponent: float) -> Written:
    power = written_number(exponent).text
    return Written(f"{base.within(Binding.CALL)}**{power}", Binding.POWER)


def compared(operator: str, left: Written, right: Written) -> Written:
    first, second = left.within(Binding.SUM), right.within(Binding.SUM)
    return Written(f"{first} {operator} {second}", Binding.COMPARISON)


def applied(
    function: str, arguments: list[Written], constants: tuple[float, ...]
) -> Written:
    settings = [written_number(constant).text for constant in constants]
    inside = ", ".join((*(argument.text for argument in arguments), *settings))
    return Written(f"{function}({inside})", Binding.CALL)
