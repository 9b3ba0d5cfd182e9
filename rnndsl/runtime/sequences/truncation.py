"""Truncated backpropagation through time: gradients are cut every so many steps.

R. J. Williams and J. Peng, An efficient gradient-based algorithm for on-line training
of recurrent network trajectories, 1990.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rnndsl.runtime.specification import Tensors

# Of inputs, first state, parameters and mask.
Scan = Callable[[Tensors, Tensors, Tensors, Tensor | None], tuple[Tensor, Tensors]]


def check_truncation(steps: object) -> int | None:
    """Raises TypeError for what is no int, ValueError for one below 1."""
    if steps is None:
        return None
    if not isinstance(steps, int) or isinstance(steps, bool):
        raise TypeError(
            f"truncation should be of type int, or None, got: {type(steps).__name__}"
        )
    if steps <= 0:
        raise ValueError(f"truncation must be greater than zero, got: {steps}")
    return steps


def truncated_scan(
    scan: Scan,
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
    steps: int,
) -> tuple[Tensor, Tensors]:
    """``scan`` of inputs (T, B, ...) in pieces of so many steps, each from where the
    one before ended, through which no gradient flows."""
    length = inputs[0].shape[0]
    if steps >= length:
        return scan(inputs, state, parameters, mask)
    outputs = []
    for start in range(0, length, steps):
        piece = slice(start, start + steps)
        own_mask = None if mask is None else mask[piece]
        if start:
            state = tuple(value.detach() for value in state)
        own = tuple(x[piece] for x in inputs)
        output, state = scan(own, state, parameters, own_mask)
        outputs.append(output)
    return torch.cat(outputs), state
