"""How far apart two sets of tensors are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

# Relative to the largest entry of a tensor, or to 1 where all entries are smaller.
TOLERANCES = {torch.float64: 1e-12, torch.float32: 5e-6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The largest error over a set of tensors, and the name of the one that has it."""

    error: float
    worst: str


def largest_difference(
    found: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> Difference:
    """Compares the tensors of equal names; NaN anywhere, or another shape, is infinite.

    The error of a tensor is its largest absolute difference, divided by the largest
    absolute value expected, or by 1 if that is smaller.
    """
    assert found.keys() == expected.keys(), (list(found), list(expected))
    worst = Difference(error=-1.0, worst="")
    for name, value in found.items():
        error = _error(value, expected[name])
        if error > worst.error:
            worst = Difference(error=error, worst=name)
    return worst


def _error(found: Tensor, expected: Tensor) -> float:
    if found.shape != expected.shape:
        return math.inf
    if found.numel() == 0:
        return 0.0
    wanted = expected.to(torch.float64)
    scale = max(1.0, float(wanted.abs().max()))
    error = float((found.to(torch.float64) - wanted).abs().max()) / scale
    return error if math.isfinite(error) else math.inf
