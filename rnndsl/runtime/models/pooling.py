"""One output for a whole sequence, from those of all its steps.

Padding takes no part. A sequence of no steps gives zeros.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnndsl.runtime.sequences.ragged import aligned, valid_steps, zero_padding


def mean_over_time(x: Tensor, lengths: Tensor | None) -> Tensor:
    """The mean of x (T, B, N) over the steps of each row, (B, N)."""
    if lengths is None:
        return x.mean(0)
    total = zero_padding(x, lengths).sum(0)
    return total / aligned(lengths.clamp(min=1), total).to(x.dtype)


def max_over_time(x: Tensor, lengths: Tensor | None) -> Tensor:
    """The largest value of each feature of x (T, B, N) over time, (B, N). Steps that
    tie for it share the gradient."""
    if lengths is None:
        return x.amax(0)
    mask = aligned(valid_steps(lengths, x.shape[0]), x)
    largest = x.masked_fill(~mask, -torch.inf).amax(0)
    return torch.where(aligned(lengths, largest) > 0, largest, 0)


class AttentionPooling(nn.Module):
    """The mean over time, weighted by how much each step matters.

    The weights are the softmax over time of ``context(tanh(projection(x)))``.
    Z. Yang et al., Hierarchical attention networks for document classification, 2016.
    """

    def __init__(
        self,
        width: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.projection = nn.Linear(width, width, device=device, dtype=dtype)
        self.context = nn.Linear(width, 1, bias=False, device=device, dtype=dtype)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """x (T, B, N) to (B, N)."""
        x = zero_padding(x, lengths)
        scores: Tensor = self.context(torch.tanh(self.projection(x)))
        if lengths is not None:
            mask = aligned(valid_steps(lengths, x.shape[0]), x)
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        return (scores.softmax(0) * x).sum(0)
