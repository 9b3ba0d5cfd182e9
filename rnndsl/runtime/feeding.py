"""Layers that run step by step, since each step reads what the one before put out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn

from rnndsl.runtime.model_specification import LayerState, ModelState
from rnndsl.runtime.specification import Tensors

# One step: inputs (1, B, ...), the state before it, and of each row whether it has the
# step, (B,), 1 or 0, or None, to the output (1, B, N) and the state.
FedStep: TypeAlias = Callable[
    [Tensors, ModelState, Tensor | None], tuple[Tensor, ModelState]
]


def step_by_step(
    step: FedStep, inputs: Tensors, state: ModelState, lengths: Tensor | None
) -> tuple[Tensor, ModelState]:
    """Runs inputs (T, B, ...) one step after the other; rows that have ended hold.

    Returns the outputs (T, B, N) and the state behind the last step.
    """
    outputs = []
    for t in range(inputs[0].shape[0]):
        counts = None if lengths is None else (lengths > t).long()
        output, state = step(tuple(x[t : t + 1] for x in inputs), state, counts)
        outputs.append(output)
    return torch.cat(outputs), state


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
