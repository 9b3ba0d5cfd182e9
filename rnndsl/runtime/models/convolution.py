"""Convolutions at each step of a sequence, and over its steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def each_step(module: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``module``, which takes (N, ...), on the steps of x (T, B, ...), all at once."""
    y = module(x.flatten(0, 1))
    return y.reshape(*x.shape[:2], *y.shape[1:])


class CausalConvolution(nn.Conv1d):
    """A convolution over time that sees a step and those before it, never a later one.

    In front of the first step there are zeros. So what stands in the padding behind a
    row's end reaches no step of it.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, device=device, dtype=dtype
        )

    def forward(self, input: Tensor) -> Tensor:
        """input (T, B, in_channels) to (T, B, out_channels)."""
        earlier = self.kernel_size[0] - 1
        padded = nn.functional.pad(input.permute(1, 2, 0), (earlier, 0))
        return super().forward(padded).permute(2, 0, 1)
