"""Structured matrices entry by entry, from the numbers that are stored of them.

Nothing here is shared with the runtime, whose matrices are compared with these.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import assert_never

import torch
from torch import Tensor

from rnndsl.analysis.program import Structure, StructureKind

_TERMS = 16


def stored_shape(structure: Structure, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what is stored for a matrix of this shape."""
    rows, columns = shape
    argument = structure.argument or 0.0
    match structure.kind:
        case (
            StructureKind.SYMMETRIC
            | StructureKind.LOWER_TRIANGULAR
            | StructureKind.UPPER_TRIANGULAR
        ):
            return (sum(range(rows + 1)),)
        case StructureKind.ANTISYMMETRIC | StructureKind.ORTHOGONAL:
            return (sum(range(rows)),)
        case StructureKind.DIAGONAL:
            return (rows,)
        case StructureKind.BLOCK_DIAGONAL:
            return (rows, columns // int(argument))
        case StructureKind.LOW_RANK:
            return (rows + columns, int(argument))
        case StructureKind.SPARSE:
            return (rows, max(1, math.floor(argument * columns + 0.5)))
        case _:
            assert_never(structure.kind)


def draw_pattern(
    structure: Structure, shape: tuple[int, ...], generator: torch.Generator
) -> Tensor:
    """Random columns, without repetition, for the entries of each row."""
    rows, kept = stored_shape(structure, shape)
    chosen = [torch.randperm(shape[1], generator=generator)[:kept] for _ in range(rows)]
    return torch.stack(chosen)


def spread_of(structure: Structure, shape: tuple[int, ...]) -> float:
    """How far stored numbers lie apart so that a matrix keeps the size of a vector."""
    match structure.kind:
        case StructureKind.ORTHOGONAL | StructureKind.DIAGONAL:
            return 0.7
        case StructureKind.LOW_RANK:
            return math.pow(6.75 / (shape[1] * (structure.argument or 1.0)), 0.25)
        case StructureKind.BLOCK_DIAGONAL | StructureKind.SPARSE:
            return 1.5 / math.sqrt(stored_shape(structure, shape)[1])
        case _:
            return 1.5 / math.sqrt(shape[1])


def matrix_of(
    structure: Structure,
    stored: Tensor,
    shape: tuple[int, ...],
    pattern: Tensor | None,
) -> Tensor:
    """The matrix (R, C); ``pattern`` has the columns of a sparse one's entries."""
    entries = _entries(structure, stored, shape, pattern)
    matrix = _filled(entries, shape, stored.new_zeros(()))
    if structure.kind is StructureKind.ORTHOGONAL:
        return _exponential(matrix)
    return matrix


def _filled(
    entries: Iterator[tuple[int, int, Tensor]], shape: tuple[int, ...], zero: Tensor
) -> Tensor:
    """The matrix with these entries, and ``zero`` elsewhere."""
    rows, columns = shape
    found = {(i, j): value for i, j, value in entries}
    return torch.stack(
        [
            torch.stack([found.get((i, j), zero) for j in range(columns)])
            for i in range(rows)
        ]
    )


def _entries(
    structure: Structure,
    stored: Tensor,
    shape: tuple[int, ...],
    pattern: Tensor | None,
) -> Iterator[tuple[int, int, Tensor]]:
    """The rows and columns that are not zero, with their values."""
    rows, columns = shape
    match structure.kind:
        case StructureKind.LOWER_TRIANGULAR:
            for k, (i, j) in enumerate(_below(rows, 0)):
                yield i, j, stored[k]
        case StructureKind.UPPER_TRIANGULAR:
            for k, (i, j) in enumerate(_below(rows, 0)):
                yield j, i, stored[k]
        case StructureKind.SYMMETRIC:
            for k, (i, j) in enumerate(_below(rows, 0)):
                yield i, j, stored[k]
                yield j, i, stored[k]
        case StructureKind.ANTISYMMETRIC | StructureKind.ORTHOGONAL:
            for k, (i, j) in enumerate(_below(rows, 1)):
                yield i, j, stored[k]
                yield j, i, -stored[k]
        case StructureKind.DIAGONAL:
            for i in range(rows):
                yield i, i, stored[i]
        case StructureKind.BLOCK_DIAGONAL:
            blocks = int(structure.argument or 1)
            height, width = rows // blocks, columns // blocks
            for i in range(rows):
                for j in range(width):
                    yield i, i // height * width + j, stored[i, j]
        case StructureKind.LOW_RANK:
            for i in range(rows):
                for j in range(columns):
                    yield i, j, (stored[i] * stored[rows + j]).sum()
        case StructureKind.SPARSE:
            assert pattern is not None
            for i, row in enumerate(pattern.tolist()):
                for k, j in enumerate(row):
                    yield i, j, stored[i, k]
        case _:
            assert_never(structure.kind)


def _below(size: int, offset: int) -> Iterator[tuple[int, int]]:
    """The entries of a triangle, row by row; ``offset`` 1 leaves the diagonal out."""
    for i in range(size):
        for j in range(i + 1 - offset):
            yield i, j


def _exponential(matrix: Tensor) -> Tensor:
    """By its series, of a matrix halved until that converges fast; in double precision,
    since each halving costs a bit of what the result is exact to."""
    norm = float(matrix.detach().abs().sum(1).max())
    halvings = max(0, math.ceil(math.log2(max(2 * norm, 1.0))))
    small = matrix.double() / 2**halvings
    term = total = torch.eye(len(matrix), dtype=torch.float64)
    for order in range(1, _TERMS):
        term = term @ small / order
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return total.to(matrix.dtype)
