"""Pairs of equal layers on the GPU: one replays CUDA graphs, one runs plainly."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

import rnndsl
from rnndsl import zoo

T, B, D, H = 12, 5, 6, 7


@cache
def module_of(cell: str) -> Any:
    """The compiled cell of the zoo."""
    return rnndsl.load(zoo.path(cell))


def layers(cell: str = "LSTM", **options: Any) -> tuple[Any, Any]:
    """A layer with the engine ``graph``, and one like it with ``fused``."""
    layer = getattr(module_of(cell), cell)(D, H, device="cuda", **options)
    plain = copy.deepcopy(layer)
    layer.engine, plain.engine = "graph", "fused"
    return layer, plain


def recorded(cell: str = "LSTM", **options: Any) -> tuple[Any, Any]:
    """The same, once a call for training on (T, B, D) has been captured."""
    layer, plain = layers(cell, **options)
    for _ in range(2):
        layer(torch.zeros(T, B, D, device="cuda", requires_grad=True))
    assert last_call(layer) == "replayed"
    return layer, plain


def inputs(steps: int = T) -> tuple[Tensor, Tensor]:
    """The same input twice, each with a gradient of its own."""
    x = torch.randn(steps, B, D, device="cuda")
    return x.clone().requires_grad_(), x.clone().requires_grad_()


def weighted(result: Any) -> Tensor:
    """A sum that depends differently on every entry of output and state."""
    output, state = result
    tensors = (output, *(state if isinstance(state, tuple) else (state,)))
    total = torch.zeros((), device=output.device)
    for value in tensors:
        weights = torch.linspace(-1, 2, value.numel(), device=value.device)
        total = total + (value * weights.view(value.shape)).sum()
    return total


def gradients(module: nn.Module, *values: Tensor) -> list[Tensor | None]:
    return [*(v.grad for v in values), *(p.grad for p in module.parameters())]


def close(actual: Any, expected: Any) -> None:
    """Equal but for the order in which products add up, whose errors are those of the
    largest entries."""
    if isinstance(expected, tuple | list):
        assert len(actual) == len(expected)
        for mine, other in zip(actual, expected, strict=True):
            close(mine, other)
    elif expected is None:
        assert actual is None
    else:
        scale = max([1.0, *expected.detach().abs().flatten().tolist()])
        torch.testing.assert_close(actual, expected, rtol=0, atol=3e-5 * scale)


def last_call(module: Any) -> str:
    """What ``explain`` says of the last call."""
    line = next(s for s in module.explain().splitlines() if s.startswith("  graph:"))
    return str(line).partition("the last call ")[2].partition(" (the loop")[0]
