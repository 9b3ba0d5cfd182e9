"""Operations on numbers alone, done while the step is built.

Locals can be numbers, so what the analysis could not fold may be out of range here: the
result is then what torch would give, which is never an error.
"""

from __future__ import annotations

import math
from typing import assert_never

from rnndsl.analysis.folding import ARITHMETIC, COMPARISONS, raised
from rnndsl.formulas.formula import (
    Apply,
    Binary,
    Compare,
    Formula,
    Negate,
    Number,
    Power,
    Symbol,
    children,
)
from rnndsl.formulas.functions import FUNCTIONS


def folded(formula: Formula) -> Formula:
    """The number that an operation on numbers gives; any other formula as it is."""
    operands = children(formula)
    if not operands or not all(_is_number(operand) for operand in operands):
        return formula
    if isinstance(formula, Compare):
        # A truth value is no number: it stays until a function chooses by it.
        return formula
    try:
        value = _value(formula)
    except OverflowError:
        value = math.inf
    except (ValueError, ZeroDivisionError):
        value = math.nan
    return Number(math.nan if isinstance(value, complex) else float(value))


def _is_number(formula: Formula) -> bool:
    if isinstance(formula, Compare):
        return all(isinstance(side, Number) for side in children(formula))
    return isinstance(formula, Number)


def _value(formula: Formula) -> float:
    """Raises ArithmeticError or ValueError where the operation has no real result."""
    match formula:
        case Number(value=value):
            return value
        case Binary(operator=operator, left=left, right=right):
            return ARITHMETIC[operator](_value(left), _value(right))
        case Compare(operator=comparison, left=left, right=right):
            return COMPARISONS[comparison](_value(left), _value(right))
        case Negate(operand=operand):
            return -_value(operand)
        case Power(base=base, exponent=exponent):
            return raised(_value(base), exponent)
        case Apply(function=function, operands=operands, constants=constants):
            values = (_value(operand) for operand in operands)
            return FUNCTIONS[function].value(*values, *constants)
        case Symbol():
            raise AssertionError("a symbol is no number")
        case _:
            assert_never(formula)
