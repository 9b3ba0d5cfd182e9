"""Between formulas and SymPy: arithmetic over symbols, node by node, no parsing."""

from __future__ import annotations

from functools import reduce
from typing import assert_never

import sympy

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


def to_sympy(formula: Formula) -> sympy.Expr:
    """Arithmetic as a SymPy expression; functions of the table become opaque ones.

    Raises ValueError for a comparison, which is no number.
    """
    match formula:
        case Number(value=value):
            return _number(value)
        case Symbol(name=name):
            return sympy.Symbol(name, real=True)
        case Binary(operator=operator, left=left, right=right):
            a, b = to_sympy(left), to_sympy(right)
            match operator:
                case "+":
                    return a + b
                case "-":
                    return a - b
                case "*":
                    return a * b
                case "/":
                    return a / b
                case _:
                    assert_never(operator)
        case Negate(operand=operand):
            return -to_sympy(operand)
        case Power(base=base, exponent=exponent):
            return to_sympy(base) ** _number(exponent)
        case Apply(function=function, operands=operands, constants=constants):
            arguments = [to_sympy(operand) for operand in operands]
            settings = [_number(constant) for constant in constants]
            return sympy.Function(function)(*arguments, *settings)
        case Compare():
            raise ValueError("a comparison is not arithmetic")
        case _:
            assert_never(formula)


def _number(value: float) -> sympy.Expr:
    if float(value).is_integer() and abs(value) < 2**53:
        return sympy.Integer(int(value))
    return sympy.Float(value, precision=53)


def from_sympy(expression: sympy.Expr) -> Formula:
    """The formula of an arithmetic SymPy expression.

    Raises ValueError for anything that is not a number, a symbol, a sum, a product or
    a power with a constant exponent.
    """
    if isinstance(expression, sympy.Symbol):
        return Symbol(expression.name)
    if isinstance(expression, sympy.Number):
        return Number(_as_float(expression))
    if isinstance(expression, sympy.Add):
        return _sum(expression)
    if isinstance(expression, sympy.Mul):
        return _product(expression)
    if isinstance(expression, sympy.Pow) and isinstance(expression.exp, sympy.Number):
        return _power(expression.base, expression.exp)
    raise ValueError(f"no formula for {sympy.srepr(expression)}")


def _as_float(number: sympy.Number) -> float:
    return float(number)


def _sum(expression: sympy.Add) -> Formula:
    """Positive terms first, in SymPy's canonical order, so that no sum opens with a
    sign."""
    terms = expression.as_ordered_terms()
    negative = [term.could_extract_minus_sign() for term in terms]
    plus = [term for term, minus in zip(terms, negative, strict=True) if not minus]
    minus = [term for term, minus in zip(terms, negative, strict=True) if minus]
    if not plus:
        return Negate(from_sympy(-expression))
    result = reduce(lambda a, b: a + b, (from_sympy(term) for term in plus))
    for term in minus:
        result = result - from_sympy(-term)
    return result


def _product(expression: sympy.Mul) -> Formula:
    if expression.could_extract_minus_sign():
        return Negate(from_sympy(-expression))
    above: list[Formula] = []
    below: list[Formula] = []
    for factor in expression.as_ordered_factors():
        if isinstance(factor, sympy.Rational) and factor.q != 1:
            above.append(Number(float(factor)))
        elif isinstance(factor, sympy.Pow) and factor.exp.is_negative:
            below.append(from_sympy(1 / factor))
        else:
            above.append(from_sympy(factor))
    result = reduce(lambda a, b: a * b, above) if above else Number(1)
    for factor_below in below:
        result = result / factor_below
    return result


def _power(base: sympy.Expr, exponent: sympy.Number) -> Formula:
    if exponent.is_negative:
        return Number(1) / from_sympy(base**-exponent)
    return Power(from_sympy(base), _as_float(exponent))
