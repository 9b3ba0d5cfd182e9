"""The engine ``reference``: the step in a Python loop, differentiated by torch."""

from __future__ import annotations

import torch
from torch import Tensor

from rnndsl.runtime.specification import CellSpecification, Tensors


def reference_scan(
    specification: CellSpecification,
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
) -> tuple[Tensor, Tensors]:
    """All steps, one after the other.

    inputs: (T, B, ...); state: (B, ...); mask: (T, B), False where a row keeps its
    state. Returns the output (T, B, ...) and the last state.
    """
    outputs: list[Tensor] = []
    # Taken apart at once: the gradient of value[t] would be as large as all steps.
    inputs_steps = zip(*(value.unbind(0) for value in inputs), strict=True)
    masks = None if mask is None else mask.unbind(0)
    for t, step_inputs in enumerate(inputs_steps):
        output, new = specification.step(step_inputs, state, parameters)
        outputs.append(output)
        state = new if masks is None else _held(masks[t], new, state)
    return torch.stack(outputs), state


def _held(mask: Tensor, new: Tensors, old: Tensors) -> Tensors:
    """The new state in the rows of ``mask`` (B,), the old one in the others."""
    return tuple(
        torch.where(mask[(..., *(None,) * (n.dim() - 1))], n, o)
        for n, o in zip(new, old, strict=True)
    )
