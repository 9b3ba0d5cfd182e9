"""Layers that run step by step, since each step reads what the one before put out."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from rnndsl.runtime.graphs.nested import flatten, unflatten
from rnndsl.runtime.model_specification import LayerState, ModelState
from rnndsl.runtime.specification import Tensors


class FedModel(Protocol):
    """A model with layers that read what the step before put out."""

    @property
    def truncation(self) -> int | None: ...

    def fed_step(
        self, inputs: Tensors, state: ModelState, lengths: Tensor | None
    ) -> tuple[Tensor, ModelState]:
        """One step: inputs (1, B, ...), the state before it, and of each row whether it
        has the step, (B,), 1 or 0, or None, to the output (1, B, N) and the state."""
        ...


def step_by_step(
    model: FedModel, inputs: Tensors, state: ModelState, lengths: Tensor | None
) -> tuple[Tensor, ModelState]:
    """Runs inputs (T, B, ...) one step after the other; rows that have ended hold.

    Gradients are cut as in the model's layers, also through what is fed back. Returns
    the outputs (T, B, N) and the state behind the last step.
    """
    outputs = []
    every, first = model.truncation, state
    for t in range(inputs[0].shape[0]):
        if t and every is not None and t % every == 0:
            state = _cut(state, first)
        counts = None if lengths is None else (lengths > t).long()
        now = tuple(x[t : t + 1] for x in inputs)
        output, state = model.fed_step(now, state, counts)
        outputs.append(output)
    return torch.cat(outputs), state


def _cut(state: ModelState, first: ModelState) -> ModelState:
    """The state without a gradient into the steps before. What no step has changed
    since the first, such as states of layers above, is none of these steps'."""
    return tuple(
        now if now is before else _detached(now)
        for now, before in zip(state, first, strict=True)
    )


def _detached(value: LayerState | None) -> LayerState | None:
    tensors, nesting = flatten(value)
    detached = tuple(None if x is None else x.detach() for x in tensors)
    found: LayerState | None = unflatten(nesting, detached)
    return found


def first_feed(
    module: nn.Module, given: LayerState | None, batch: int, width: int
) -> Tensor:
    """What the step before fed back, (1, B, N), zeros before the first."""
    if isinstance(given, Tensor):
        return given
    like = next(module.parameters(), torch.empty(0))
    return like.new_zeros(1, batch, width)


def next_feed(output: Tensor, fed: Tensor, counts: Tensor | None) -> Tensor:
    """What the next step reads: the output (1, B, N) in rows that have this step, what
    it was, ``fed``, in the others."""
    if counts is None:
        return output
    return torch.where(counts.view(1, -1, 1) > 0, output, fed.to(output.dtype))
