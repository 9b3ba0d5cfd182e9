"""How gradients grow or fade on their way back through time, measured."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from rnndsl.runtime.specification import PartialTensors, Tensors


class TemporalLayer(Protocol):
    """What is measured here: a stack of layers in one direction of time."""

    engine: str

    def run(self, inputs: tuple[Any, ...], hx: Any) -> Any:
        """The output and the last state."""


def gradient_norms(
    layer: TemporalLayer, inputs: Tensors, state: Any, axis: int
) -> Tensor:
    """The norms of d s_T / d s_{T-k} for k from 1 to T, as the layer documents them.

    inputs (T, B, ...), or (B, T, ...) if time has the ``axis`` 1; state, of the layer's
    form, is that before the first step.
    """
    engine = layer.engine
    layer.engine = "reference"
    try:
        steps = _steps(layer, [torch.split(value, 1, axis) for value in inputs], state)
    finally:
        layer.engine = engine
    return _norms(steps)


def _steps(
    layer: TemporalLayer, pieces: list[tuple[Tensor, ...]], state: Any
) -> list[tuple[Tensors, Tensors]]:
    """The states before and after each step, each step with a graph of its own."""
    steps = []
    for now in zip(*pieces, strict=True):
        states = state if isinstance(state, (tuple, list)) else (state,)
        before = tuple(value.detach().requires_grad_() for value in states)
        with torch.enable_grad():
            given = before if len(before) > 1 else before[0]
            _, state = layer.run(tuple(value.detach() for value in now), given)
        after = tuple(state) if isinstance(state, (tuple, list)) else (state,)
        steps.append((before, after))
    return steps


def _norms(steps: list[tuple[Tensors, Tensors]]) -> Tensor:
    """The norms of the products of the steps' Jacobians, from the last one on."""
    cotangents = _units(steps[-1][1])
    count = len(cotangents[0])
    found = []
    for before, after in reversed(steps):
        reached = [
            (value, gradient)
            for value, gradient in zip(after, cotangents, strict=True)
            if value.requires_grad
        ]
        gradients: PartialTensors = (None,) * len(before)
        if reached:
            gradients = torch.autograd.grad(
                [value for value, _ in reached],
                before,
                [gradient for _, gradient in reached],
                allow_unused=True,
                is_grads_batched=True,
            )
        cotangents = tuple(
            value.new_zeros(count, *value.shape) if gradient is None else gradient
            for value, gradient in zip(before, gradients, strict=True)
        )
        rows = before[0].shape[1]
        squares = [
            value.square().sum((0, 1)).reshape(rows, -1).sum(1) for value in cotangents
        ]
        found.append((torch.stack(squares).sum(0) / count).sqrt().mean())
    return torch.stack(found)


def _units(states: Tensors) -> Tensors:
    """For each state a unit vector in each direction, (N, layers, B, ...)."""
    sizes = [value[:, :1].numel() for value in states]
    eye = torch.eye(sum(sizes), dtype=states[0].dtype, device=states[0].device)
    parts = torch.split(eye, sizes, 1)
    return tuple(
        part.reshape(len(eye), len(value), 1, *value.shape[2:]).expand(
            -1, -1, value.shape[1], *value.shape[2:]
        )
        for part, value in zip(parts, states, strict=True)
    )
