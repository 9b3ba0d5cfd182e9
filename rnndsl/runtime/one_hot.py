"""A linear map of one-hot vectors that are never made."""

from __future__ import annotations

from torch import Tensor, nn


class OneHotLinear(nn.Linear):
    """``torch.nn.Linear`` on the unit vectors of tokens: reads the weight's columns."""

    def forward(self, input: Tensor) -> Tensor:
        """input (...), whole numbers below ``in_features``, to (..., out_features)."""
        columns = nn.functional.embedding(input, self.weight.t())
        return columns if self.bias is None else columns + self.bias
