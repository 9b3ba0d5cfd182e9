"""Matrices times one-hot vectors that are never made."""

from __future__ import annotations

from torch import Tensor, nn


class OneHotLinear(nn.Linear):
    """``torch.nn.Linear`` on the unit vectors of tokens: reads the weight's columns."""

    def forward(self, input: Tensor) -> Tensor:
        """input (...), whole numbers below ``in_features``, to (..., out_features)."""
        columns = nn.functional.embedding(input, self.weight.t())
        return columns if self.bias is None else columns + self.bias


def one_hot_outer_sum(d: Tensor, tokens: Tensor, columns: int) -> Tensor:
    """The gradient (rows, columns) of a matrix whose columns were read: of ``d``,
    (..., rows), what arrived for each token (...), added up in its column."""
    rows = d.new_zeros(columns, d.shape[-1])
    return rows.index_add_(0, tokens.flatten(), d.flatten(0, -2)).t()
