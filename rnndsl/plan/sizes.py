"""Sizes as formulas: of dimensions, of values, and of what a parameter stores."""

from __future__ import annotations

from itertools import product
from typing import assert_never

import sympy

from rnndsl.analysis.program import Dim, StoredParameter, Structure, StructureKind
from rnndsl.plan.shapes import Axes, axes_text, stored_axes


def dimension(dim: Dim) -> sympy.Expr:
    """A dimension as a symbol, or as its number."""
    if isinstance(dim, int):
        return sympy.Integer(dim)
    return sympy.Symbol(dim, integer=True, positive=True)


def entries(axes: Axes) -> sympy.Expr:
    """The number of entries, as a sum of products of dimensions."""
    parts = product(*axes)
    return sympy.Add(*(sympy.Mul(*map(dimension, part)) for part in parts))


def stored_shape(parameter: StoredParameter) -> tuple[str, sympy.Expr]:
    """The shape of the stored tensor, ``[4*H, I]``, and the number of its entries."""
    structure = parameter.structure
    if structure is None:
        axes = stored_axes(parameter)
        return axes_text(axes), entries(axes)
    rows, *others = _of_member(structure, *map(dimension, parameter.member_shape))
    sizes = (len(parameter.members) * rows, *others)
    return f"[{', '.join(map(str, sizes))}]", sympy.expand(sympy.Mul(*sizes))


def _of_member(
    structure: Structure, rows: sympy.Expr, columns: sympy.Expr
) -> tuple[sympy.Expr, ...]:
    argument = sympy.nsimplify(structure.argument or 0, rational=True)
    match structure.kind:
        case (
            StructureKind.SYMMETRIC
            | StructureKind.LOWER_TRIANGULAR
            | StructureKind.UPPER_TRIANGULAR
        ):
            return (rows * (rows + 1) / 2,)
        case StructureKind.ANTISYMMETRIC | StructureKind.ORTHOGONAL:
            return (rows * (rows - 1) / 2,)
        case StructureKind.DIAGONAL:
            return (rows,)
        case StructureKind.BLOCK_DIAGONAL:
            return (rows, columns / argument)
        case StructureKind.LOW_RANK:
            return (rows + columns, argument)
        case StructureKind.SPARSE:
            kept = sympy.floor(argument * columns + sympy.Rational(1, 2))
            return (rows, sympy.Max(1, kept))
        case _:
            assert_never(structure.kind)
