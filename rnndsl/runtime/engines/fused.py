"""Generated loops over all steps, as one node of autograd; the engine ``fused``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnndsl.runtime.engines.autocast import autocast_dtype
from rnndsl.runtime.engines.reference import reference_scan
from rnndsl.runtime.specification import (
    CellSpecification,
    Loops,
    PartialTensors,
    Tensors,
)


def fused_scan(
    specification: CellSpecification,
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
) -> tuple[Tensor, Tensors]:
    """All steps in the loops of torch operations; shapes as in ``reference_scan``."""
    return scan_loops(
        specification, specification.loops, inputs, state, parameters, mask
    )


def scan_loops(
    specification: CellSpecification,
    loops: Loops,
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
) -> tuple[Tensor, Tensors]:
    """All steps in generated loops of any kind."""
    tensors = (*inputs, *state, *parameters)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        apply: Any = FusedScan.apply  # untyped in torch
        output, *last = apply(specification, loops, mask, *tensors)
        return output, tuple(last)
    output, last, _ = loops.forward(inputs, state, parameters, mask, False)
    return output, last


class FusedScan(torch.autograd.Function):
    """``loops.forward`` with ``loops.backward`` as its gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        specification: CellSpecification,
        loops: Loops,
        mask: Tensor | None,
        *tensors: Tensor,
    ) -> Tensors:
        """Returns the output and the last state, and keeps what backward needs."""
        inputs, state, parameters = _split(specification, tensors)
        output, last, saved = loops.forward(inputs, state, parameters, mask, True)
        ctx.specification = specification
        ctx.loops = loops
        ctx.save_for_backward(mask, *tensors, *saved)
        return (output, *last)

    @staticmethod
    def backward(ctx: Any, d_output: Tensor, *d_state: Tensor) -> Any:
        """Returns the gradient of every argument of ``forward``."""
        device_type = d_output.device.type
        if autocast_dtype(device_type, None) is None:
            return (None, None, None, *_backward(ctx, (d_output, *d_state)))
        # Forward ran with autocast off, on tensors already cast: so must this.
        with torch.autocast(device_type, enabled=False):
            return (None, None, None, *_backward(ctx, (d_output, *d_state)))


def _backward(ctx: Any, gradients: Tensors) -> PartialTensors:
    """The gradients of inputs, first state and parameters, in one tuple."""
    specification: CellSpecification = ctx.specification
    loops: Loops = ctx.loops
    needed: tuple[bool, ...] = ctx.needs_input_grad[3:]
    mask, *kept = ctx.saved_tensors
    tensors, saved = tuple(kept[: len(needed)]), tuple(kept[len(needed) :])
    if torch.is_grad_enabled() or _is_vectorised(gradients):
        # The explicit backward can be neither differentiated nor vectorised.
        return _differentiate(specification, mask, tensors, needed, gradients)
    inputs, state, parameters = _split(specification, tensors)
    d_inputs, d_first, d_parameters = loops.backward(
        gradients[0],
        gradients[1:],
        inputs,
        state,
        parameters,
        mask,
        saved,
        any(needed[: len(inputs)]),
    )
    return (*d_inputs, *d_first, *d_parameters)


def _is_vectorised(gradients: Tensors) -> bool:
    """Whether many backward passes run at once, as for a vectorised Jacobian."""
    is_batched = torch._C._functorch.is_legacy_batchedtensor
    return torch._C._are_functorch_transforms_active() or any(
        map(is_batched, gradients)
    )


def _differentiate(
    specification: CellSpecification,
    mask: Tensor | None,
    tensors: Tensors,
    needed: tuple[bool, ...],
    gradients: Tensors,
) -> PartialTensors:
    """The gradients by way of the reference engine, themselves differentiable."""
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        # A tensor may stand in several places, each with a gradient of its own.
        tensors = tuple(tensor.view_as(tensor) for tensor in tensors)
        inputs, state, parameters = _split(specification, tensors)
        output, last = reference_scan(specification, inputs, state, parameters, mask)
    reached = [
        (value, gradient)
        for value, gradient in zip((output, *last), gradients, strict=True)
        if value.requires_grad
    ]
    found = iter(
        torch.autograd.grad(
            [value for value, _ in reached],
            [t for t, is_needed in zip(tensors, needed, strict=True) if is_needed],
            [gradient for _, gradient in reached],
            create_graph=create_graph,
            allow_unused=True,
        )
    )
    return tuple(next(found) if is_needed else None for is_needed in needed)


def _split(
    specification: CellSpecification, tensors: Tensors
) -> tuple[Tensors, Tensors, Tensors]:
    """Inputs, state and parameters."""
    states = len(specification.inputs)
    parameters = states + len(specification.states)
    return tensors[:states], tensors[states:parameters], tensors[parameters:]
