"""A softmax over many classes, of which the rare ones are cheap.

E. Grave et al., Efficient softmax approximation for GPUs, 2017. The frequent classes
and the clusters of rarer ones are scored first, the classes of a cluster only where the
target lies in it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnndsl.runtime.errors import DtypeError, ShapeError
from rnndsl.runtime.losses.means import Reduction
from rnndsl.runtime.sequences.ragged import aligned


def adaptive_softmax_loss(
    softmax: nn.AdaptiveLogSoftmaxWithLoss,
    output: Tensor,
    target: Tensor,
    mask: Tensor | None,
    *,
    ignore: int = -100,
    reduction: Reduction = "mean",
) -> Tensor:
    """The cross-entropy of the classes ``target`` (...) of the features ``output``
    (..., N), its mean or sum over what counts.

    Steps where ``mask`` is False, or whose target is ``ignore``, do not count.
    Raises DtypeError for targets that are no whole numbers, ShapeError for another
    shape, and RuntimeError for a class that there is not.
    """
    if target.is_floating_point() or target.dtype == torch.bool:
        raise DtypeError(f"target: expected classes, whole numbers, got {target.dtype}")
    if target.shape != output.shape[:-1]:
        raise ShapeError(
            f"target: expected size {tuple(output.shape[:-1])}, as the output, got "
            f"{tuple(target.shape)}"
        )
    counted = target != ignore
    if mask is not None:
        counted = counted & aligned(mask, counted)
    target = torch.where(counted, target, 0).long()
    output = torch.where(counted.unsqueeze(-1), output, 0)
    each = -softmax(output.reshape(-1, softmax.in_features), target.flatten()).output
    total = torch.where(counted.flatten(), each, 0).sum()
    return total if reduction == "sum" else total / counted.sum()


def adaptive_probabilities(
    softmax: nn.AdaptiveLogSoftmaxWithLoss, output: Tensor
) -> Tensor:
    """The probability of each class (..., K), of the features ``output`` (..., N)."""
    log_p: Tensor = softmax.log_prob(output.reshape(-1, softmax.in_features))
    return log_p.exp().reshape(*output.shape[:-1], softmax.n_classes)
