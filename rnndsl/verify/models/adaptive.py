"""The adaptive softmax of Grave et al., 2017, from its definition."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from rnndsl.verify.models.parameters import Parameters

_NARROWER = 4
"""So many times narrower is each cluster's space than that of the one before."""


def adaptive_log_probabilities(
    features: Tensor, classes: int, cutoffs: tuple[int, ...], parameters: Parameters
) -> Tensor:
    """log p of each class, (classes), given features (N).

    The head scores the frequent classes and each cluster; a class of a cluster has the
    probability of the cluster times its own in it.
    """
    width = len(features)
    name = "adaptive_softmax"
    frequent, clusters = cutoffs[0], len(cutoffs)
    head = parameters.tensor(f"{name}.head.weight", frequent + clusters, width)
    first = _log_softmax((head * features).sum(1))
    parts = [first[:frequent]]
    for index, (low, high) in enumerate(pairwise((*cutoffs, classes))):
        narrow = width // _NARROWER ** (index + 1)
        tail = f"{name}.tail.{index}"
        down = parameters.tensor(f"{tail}.0.weight", narrow, width)
        up = parameters.tensor(f"{tail}.1.weight", high - low, narrow)
        scores = (up * (down * features).sum(1)).sum(1)
        parts.append(first[frequent + index] + _log_softmax(scores))
    return torch.cat(parts)


def _log_softmax(scores: Tensor) -> Tensor:
    return scores - torch.log(torch.exp(scores).sum())
