"""Functions over features, and the gradients that leave at their operands.

Everywhere u is a vector of each row, (..., H), y the result, and d the gradient that
arrives at it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def sum_backward(d: Tensor, features: int) -> Tensor:
    """The gradient at u, (..., H): d, (...), for each of the features."""
    return d.unsqueeze(-1).expand(*d.shape, features)


def mean_backward(d: Tensor, features: int) -> Tensor:
    """The gradient at u, (..., H): an equal part of d, (...), for each feature."""
    return sum_backward(d / features, features)


def softmax_backward(d: Tensor, y: Tensor) -> Tensor:
    """The gradient at u, (..., H): y * (d - sum(d * y))."""
    sent: Tensor = torch.ops.aten._softmax_backward_data(d, y, -1, y.dtype)
    return sent


def log_softmax_backward(d: Tensor, y: Tensor) -> Tensor:
    """The gradient at u, (..., H): d - exp(y) * sum(d)."""
    sent: Tensor = torch.ops.aten._log_softmax_backward_data(d, y, -1, y.dtype)
    return sent


def layer_norm(u: Tensor, epsilon: float) -> Tensor:
    """(u - mean) / sqrt(variance + epsilon) over the features, without gain and bias
    (Ba, Kiros and Hinton, arXiv:1607.06450)."""
    return functional.layer_norm(u, [u.shape[-1]], eps=epsilon)


def layer_norm_backward(d: Tensor, y: Tensor, u: Tensor, epsilon: float) -> Tensor:
    """The gradient at u, (..., H): d without its mean and without its part along y,
    divided by the deviation of u."""
    variance = torch.square(u - u.mean(-1, keepdim=True)).mean(-1, keepdim=True)
    along = y * (d * y).mean(-1, keepdim=True)
    return (d - d.mean(-1, keepdim=True) - along) * torch.rsqrt(variance + epsilon)


def rms_norm(u: Tensor, epsilon: float) -> Tensor:
    """u / sqrt(mean(u ** 2) + epsilon) over the features (Zhang and Sennrich,
    arXiv:1910.07467)."""
    return functional.rms_norm(u, [u.shape[-1]], eps=epsilon)


def rms_norm_backward(d: Tensor, y: Tensor, u: Tensor, epsilon: float) -> Tensor:
    """The gradient at u, (..., H): d without its part along y, divided by the root of
    the mean square of u."""
    mean_square = torch.square(u).mean(-1, keepdim=True)
    along = y * (d * y).mean(-1, keepdim=True)
    return (d - along) * torch.rsqrt(mean_square + epsilon)


def extreme_backward(d: Tensor, y: Tensor, u: Tensor) -> Tensor:
    """The gradient at u, (..., H), of its largest or smallest entry y, (...): entries
    that are equal share it, as in torch.amax."""
    chosen = (u == y.unsqueeze(-1)).to(d.dtype)
    return chosen * (d / chosen.sum(-1)).unsqueeze(-1)
