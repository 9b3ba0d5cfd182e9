"""The measure of difference."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from rnndsl.verify.compare import largest_difference


def one(*values: float) -> dict[str, Tensor]:
    return {"v": torch.tensor(values, dtype=torch.float64)}


def test_errors_are_relative_to_the_largest_entry() -> None:
    found = largest_difference(one(100.0, 1.0), one(100.0, 2.0))
    assert found.error == 0.01
    assert found.worst == "v"


def test_small_tensors_are_measured_against_one() -> None:
    assert largest_difference(one(1e-3), one(3e-3)).error == pytest.approx(2e-3)


def test_the_worst_tensor_is_named() -> None:
    found = {"a": torch.ones(3), "b": torch.zeros(3), "c": torch.ones(3)}
    wanted = {"a": torch.ones(3), "b": torch.full((3,), 0.5), "c": torch.zeros(3)}
    assert largest_difference(found, wanted).worst == "c"


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_infinitely_far(broken: float) -> None:
    assert largest_difference(one(1.0, broken), one(1.0, 2.0)).error == math.inf


def test_another_shape_is_infinitely_far() -> None:
    wanted = {"v": torch.zeros(2, 1)}
    assert largest_difference({"v": torch.zeros(2)}, wanted).error == math.inf


def test_nothing_to_compare_is_no_difference() -> None:
    empty = {"v": torch.zeros(0, 3)}
    assert largest_difference(empty, empty).error == 0.0
