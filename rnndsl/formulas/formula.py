"""Scalar formulas: what the elementwise part of an equation computes for one unit.

A formula keeps the author's order and grouping; nothing here is simplified.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

ArithmeticOperator: TypeAlias = Literal["+", "-", "*", "/"]
ComparisonOperator: TypeAlias = Literal["<", "<=", ">", ">=", "==", "!="]


class _Operators:
    """Arithmetic on formulas, for tables and passes that build them."""

    __slots__ = ()

    def __add__(self, other: Formula | float) -> Binary:
        return Binary("+", _formula(self), _formula(other))

    def __radd__(self, other: float) -> Binary:
        return Binary("+", _formula(other), _formula(self))

    def __sub__(self, other: Formula | float) -> Binary:
        return Binary("-", _formula(self), _formula(other))

    def __rsub__(self, other: float) -> Binary:
        return Binary("-", _formula(other), _formula(self))

    def __mul__(self, other: Formula | float) -> Binary:
        return Binary("*", _formula(self), _formula(other))

    def __rmul__(self, other: float) -> Binary:
        return Binary("*", _formula(other), _formula(self))

    def __truediv__(self, other: Formula | float) -> Binary:
        return Binary("/", _formula(self), _formula(other))

    def __rtruediv__(self, other: float) -> Binary:
        return Binary("/", _formula(other), _formula(self))

    def __neg__(self) -> Negate:
        return Negate(_formula(self))


@dataclass(frozen=True, slots=True)
class Number(_Operators):
    value: float


@dataclass(frozen=True, slots=True)
class Symbol(_Operators):
    name: str


@dataclass(frozen=True, slots=True)
class Binary(_Operators):
    operator: ArithmeticOperator
    left: Formula
    right: Formula


@dataclass(frozen=True, slots=True)
class Negate(_Operators):
    operand: Formula


@dataclass(frozen=True, slots=True)
class Power(_Operators):
    base: Formula
    exponent: float


@dataclass(frozen=True, slots=True)
class Compare(_Operators):
    """A truth value; stands only as the first operand of ``where``."""

    operator: ComparisonOperator
    left: Formula
    right: Formula


@dataclass(frozen=True, slots=True)
class Apply(_Operators):
    """A function of the table, applied elementwise; ``constants`` are its settings."""

    function: str
    operands: tuple[Formula, ...]
    constants: tuple[float, ...] = ()


Formula: TypeAlias = Number | Symbol | Binary | Negate | Power | Compare | Apply


def _formula(value: object) -> Formula:
    if isinstance(value, Number | Symbol | Binary | Negate | Power | Compare | Apply):
        return value
    if isinstance(value, int | float):
        return Number(value)
    raise TypeError(f"not a formula: {value!r}")


def children(formula: Formula) -> tuple[Formula, ...]:
    """The direct operands, left to right."""
    match formula:
        case Number() | Symbol():
            return ()
        case Binary(left=left, right=right) | Compare(left=left, right=right):
            return (left, right)
        case Negate(operand=operand):
            return (operand,)
        case Power(base=base):
            return (base,)
        case Apply(operands=operands):
            return operands
        case _:
            assert_never(formula)


def with_children(formula: Formula, new: tuple[Formula, ...]) -> Formula:
    """The same operation over other operands."""
    match formula:
        case Number() | Symbol():
            return formula
        case Binary(operator=operator):
            return Binary(operator, *new)
        case Compare(operator=comparison):
            return Compare(comparison, *new)
        case Negate():
            return Negate(*new)
        case Power(exponent=exponent):
            return Power(new[0], exponent)
        case Apply(function=function, constants=constants):
            return Apply(function, new, constants)
        case _:
            assert_never(formula)


def substitute(formula: Formula, values: dict[str, Formula]) -> Formula:
    """Replaces symbols by formulas, all at once."""
    if isinstance(formula, Symbol):
        return values.get(formula.name, formula)
    operands = children(formula)
    if not operands:
        return formula
    return with_children(formula, tuple(substitute(o, values) for o in operands))


def symbols(formula: Formula) -> tuple[str, ...]:
    """The names in a formula, each once, in order of first appearance."""

    def walk(node: Formula) -> Iterator[str]:
        if isinstance(node, Symbol):
            yield node.name
        for operand in children(node):
            yield from walk(operand)

    return tuple(dict.fromkeys(walk(formula)))
