"""Simple recurrent network with tanh."""

from __future__ import annotations

from typing import overload

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnndsl.runtime import (
    CellSpecification,
    Gradients,
    ParameterSpecification,
    RecurrentCell,
    RecurrentLayer,
    StateSpecification,
    Tensors,
    TensorSpecification,
)

__all__ = ["Elman", "ElmanCell"]


def elman_step(
    inputs: Tensors, state: Tensors, parameters: Tensors
) -> tuple[Tensor, Tensors]:
    """One step of Elman as the spec writes it: the engine ``reference``.

    inputs: (B, I); state: h_prev (B, H).
    Returns the output (B, H) and the new state. Differentiable by torch.
    """
    (x,) = inputs
    (h_prev,) = state
    weight_ih, weight_hh, bias_ih, bias_hh = parameters
    h = torch.tanh(x @ weight_ih.t() + bias_ih + h_prev @ weight_hh.t() + bias_hh)
    return h, (h,)


def elman_forward(
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensors, Tensors]:
    """All steps of Elman: the engine ``fused``, forward.

    inputs: (T, B, I); mask: (T, B), False where a row's sequence has ended.
    Returns the output (T, B, H), the last state, and what the backward pass needs
    (nothing unless ``keep``). Runs without autograd.
    """
    (x,) = inputs
    (h,) = state
    weight_ih, weight_hh, bias_ih, bias_hh = parameters
    steps, batch = x.shape[:2]
    # Before the loop: everything that needs no state, for all steps at once.
    pre_x = torch.addmm(bias_ih + bias_hh, x.flatten(0, 1), weight_ih.t())
    pre_x_steps = pre_x.view(steps, batch, pre_x.shape[-1]).unbind(0)
    masks = None if mask is None else mask.unsqueeze(-1).unbind(0)
    weight_hh_t = weight_hh.t()
    outputs: list[Tensor] = []
    h_prev_steps: list[Tensor] = []
    for t in range(steps):
        h_prev = h
        h = torch.tanh(torch.addmm(pre_x_steps[t], h_prev, weight_hh_t))
        outputs.append(h)
        if masks is not None:
            h = torch.where(masks[t], h, h_prev)
        h_prev_steps.append(h_prev)
    saved = (*h_prev_steps, *outputs) if keep else ()
    return torch.stack(outputs), (h,), saved


def elman_backward(
    d_output: Tensor,
    d_state: Tensors,
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
    saved: Tensors,
    input_gradients: bool,
) -> Gradients:
    """Backpropagation through time for Elman: the engine ``fused``, backward.

    d_output: (T, B, H); d_state: gradients of the last state. Returns the gradients of
    inputs (None unless ``input_gradients``), first state and parameters.
    """
    (x,) = inputs
    (d_h,) = d_state
    weight_ih, weight_hh, _, _ = parameters
    steps = x.shape[0]
    h_prev_steps = saved[0 * steps : 1 * steps]
    h_steps = saved[1 * steps : 2 * steps]
    d_output_steps = d_output.unbind(0)
    masks = None if mask is None else mask.unsqueeze(-1).unbind(0)
    d_pre_steps: list[Tensor] = []
    for t in reversed(range(steps)):
        d_h_held = None
        if masks is not None:
            d_h_held, d_h = d_h.masked_fill(masks[t], 0), d_h.masked_fill(~masks[t], 0)
        d_pre = torch.ops.aten.tanh_backward(d_h + d_output_steps[t], h_steps[t])
        d_pre_steps.append(d_pre)
        d_h = d_pre @ weight_hh
        if d_h_held is not None:
            d_h = d_h + d_h_held
    # After the loop: what no state's gradient waits for, one product over T * B.
    d_pre_all = torch.stack(d_pre_steps[::-1]).flatten(0, 1)
    d_weight_hh = d_pre_all.t() @ torch.stack(h_prev_steps).flatten(0, 1)
    d_weight_ih = d_pre_all.t() @ x.flatten(0, 1)
    d_bias = d_pre_all.sum(0)
    d_x = (d_pre_all @ weight_ih).view_as(x) if input_gradients else None
    return (d_x,), (d_h,), (d_weight_ih, d_weight_hh, d_bias, d_bias)


ELMAN_SPECIFICATION = CellSpecification(
    name="Elman",
    source="elman.rnn",
    dimensions=(("I", "input_size"), ("H", "hidden_size")),
    hidden="H",
    inputs=(TensorSpecification(name="x", shape=("I",)),),
    states=(StateSpecification(name="h", shape=("H",), initial=0.0),),
    parameters=(
        ParameterSpecification(name="weight_ih", members=("W",), shape=("H", "I")),
        ParameterSpecification(name="weight_hh", members=("U",), shape=("H", "H")),
        ParameterSpecification(
            name="bias_ih", members=("b",), shape=("H",), is_bias=True
        ),
        ParameterSpecification(
            name="bias_hh", members=("d",), shape=("H",), is_bias=True
        ),
    ),
    output_shape=("H",),
    output_state="h",
    summary=(
        "recurrence: dense (h[t] depends on h[t-1] through U)",
        "before the loop: one product, [H, I]; in each step: one product, [H, H]",
    ),
    step=elman_step,
    forward=elman_forward,
    backward=elman_backward,
)


class ElmanCell(RecurrentCell):
    """One step of Elman, for streaming, called as torch.nn.RNNCell is."""

    specification = ELMAN_SPECIFICATION
    input_size: int
    hidden_size: int

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        sizes = {"I": input_size, "H": hidden_size}
        super().__init__(sizes, bias=bias, device=device, dtype=dtype)

    def forward(self, x: Tensor, hx: Tensor | None = None) -> Tensor:
        """x: (B, I) or (I). Returns the new state (B, H) or (H)."""
        new: Tensor = self.run((x,), hx)
        return new


class Elman(RecurrentLayer):
    """Simple recurrent network with tanh."""

    specification = ELMAN_SPECIFICATION
    input_size: int
    hidden_size: int

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        sizes = {"I": input_size, "H": hidden_size}
        super().__init__(
            sizes,
            num_layers=num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            device=device,
            dtype=dtype,
        )

    @overload
    def forward(self, x: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]: ...

    @overload
    def forward(
        self, x: PackedSequence, hx: Tensor | None = None
    ) -> tuple[PackedSequence, Tensor]: ...

    def forward(
        self, x: Tensor | PackedSequence, hx: Tensor | None = None
    ) -> tuple[Tensor | PackedSequence, Tensor]:
        """x: (T, B, I), (B, T, I) if batch_first, (T, I), or packed.

        hx: first state (layers * directions, B, H). Returns the output
        (T, B, directions * H) in the form of x, and the last state.
        """
        result: tuple[Tensor | PackedSequence, Tensor]
        result = self.run((x,), hx)
        return result
