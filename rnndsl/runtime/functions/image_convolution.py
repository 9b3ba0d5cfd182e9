"""Convolutions of images in a cell, forward and backward.

Images have shape (..., C, Y, X), or (..., C, L) for places in a row; kernels have
(R, C, k, k) or (R, C, k), with odd sizes. Around an image there are zeros, so its size
is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def convolve(u: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """The cross-correlation of images (..., C, Y, X) with a kernel, plus a number for
    each channel: (..., R, Y, X)."""
    window = kernel.shape[2:]
    images = _one_axis(u, len(window))
    padding = _same_padding(window)
    ones, zeros = [1] * len(window), [0] * len(window)
    result = torch.convolution(
        images, kernel, bias, ones, padding, ones, False, zeros, 1
    )
    return result.reshape(*u.shape[: -1 - len(window)], *result.shape[1:])


def convolve_backward(d: Tensor, kernel: Tensor) -> Tensor:
    """What a convolution sends to its images (..., C, Y, X): the transposed
    convolution of ``d``, the gradient (..., R, Y, X) of its result."""
    window = kernel.shape[2:]
    gradients = _one_axis(d, len(window))
    ones, zeros = [1] * len(window), [0] * len(window)
    result = torch.convolution(
        gradients, kernel, None, ones, _same_padding(window), ones, True, zeros, 1
    )
    return result.reshape(*d.shape[: -1 - len(window)], *result.shape[1:])


def kernel_gradient(d: Tensor, u: Tensor, window: Sequence[int]) -> Tensor:
    """The gradient (R, C, *window) of the kernel by which images (..., C, Y, X) are
    convolved, from ``d``, the gradient (..., R, Y, X) of the result."""
    rank = len(window)
    gradients, images = _one_axis(d, rank), _one_axis(u, rank)
    like = u.new_empty(d.shape[-1 - rank], u.shape[-1 - rank], *window)
    ones, zeros = [1] * rank, [0] * rank
    gradient: Tensor = torch.ops.aten.convolution_backward(
        gradients,
        images,
        like,
        None,
        ones,
        _same_padding(window),
        ones,
        False,
        zeros,
        1,
        (False, True, False),
    )[1]
    return gradient


def _one_axis(u: Tensor, rank: int) -> Tensor:
    """Images (..., C, Y, X), with places along so many axes, as (N, C, Y, X)."""
    return u.reshape(-1, *u.shape[-1 - rank :])


def _same_padding(window: Sequence[int]) -> list[int]:
    """The zeros on each side that keep the size."""
    return [size // 2 for size in window]
