"""A recorded call as one node of autograd."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnndsl.runtime.graphs.capture import Capture, Pending
from rnndsl.runtime.specification import PartialTensors


def replay_call(
    capture: Capture, inputs: PartialTensors, stored: tuple[Tensor, ...]
) -> PartialTensors:
    """The outputs for ``inputs``, by replay, differentiable where the call is."""
    if not capture.is_differentiable:
        return capture.replay(inputs)
    apply: Any = ReplayedCall.apply  # untyped in torch
    outputs: PartialTensors = apply(capture, len(inputs), *inputs, *stored)
    return outputs


class ReplayedCall(torch.autograd.Function):
    """``capture`` forward, and its recorded gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        capture: Capture,
        number_of_inputs: int,
        *tensors: Tensor | None,
    ) -> PartialTensors:
        """tensors: the inputs, then parameters and buffers."""
        ctx.set_materialize_grads(False)
        ctx.capture, ctx.number_of_inputs = capture, number_of_inputs
        ctx.token = Pending()
        with capture.lock:
            outputs = capture.replay(tensors[:number_of_inputs])
            ctx.generation = capture.generation
            capture.expect_backward(ctx.token)
        stored = capture.without_written(tensors[number_of_inputs:])
        ctx.save_for_backward(*tensors[:number_of_inputs], *stored)
        ctx.mark_non_differentiable(*capture.without_gradient(outputs))
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        """The gradients of the tensors.

        Raises RuntimeError where they would have to be computed from values that are
        gone: masks of dropout, once overwritten, cannot be drawn again.
        """
        capture: Capture = ctx.capture
        # Asked for even where they are not needed: torch then finds the parameters
        # that have been changed in place since forward.
        kept: PartialTensors = ctx.saved_tensors
        inputs = kept[: ctx.number_of_inputs]
        stored = capture.with_written(kept[ctx.number_of_inputs :])
        with capture.lock:
            is_there = ctx.generation == capture.generation and capture.reads(stored)
            if is_there and not torch.is_grad_enabled():
                return (None, None, *capture.replay_backward(gradients))
        if capture.is_random:
            raise RuntimeError(
                "engine 'graph': the masks that dropout drew in this forward pass are "
                "gone, since another one has run, parameters have moved, or its "
                "gradients are to be differentiated. Set engine to 'fused'."
            )
        return (None, None, *_again(capture, inputs, stored, gradients))


def _again(
    capture: Capture,
    inputs: PartialTensors,
    stored: PartialTensors,
    gradients: PartialTensors,
) -> PartialTensors:
    """The gradients from a forward pass that is run once more, without recordings;
    differentiable where the backward pass is."""
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        # A tensor may be given twice, each time with a gradient of its own.
        inputs = tuple(None if x is None else x.view_as(x) for x in inputs)
        outputs = capture.run_plainly(inputs, stored)
    reached = [
        (value, gradient)
        for value, gradient in zip(outputs, gradients, strict=True)
        if value is not None and value.requires_grad and gradient is not None
    ]
    variables = [t for t in (*inputs, *stored) if t is not None and t.requires_grad]
    if not reached:
        return (None,) * (len(inputs) + len(stored))
    found = iter(
        torch.autograd.grad(
            [value for value, _ in reached],
            variables,
            [gradient for _, gradient in reached],
            create_graph=create_graph,
            allow_unused=True,
        )
    )
    return tuple(
        next(found) if t is not None and t.requires_grad else None
        for t in (*inputs, *stored)
    )
