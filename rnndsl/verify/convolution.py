"""The convolution of one image by its definition: a sum over the kernel's entries."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from torch import Tensor


def convolution(kernel: Tensor, image: Tensor, bias: Tensor | None) -> Tensor:
    """kernel (R, C, *window), image (C, *places), bias (R,): (R, *places)."""
    window, places = kernel.shape[2:], image.shape[1:]
    edges = [size // 2 for size in window]
    around = image.new_zeros(
        image.shape[0], *(n + 2 * e for n, e in zip(places, edges, strict=True))
    )
    around[_window(edges, places)] = image
    result = image.new_zeros(kernel.shape[0], *places)
    size = kernel.shape[:2]
    for index, offset in enumerate(product(*map(range, window))):
        weights = kernel.flatten(2)[:, :, index].reshape(*size, *(1 for _ in places))
        shifted = around[_window(offset, places)]
        result = result + (weights * shifted).sum(1)
    if bias is None:
        return result
    return result + bias.reshape(-1, *(1 for _ in places))


def _window(start: Sequence[int], sizes: Sequence[int]) -> tuple[slice, ...]:
    """All channels of so many places, from these on."""
    places = (slice(s, s + n) for s, n in zip(start, sizes, strict=True))
    return (slice(None), *places)
