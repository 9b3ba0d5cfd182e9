"""Derivatives of the elementwise part of a step.

Arithmetic is differentiated by SymPy. A function of the table is opaque: its derivative
is the table's, in the stable form given there.
"""

from __future__ import annotations

import sympy

from rnndsl.formulas.formula import Apply, Formula, Negate, Number, Symbol, symbols
from rnndsl.formulas.functions import FUNCTIONS
from rnndsl.symbolic.convert import from_sympy, to_sympy


def adjoints(formula: Formula, result: str, arriving: str) -> dict[str, Formula]:
    """The gradient that leaves at each symbol of a node's formula.

    ``result`` is the node's name and ``arriving`` the name of the gradient that arrives
    at it. Symbols through which no gradient flows are left out.
    """
    if isinstance(formula, Apply):
        return _of_function(formula, result, arriving)
    expression = to_sympy(formula)
    leaving: dict[str, Formula] = {}
    for name in symbols(formula):
        partial = sympy.diff(expression, sympy.Symbol(name, real=True))
        if partial != 0:
            leaving[name] = _times(Symbol(arriving), from_sympy(partial))
    return leaving


def _times(arriving: Symbol, partial: Formula) -> Formula:
    match partial:
        case Number(value=1):
            return arriving
        case Negate(operand=operand):
            return Negate(_times(arriving, operand))
        case _:
            return arriving * partial


def _of_function(formula: Apply, result: str, arriving: str) -> dict[str, Formula]:
    function = FUNCTIONS[formula.function]
    leaving: dict[str, Formula] = {}
    pairs = zip(formula.operands, function.adjoints, strict=True)
    for operand, adjoint in pairs:
        if adjoint is None or not isinstance(operand, Symbol):
            continue
        contribution = adjoint(
            Symbol(arriving), Symbol(result), *formula.operands, *formula.constants
        )
        before = leaving.get(operand.name)
        leaving[operand.name] = (
            contribution if before is None else before + contribution
        )
    return leaving
