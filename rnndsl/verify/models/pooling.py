"""One vector for a whole sequence, each kind from its definition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import torch
from torch import Tensor

from rnndsl.analysis.model import Pooling
from rnndsl.verify.models.parameters import Parameters


def pooled(
    pooling: Pooling,
    sequence: Sequence[Tensor],
    shape: tuple[int, ...],
    parameters: Parameters,
) -> Tensor:
    """The vectors of a row's steps, (width) or (2, width) each, as one; zeros of
    ``shape`` where there is no step."""
    width = shape[-1]
    if pooling is Pooling.ATTENTION:
        projection = parameters.tensor("pooling.projection.weight", width, width)
        shift = parameters.tensor("pooling.projection.bias", width)
        context = parameters.tensor("pooling.context.weight", 1, width)
    if not sequence:
        return parameters.like.new_zeros(shape)
    match pooling:
        case Pooling.LAST:
            return sequence[-1]
        case Pooling.MEAN:
            return torch.stack(list(sequence)).sum(0) / len(sequence)
        case Pooling.MAX:
            return torch.stack(list(sequence)).amax(0)
        case Pooling.ATTENTION:
            # Yang et al., Hierarchical attention networks, 2016, equations 5 to 7.
            projected = [
                (projection * value.unsqueeze(-2)).sum(-1) + shift for value in sequence
            ]
            weights = [
                (context[0] * torch.tanh(value)).sum(-1, keepdim=True).exp()
                for value in projected
            ]
            total = torch.stack(weights).sum(0)
            shares = zip(weights, sequence, strict=True)
            return torch.stack([w / total * value for w, value in shares]).sum(0)
        case Pooling.STATE:
            raise AssertionError("a state is no pooling of outputs")
        case _:
            assert_never(pooling)
