"""Losses: means, or sums, over every output that counts, padding left out.

Outputs are (..., K); ``mask``, of their first dimensions, is False where they do not
count, or None. What stands there, NaN included, reaches neither the loss nor a
gradient.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from rnndsl.runtime.errors import DtypeError, ShapeError
from rnndsl.runtime.sequences.ragged import aligned

Reduction: TypeAlias = Literal["mean", "sum"]


def cross_entropy_loss(
    output: Tensor,
    target: Tensor,
    mask: Tensor | None,
    *,
    ignore: int = -100,
    smoothing: float = 0.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """Of the classes ``target`` (...), whole numbers, and the scores ``output``.

    Targets equal to ``ignore`` do not count. ``smoothing`` is the share of the
    probability that goes to all classes alike.
    """
    if target.is_floating_point() or target.dtype == torch.bool:
        raise DtypeError(f"target: expected classes, whole numbers, got {target.dtype}")
    _check_size(target, output.shape[:-1])
    if mask is not None:
        output = torch.where(aligned(mask, output), output, 0)
        target = torch.where(aligned(mask, target), target, ignore)
    return functional.cross_entropy(
        output.reshape(-1, output.shape[-1]),
        target.reshape(-1).long(),
        ignore_index=ignore,
        reduction=reduction,
        label_smoothing=smoothing,
    )


def binary_loss(
    output: Tensor,
    target: Tensor,
    mask: Tensor | None,
    *,
    reduction: Reduction = "mean",
) -> Tensor:
    """The cross-entropy of the probabilities ``target`` (..., K), each for itself, and
    the scores ``output``."""
    output, target = _counted(output, target, mask)
    each = functional.binary_cross_entropy_with_logits(output, target, reduction="none")
    return reduced(each, mask, reduction)


def squared_error_loss(
    output: Tensor,
    target: Tensor,
    mask: Tensor | None,
    *,
    reduction: Reduction = "mean",
) -> Tensor:
    """The squared difference of ``output`` and ``target`` (..., K)."""
    output, target = _counted(output, target, mask)
    return reduced((output - target).square(), mask, reduction)


def absolute_error_loss(
    output: Tensor,
    target: Tensor,
    mask: Tensor | None,
    *,
    reduction: Reduction = "mean",
) -> Tensor:
    """The absolute difference of ``output`` and ``target`` (..., K)."""
    output, target = _counted(output, target, mask)
    return reduced((output - target).abs(), mask, reduction)


def _counted(
    output: Tensor, target: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Both with zeros where they do not count."""
    _check_size(target, output.shape)
    dtype = torch.promote_types(output.dtype, target.dtype)
    output, target = output.to(dtype), target.to(dtype)
    if mask is None:
        return output, target
    mask = aligned(mask, output)
    return torch.where(mask, output, 0), torch.where(mask, target, 0)


def reduced(each: Tensor, mask: Tensor | None, reduction: Reduction) -> Tensor:
    """The mean or the sum of ``each`` (..., K) over what counts."""
    if mask is None:
        return each.sum() if reduction == "sum" else each.mean()
    mask = aligned(mask, each).expand_as(each)
    total = torch.where(mask, each, 0).sum()
    return total if reduction == "sum" else total / mask.sum()


def _check_size(target: Tensor, expected: torch.Size) -> None:
    if target.shape != expected:
        raise ShapeError(
            f"target: expected size {tuple(expected)}, as the output, got "
            f"{tuple(target.shape)}"
        )
