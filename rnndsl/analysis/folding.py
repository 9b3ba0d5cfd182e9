"""Numbers computed at compile time, in floats; never anything but floats."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from rnndsl.analysis.findings import error
from rnndsl.diagnostics import Diagnostic, Span
from rnndsl.formulas.formula import ArithmeticOperator, ComparisonOperator

ARITHMETIC: dict[ArithmeticOperator, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
COMPARISONS: dict[ComparisonOperator, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class OutOfRangeError(Exception):
    """A computation has no finite real result; the text says why."""


def fold(compute: Callable[..., float], *values: float) -> float:
    """``compute(*values)``. Raises OutOfRangeError unless that is a finite real."""
    try:
        result = compute(*values)
    except ZeroDivisionError:
        raise OutOfRangeError("division by zero") from None
    except OverflowError:
        raise OutOfRangeError("too large for a float") from None
    except ValueError:
        raise OutOfRangeError("not defined for this number") from None
    if isinstance(result, complex):
        raise OutOfRangeError("not a real number")
    if not math.isfinite(result):
        raise OutOfRangeError("too large for a float")
    return float(result)


def raised(base: float, exponent: float) -> float:
    """``base ** exponent`` in floats; complex for some negative bases."""
    result: float = base**exponent
    return result


def out_of_range(span: Span, reason: str) -> Diagnostic:
    """A constant whose value cannot be used."""
    return error("RNN047", "a number is out of range", span, label=reason)


def not_constant(span: Span, what: str, reason: str = "") -> Diagnostic:
    """Something else stands where only a number may; ``what`` names the place."""
    return error(
        "RNN046",
        f"{what} must be a number",
        span,
        label=reason or "not known before the module runs",
        help="use numbers, constants, `pi` and functions of them",
    )
