"""Pairs of equal layers: one records its calls, one does not."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.testing import assert_close

import rnndsl
from rnndsl import zoo

T, B, D, H = 6, 3, 4, 5


@cache
def module_of(cell: str) -> Any:
    """The compiled cell of the zoo."""
    return rnndsl.load(zoo.path(cell))


class Cases:
    """What the tests begin with."""

    def layers(self, cell: str = "LSTM", **options: Any) -> tuple[Any, Any]:
        """A layer with the engine ``graph``, and one like it with ``fused``."""
        layer = getattr(module_of(cell), cell)(D, H, **options)
        plain = copy.deepcopy(layer)
        layer.engine, plain.engine = "graph", "fused"
        return layer, plain

    def recorded(self, cell: str = "LSTM", **options: Any) -> tuple[Any, Any]:
        """The same, once its call on (T, B, D) has been recorded for training."""
        layer, plain = self.layers(cell, **options)
        for _ in range(2):
            layer(torch.zeros(T, B, D, requires_grad=True))
        assert "1 of at most 8 shapes captured, 1 replays" in layer.explain()
        return layer, plain


def inputs() -> tuple[Tensor, Tensor]:
    """The same input twice, each with a gradient of its own."""
    x = torch.randn(T, B, D)
    return x.clone().requires_grad_(), x.clone().requires_grad_()


def weighted(result: Any) -> Tensor:
    """A sum that depends differently on every entry of output and state."""
    output, state = result
    tensors = (output, *(state if isinstance(state, tuple) else (state,)))
    return sum(  # type: ignore[return-value]
        (t * torch.linspace(-1, 2, t.numel()).view(t.shape)).sum() for t in tensors
    )


def gradients(module: nn.Module, *values: Tensor) -> list[Tensor | None]:
    return [*(v.grad for v in values), *(p.grad for p in module.parameters())]


def same(actual: Any, expected: Any) -> None:
    assert_close(actual, expected, rtol=0, atol=0)


def last_call(module: Any) -> str:
    """What ``explain`` says of the last call."""
    line = next(s for s in module.explain().splitlines() if s.startswith("  graph:"))
    return str(line).partition("the last call ")[2].partition(" (the loop")[0]
