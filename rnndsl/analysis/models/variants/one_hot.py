"""Cells that read unit vectors, given as whole numbers: the places of the 1."""

from __future__ import annotations

from dataclasses import replace

from rnndsl.analysis.program import Cell, MatrixProduct, ReadInput
from rnndsl.analysis.walk import typed_subexpressions


def with_one_hot(cell: Cell) -> Cell:
    """The cell on unit vectors that are never made."""
    first, *others = cell.inputs
    return replace(cell, inputs=(replace(first, one_hot=True), *others))


def reads_columns(cell: Cell) -> bool:
    """Whether a cell does nothing with its first input but multiply matrices by it: of
    a unit vector, that reads their columns."""
    first = cell.inputs[0].name
    reads = products = 0
    for expression in typed_subexpressions(cell):
        match expression:
            case ReadInput(name=name) if name == first:
                reads += 1
            case MatrixProduct(matrix=matrix, operand=ReadInput(name=name)) if (
                name == first
            ):
                products += not _is_structured(cell, matrix.name)
    return reads == products


def _is_structured(cell: Cell, member: str) -> bool:
    return any(
        parameter.structure is not None
        for parameter in cell.parameters
        if any(each.name == member for each in parameter.members)
    )
