"""Parameters of which the free numbers alone are stored, and the matrices made of them.

A matrix is made anew in every call, so that it keeps its structure whatever becomes of
the numbers, and is differentiable in them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, assert_never

import torch
from torch import Tensor
from torch.nn import functional

StructureKind: TypeAlias = Literal[
    "orthogonal",
    "symmetric",
    "antisymmetric",
    "lower_triangular",
    "upper_triangular",
    "diagonal",
    "block_diagonal",
    "low_rank",
    "sparse",
]
MatrixShape: TypeAlias = tuple[int, int]

# A norm for which torch computes a matrix exponential to full precision.
_LARGE = 3.0


@dataclass(frozen=True, slots=True)
class Structure:
    """What a matrix [R, C] is, and how it is stored.

    ``argument`` is the number of blocks, the rank, or the share of entries that each
    row of a sparse matrix keeps.

    ======================  ===========================================================
    lower_triangular        its entries, row by row, (R * (R + 1) / 2,)
    upper_triangular        the entries of its transpose, likewise
    symmetric               those of its lower triangle
    antisymmetric           those below its diagonal, (R * (R - 1) / 2,)
    orthogonal              those of an antisymmetric A; the matrix is exp(A)
    diagonal                its diagonal, (R,)
    block_diagonal          its blocks, below one another, (R, C / blocks)
    low_rank                two factors, (R + C, rank): [R, rank] @ [C, rank].T
    sparse                  the kept entries of each row, (R, kept)
    ======================  ===========================================================
    """

    kind: StructureKind
    argument: float = 0.0

    def stored_shape(self, shape: MatrixShape) -> tuple[int, ...]:
        """The shape of what is stored for a matrix of this shape. Raises ValueError if
        there is none."""
        rows, columns = shape
        match self.kind:
            case "lower_triangular" | "upper_triangular" | "symmetric":
                return (rows * (rows + 1) // 2,)
            case "antisymmetric" | "orthogonal":
                return (rows * (rows - 1) // 2,)
            case "diagonal":
                return (rows,)
            case "block_diagonal":
                blocks = int(self.argument)
                if rows % blocks or columns % blocks:
                    raise ValueError(
                        f"{blocks} blocks do not divide {rows} rows and {columns} "
                        "columns evenly"
                    )
                return (rows, columns // blocks)
            case "low_rank":
                rank = int(self.argument)
                if rank > min(shape):
                    raise ValueError(
                        f"a matrix of {rows} rows and {columns} columns has no rank "
                        f"{rank}"
                    )
                return (rows + columns, rank)
            case "sparse":
                return (rows, self.kept(columns))
            case _:
                assert_never(self.kind)

    def kept(self, columns: int) -> int:
        """How many entries a row of a sparse matrix keeps, at least one."""
        return max(1, math.floor(self.argument * columns + 0.5))

    def matrix(
        self, stored: Tensor, shape: MatrixShape, columns: Tensor | None
    ) -> Tensor:
        """The matrix; ``columns`` (R, kept) are those of a sparse one's entries."""
        match self.kind:
            case "lower_triangular":
                return _lower(stored, shape[0], 0)
            case "upper_triangular":
                return _lower(stored, shape[0], 0).mT
            case "symmetric":
                lower = _lower(stored, shape[0], 0)
                return lower + lower.tril(-1).mT
            case "antisymmetric":
                lower = _lower(stored, shape[0], -1)
                return lower - lower.mT
            case "orthogonal":
                lower = _lower(stored, shape[0], -1)
                return _in_double(_exponential, lower - lower.mT)
            case "diagonal":
                return torch.diag(stored)
            case "block_diagonal":
                return _side_by_side(*stored.chunk(int(self.argument)))
            case "low_rank":
                return stored[: shape[0]] @ stored[shape[0] :].mT
            case "sparse":
                assert columns is not None
                return stored.new_zeros(shape).scatter(1, columns, stored)
            case _:
                assert_never(self.kind)

    def nearest(self, matrix: Tensor, columns: Tensor | None) -> Tensor:
        """What is stored for the matrix of this structure that is nearest to ``matrix``
        (R, C); of a triangular, symmetric or antisymmetric one the triangle that it
        stores is taken."""
        match self.kind:
            case "lower_triangular" | "symmetric":
                return matrix[_triangle(matrix, 0)]
            case "upper_triangular":
                return matrix.mT[_triangle(matrix, 0)]
            case "antisymmetric":
                return matrix[_triangle(matrix, -1)]
            case "orthogonal":
                return _in_double(_angles, matrix)[_triangle(matrix, -1)]
            case "diagonal":
                return matrix.diagonal()
            case "block_diagonal":
                blocks = int(self.argument)
                rows = matrix.chunk(blocks)
                return torch.cat(
                    [row.chunk(blocks, 1)[i] for i, row in enumerate(rows)]
                )
            case "low_rank":
                return _in_double(self._factors, matrix)
            case "sparse":
                assert columns is not None
                return matrix.gather(1, columns)
            case _:
                assert_never(self.kind)

    def _factors(self, matrix: Tensor) -> Tensor:
        left, values, right = torch.linalg.svd(matrix, full_matrices=False)
        rank = int(self.argument)
        scale = values[:rank].sqrt()
        return torch.cat((left[:, :rank] * scale, right[:rank].mT * scale))

    def __str__(self) -> str:
        return f"{self.kind}({self.argument:g})" if self.argument else self.kind


def draw_columns(columns: Tensor, size: int) -> None:
    """Overwrites (R, kept) with the columns of the entries that each row keeps: a
    random choice of ``size``, in ascending order."""
    chance = torch.rand(len(columns), size, device=columns.device)
    chosen = chance.topk(columns.shape[1], 1).indices
    columns.copy_(chosen.sort(1).values)


def _side_by_side(*blocks: Tensor) -> Tensor:
    block_diag: Any = torch.block_diag  # untyped in torch
    matrix: Tensor = block_diag(*blocks)
    return matrix


def _triangle(like: Tensor, offset: int) -> tuple[Tensor, Tensor]:
    """The rows and columns of the entries on and below a diagonal, row by row."""
    size = len(like)
    rows, columns = torch.tril_indices(size, size, offset, device=like.device)
    return rows, columns


def _lower(stored: Tensor, size: int, offset: int) -> Tensor:
    """The triangular matrix with these entries."""
    matrix = stored.new_zeros(size, size)
    return matrix.index_put(_triangle(matrix, offset), stored)


def _in_double(function: Callable[[Tensor], Tensor], matrix: Tensor) -> Tensor:
    """The function of a matrix, computed in double precision: in half there are no
    decompositions, and single loses a digit or two."""
    return function(matrix.double()).to(matrix.dtype)


def _exponential(matrix: Tensor) -> Tensor:
    """The matrix exponential.

    torch takes a polynomial of too low a degree where the norm is small (off by 1e-10
    in double precision, by 5e-5 in single), and of a degree that suffices where it is
    large: so it is given a larger matrix, of which one corner is wanted.
    """
    size = len(matrix)
    larger = functional.pad(matrix, (0, 1, 0, 1))
    corner = larger.new_zeros(larger.shape)
    corner[size, size] = -_LARGE
    exponential: Tensor = torch.linalg.matrix_exp(larger + corner)
    return exponential[:size, :size]


def _angles(matrix: Tensor) -> Tensor:
    """The antisymmetric logarithm of the rotation nearest to a square matrix."""
    left, _, right = torch.linalg.svd(matrix)
    # The least singular value costs least to turn round where a reflection is nearest.
    side = torch.ones_like(left[0])
    side[-1] = torch.linalg.det(left) * torch.linalg.det(right)
    rotation = (left * side) @ right
    values, vectors = torch.linalg.eig(rotation)
    powers = vectors * (1j * values.angle())
    logarithm: Tensor = torch.linalg.solve(vectors, powers, left=False).real
    return (logarithm - logarithm.mT) / 2
