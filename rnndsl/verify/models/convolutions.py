"""Convolutions and pools at a step, and convolutions over time, from their definitions.

Channels at one step are (C, L) or (C, Y, X); the axes behind C are the extent.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor


def pooled_windows(value: Tensor, window: int | None, *, is_max: bool) -> Tensor:
    """The largest value or the mean of each window of (C, *extent), a rest left out;
    without a window, of each channel, (C,)."""
    if window is None:
        flat = value.flatten(1)
        return flat.amax(1) if is_max else flat.sum(1) / flat.shape[1]
    extent = [size // window for size in value.shape[1:]]
    parts = []
    for offset in product(range(window), repeat=len(extent)):
        pairs = zip(offset, extent, strict=True)
        places = [slice(o, window * size, window) for o, size in pairs]
        parts.append(value[(slice(None), *places)])
    stacked = torch.stack(parts)
    return stacked.amax(0) if is_max else stacked.sum(0) / len(parts)


def convolved_over_time(
    sequence: Sequence[Tensor], weight: Tensor, bias: Tensor
) -> list[Tensor]:
    """At each step t the sum over k of weight[..., k] @ value at t - K + 1 + k, zero in
    front of the first step; weight (D, C, K), values (C,)."""
    size = weight.shape[2]
    result = []
    for t in range(len(sequence)):
        total = bias
        for k in range(size):
            source = t - size + 1 + k
            if source >= 0:
                total = total + (weight[:, :, k] * sequence[source]).sum(1)
        result.append(total)
    return result
