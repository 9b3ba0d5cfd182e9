"""Attention to the outputs of an encoder, from its definition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import torch
from torch import Tensor

from rnndsl.analysis.model_layers import Attend, AttentionKind
from rnndsl.verify.interpreter import Sizes
from rnndsl.verify.models.parameters import Parameters


def attended(
    layer: Attend,
    name: str,
    query: Tensor,
    memory: Sequence[Tensor],
    sizes: Sizes,
    parameters: Parameters,
) -> Tensor:
    """The mean of a memory, weighted by the softmax of its energies; zeros of an empty
    one. Luong et al., 2015, equation 8; Bahdanau et al., 2015, appendix A.1.2."""
    width = layer.memory_width.value(sizes)
    if not memory:
        return parameters.like.new_zeros(width)
    match layer.kind:
        case AttentionKind.DOT:
            energies = [(query * value).sum() for value in memory]
        case AttentionKind.GENERAL:
            key = parameters.tensor(f"{name}.key.weight", len(query), width)
            energies = [(query * (key * value).sum(1)).sum() for value in memory]
        case AttentionKind.ADDITIVE:
            size = layer.size.value(sizes)
            own = parameters.tensor(f"{name}.query.weight", size, len(query))
            key = parameters.tensor(f"{name}.key.weight", size, width)
            energy = parameters.tensor(f"{name}.energy.weight", 1, size)
            shown = (own * query).sum(1)
            energies = [
                (energy[0] * torch.tanh(shown + (key * value).sum(1))).sum()
                for value in memory
            ]
        case _:
            assert_never(layer.kind)
    weights = torch.stack(energies).exp()
    shares = weights / weights.sum()
    return (shares.unsqueeze(1) * torch.stack(list(memory))).sum(0)
