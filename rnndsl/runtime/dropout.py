"""Dropout that is the same at every step."""

from __future__ import annotations

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
