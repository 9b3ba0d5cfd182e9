"""Dropout in recurrent layers: masks that stay, and masks of states."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class VariationalDropout(nn.Dropout):
    """Drops the same features of a row at all steps: one mask for each sequence.

    Y. Gal and Z. Ghahramani, A theoretically grounded application of dropout in
    recurrent neural networks, 2016.
    """

    def forward(self, input: Tensor) -> Tensor:
        """input (T, B, ...), of which (B, ...) is drawn once."""
        if not self.training or self.p == 0:
            return input
        kept = nn.functional.dropout(input.new_ones(input.shape[1:]), self.p, True)
        return input * kept


class RecurrentDropoutMask(nn.Dropout):
    """What an old state is multiplied with where it meets a weight: one mask for each
    sequence, the same at all steps; ones in evaluation.

    ``shape`` is that of the state. Y. Gal and Z. Ghahramani, 2016, as above.
    """

    def __init__(self, p: float, *shape: int) -> None:
        super().__init__(p)
        self.shape = shape

    def forward(self, input: Tensor) -> Tensor:
        """A mask (T, B, *shape) for a layer that reads input (T, B, ...)."""
        steps, rows = input.shape[:2]
        mask = super().forward(input.new_ones((rows, *self.shape)))
        return mask.expand(steps, *mask.shape)


class ZoneoutMask(nn.Module):
    """The share of the old value in each entry of a state: in training 1 with the
    probability ``p`` and else 0, drawn for each step; in evaluation ``p``.

    ``shape`` is that of the state. D. Krueger et al., Zoneout: regularizing RNNs by
    randomly preserving hidden activations, 2017.
    """

    def __init__(self, p: float, *shape: int) -> None:
        super().__init__()
        self.p = p
        self.shape = shape

    def forward(self, input: Tensor) -> Tensor:
        """Shares (T, B, *shape) for a layer that reads input (T, B, ...)."""
        share = input.new_full((), self.p).expand(*input.shape[:2], *self.shape)
        return torch.bernoulli(share) if self.training else share

    def extra_repr(self) -> str:
        return f"p={self.p}"
