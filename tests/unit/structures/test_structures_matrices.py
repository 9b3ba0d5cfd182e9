"""Structured matrices: what they are, and the nearest one to a given matrix."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from rnndsl.runtime import Structure
from rnndsl.runtime.parameters.structure import StructureKind, draw_columns

CASES = [
    (Structure("orthogonal"), (7, 7)),
    (Structure("symmetric"), (6, 6)),
    (Structure("antisymmetric"), (5, 5)),
    (Structure("lower_triangular"), (6, 6)),
    (Structure("upper_triangular"), (6, 6)),
    (Structure("diagonal"), (4, 4)),
    (Structure("block_diagonal", 3), (6, 9)),
    (Structure("low_rank", 2), (7, 5)),
    (Structure("sparse", 0.3), (6, 10)),
]
cases = pytest.mark.parametrize(("structure", "shape"), CASES, ids=lambda v: str(v))


def columns_of(structure: Structure, shape: tuple[int, int]) -> Tensor | None:
    if structure.kind != "sparse":
        return None
    columns = torch.zeros(structure.stored_shape(shape), dtype=torch.long)
    draw_columns(columns, shape[1])
    return columns


def drawn(structure: Structure, shape: tuple[int, int]) -> tuple[Tensor, Tensor | None]:
    stored = torch.randn(structure.stored_shape(shape), dtype=torch.float64)
    return stored, columns_of(structure, shape)


def test_every_kind_has_a_case() -> None:
    assert tuple(s.kind for s, _ in CASES) == get_args(StructureKind)


@pytest.mark.parametrize(
    ("index", "expected"),
    [(1, lambda m: m.mT), (2, lambda m: -m.mT), (3, torch.tril), (4, torch.triu)],
)
def test_triangles(index: int, expected: object) -> None:
    torch.manual_seed(1)
    structure, shape = CASES[index]
    stored, _ = drawn(structure, shape)
    matrix = structure.matrix(stored, shape, None)
    assert callable(expected)
    assert torch.equal(matrix, expected(matrix))
    assert set(stored.abs().tolist()) <= set(matrix.abs().flatten().tolist())


@pytest.mark.parametrize("size", [1, 2, 7, 20])
def test_orthogonal_is_a_rotation_whatever_is_stored(size: int) -> None:
    torch.manual_seed(2)
    structure = Structure("orthogonal")
    stored = 100 * torch.randn(size * (size - 1) // 2, dtype=torch.float64)
    matrix = structure.matrix(stored, (size, size), None)
    assert_close(matrix @ matrix.mT, torch.eye(size, dtype=torch.float64))
    assert float(torch.linalg.det(matrix)) == pytest.approx(1)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_small_rotations_are_exact_too(dtype: torch.dtype) -> None:
    structure = Structure("orthogonal")
    for angle in torch.linspace(0.001, 4, 400, dtype=dtype):
        matrix = structure.matrix(angle.reshape(1), (2, 2), None)
        cos, sin = angle.cos(), angle.sin()
        expected = torch.stack((torch.stack((cos, -sin)), torch.stack((sin, cos))))
        limit = 20 * torch.finfo(dtype).eps
        assert (matrix - expected).abs().max() <= limit, float(angle)


def test_blocks_stand_on_the_diagonal() -> None:
    structure, shape = CASES[6]
    stored, _ = drawn(structure, shape)
    matrix = structure.matrix(stored, shape, None)
    for i in range(3):
        own = matrix[2 * i : 2 * i + 2, 3 * i : 3 * i + 3]
        assert torch.equal(own, stored[2 * i : 2 * i + 2])
    assert int((matrix != 0).sum()) == stored.numel()


def test_low_rank_is_a_product_of_factors() -> None:
    structure, shape = CASES[7]
    stored, _ = drawn(structure, shape)
    matrix = structure.matrix(stored, shape, None)
    assert_close(matrix, stored[:7] @ stored[7:].T)
    assert int(torch.linalg.matrix_rank(matrix)) == 2


@pytest.mark.parametrize(
    ("share", "kept"), [(0.3, 3), (0.04, 1), (0.24, 2), (0.25, 3), (1.0, 10)]
)
def test_sparse_keeps_a_share_of_each_row(share: float, kept: int) -> None:
    structure, shape = Structure("sparse", share), (8, 10)
    stored, columns = drawn(structure, shape)
    matrix = structure.matrix(stored, shape, columns)
    assert (matrix != 0).sum(1).tolist() == [kept] * 8
    assert columns is not None
    assert torch.equal(matrix.gather(1, columns), stored)


def test_a_sparse_pattern_is_uniform() -> None:
    torch.manual_seed(3)
    columns = torch.zeros(20000, 3, dtype=torch.long)
    draw_columns(columns, 10)
    shares = torch.bincount(columns.flatten(), minlength=10) / 20000
    assert_close(shares, torch.full((10,), 0.3), rtol=0, atol=0.02)
    assert bool((columns.diff() > 0).all())


@cases
def test_nearest_keeps_what_has_the_structure(
    structure: Structure, shape: tuple[int, int]
) -> None:
    torch.manual_seed(4)
    stored, columns = drawn(structure, shape)
    matrix = structure.matrix(stored, shape, columns)
    found = structure.nearest(matrix, columns)
    assert found.shape == stored.shape
    assert_close(structure.matrix(found, shape, columns), matrix)


def test_nearest_of_low_rank_is_that_of_eckart_and_young() -> None:
    torch.manual_seed(5)
    structure, shape = CASES[7]
    matrix = torch.randn(shape, dtype=torch.float64)
    near = structure.matrix(structure.nearest(matrix, None), shape, None)
    left_out = torch.linalg.svdvals(matrix)[2:]
    assert_close(torch.linalg.norm(matrix - near), left_out.norm())


@pytest.mark.parametrize("sign", [1, -1])
def test_nearest_rotation(sign: int) -> None:
    """Of the square root of W'W, with the least axis turned where W is a reflection."""
    torch.manual_seed(6)
    matrix = torch.randn(5, 5, dtype=torch.float64)
    matrix[0] *= sign * torch.linalg.det(matrix).sign()
    structure = Structure("orthogonal")
    near = structure.matrix(structure.nearest(matrix, None), (5, 5), None)
    values = torch.linalg.svdvals(matrix)
    best = values.sum() if sign > 0 else values.sum() - 2 * values[-1]
    assert_close((near * matrix).sum(), best)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@cases
def test_half_precision(
    structure: Structure, shape: tuple[int, int], dtype: torch.dtype
) -> None:
    torch.manual_seed(7)
    stored, columns = drawn(structure, shape)
    exact = structure.matrix(stored, shape, columns)
    half = structure.matrix(stored.to(dtype), shape, columns)
    assert half.dtype == dtype
    assert_close(half.double(), exact, rtol=0.1, atol=0.1)


def test_sizes_that_do_not_fit() -> None:
    message = "4 blocks do not divide 6 rows and 8 columns evenly"
    with pytest.raises(ValueError, match=message):
        Structure("block_diagonal", 4).stored_shape((6, 8))
    with pytest.raises(ValueError, match="6 rows and 3 columns has no rank 4"):
        Structure("low_rank", 4).stored_shape((6, 3))
