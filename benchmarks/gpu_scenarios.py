"""What training loops do with a layer, one thing after the other, over many steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

# From a layer and an input that wants a gradient to gradients of its parameters.
Scenario: TypeAlias = Callable[[Any, Tensor], None]


def plain(layer: Any, x: Tensor) -> None:
    """One forward pass, one backward pass."""
    _loss(layer(x)).backward()


def accumulated(layer: Any, x: Tensor) -> None:
    """Gradients of two batches add up."""
    for batch in (x, -x):
        _loss(layer(batch)).backward()


def retained(layer: Any, x: Tensor) -> None:
    """A graph that is used twice."""
    loss = _loss(layer(x))
    loss.backward(retain_graph=True)
    loss.backward()


def waiting(layer: Any, x: Tensor) -> None:
    """Two forward passes wait, and the first is the last to go back."""
    first, second = _loss(layer(x)), _loss(layer(-x))
    second.backward()
    first.backward()


def held(layer: Any, x: Tensor) -> None:
    """An output stays what it is while the layer goes on."""
    output = layer(x)
    before = output[0].detach().clone()
    with torch.no_grad():
        layer(-x)
    layer(-x)
    if not torch.equal(output[0], before):
        raise AssertionError("an output has changed behind a later call")
    _loss(output).backward()


def checkpointed(layer: Any, x: Tensor) -> None:
    """The forward pass is run again in the backward pass."""
    _loss(checkpoint(layer, x, use_reentrant=False)).backward()


def penalised(layer: Any, x: Tensor) -> None:
    """The gradient of a gradient."""
    loss = _loss(layer(x))
    (found,) = torch.autograd.grad(loss, x, create_graph=True)
    (loss + found.square().sum()).backward()


def reloaded(layer: Any, x: Tensor) -> None:
    """Parameters are loaded in place."""
    stored = layer.state_dict()
    layer.load_state_dict({name: 0.999 * value for name, value in stored.items()})
    plain(layer, x)


SCENARIOS: tuple[Scenario, ...] = (
    plain,
    accumulated,
    retained,
    waiting,
    held,
    checkpointed,
    penalised,
    reloaded,
)


def _loss(result: Any) -> Tensor:
    output: Tensor = result[0]
    return (output - 0.3).square().mean()
