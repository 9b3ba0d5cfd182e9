"""Gradients that are clipped on their way back through a value."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def clip_gradient(u: Tensor, limit: float) -> Tensor:
    """u itself; backward, each entry of its gradient is kept within -limit and limit.

    A. Graves, Generating sequences with recurrent neural networks, arXiv:1308.0850.
    """
    apply: Any = ClippedGradient.apply  # untyped in torch
    clipped: Tensor = apply(u, limit)
    return clipped


class ClippedGradient(torch.autograd.Function):
    """The identity, with the clipping of the gradient in the place of its derivative.

    Forward mode takes the derivative as it is, since nothing flows back there.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(u: Tensor, limit: float) -> Tensor:
        """A copy, which may outlive u and be changed in place."""
        return u.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: Tensor) -> None:
        """Keeps the limit."""
        ctx.limit = inputs[1]

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> Any:
        """Differentiable itself, as the clipping it is."""
        return torch.clamp(d, -ctx.limit, ctx.limit), None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Tensor:
        """The derivative of the identity."""
        return tangent.clone()
