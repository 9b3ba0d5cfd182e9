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


def _tidy(formula: Formula) -> Formula:
    match formula:
        case Binary("*", Number(value=1), other) | Binary("*", other, Number(value=1)):
            return other
        case Binary("*", other, Number(value=-1)):
            return Negate(other)
        case Binary("*", Symbol() as left, right) if left == right:
            return Power(left, 2)
        case _:
            return formula
