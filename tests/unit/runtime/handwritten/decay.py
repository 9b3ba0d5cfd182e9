"""What no cell of torch.nn has: a time input, a scalar state, a learned first state."""

from __future__ import annotations

import math
from typing import overload

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnndsl.runtime import (
    CellSpecification,
    Gradients,
    Initialiser,
    ParameterSpecification,
    RecurrentCell,
    RecurrentLayer,
    StateSpecification,
    Tensors,
    TensorSpecification,
)

__all__ = ["Decay", "DecayCell"]


def decay_step(
    inputs: Tensors, state: Tensors, parameters: Tensors
) -> tuple[Tensor, Tensors]:
    """One step of Decay as the spec writes it: the engine ``reference``.

    inputs: x (B, I), dt (B,); state: h_prev (B, H), s_prev (B,).
    Returns the output (B, H) and the new state. Differentiable by torch.
    """
    x, dt = inputs
    h_prev, s_prev = state
    weight_ih, weight_hh, bias, k, _ = parameters
    s = 0.5 * s_prev + dt
    u = torch.tanh(x @ weight_ih.t() + h_prev @ weight_hh.t() + bias)
    h = u * torch.exp(-s).unsqueeze(-1)
    return k * h, (h, s)


def decay_forward(
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensors, Tensors]:
    """All steps of Decay: the engine ``fused``, forward.

    inputs: x (T, B, I), dt (T, B); mask: (T, B), False where a row has ended.
    Returns the output (T, B, H), the last state, and what the backward pass needs
    (nothing unless ``keep``). Runs without autograd.
    """
    x, dt = inputs
    h, s = state
    weight_ih, weight_hh, bias, k, _ = parameters
    steps, batch = x.shape[:2]
    # Before the loop: everything that needs no state, for all steps at once.
    pre_x = torch.addmm(bias, x.flatten(0, 1), weight_ih.t())
    pre_x_steps = pre_x.view(steps, batch, pre_x.shape[-1]).unbind(0)
    dt_steps = dt.unbind(0)
    masks = None if mask is None else mask.unbind(0)
    masks_1 = None if mask is None else mask.unsqueeze(-1).unbind(0)
    weight_hh_t = weight_hh.t()
    h_steps: list[Tensor] = []
    saved: list[list[Tensor]] = [[] for _ in range(3)]
    for t in range(steps):
        h_prev, s_prev = h, s
        s = 0.5 * s_prev + dt_steps[t]
        exp_s = torch.exp(-s)
        u = torch.tanh(torch.addmm(pre_x_steps[t], h_prev, weight_hh_t))
        h = u * exp_s.unsqueeze(-1)
        h_steps.append(h)
        if masks is not None and masks_1 is not None:
            h = torch.where(masks_1[t], h, h_prev)
            s = torch.where(masks[t], s, s_prev)
        if keep:
            for values, value in zip(saved, (h_prev, exp_s, u), strict=True):
                values.append(value)
    # After the loop: what no later step needs.
    h_all = torch.stack(h_steps)
    output = k * h_all
    kept = (*(value for values in saved for value in values), h_all) if keep else ()
    return output, (h, s), kept


def decay_backward(
    d_output: Tensor,
    d_state: Tensors,
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
    saved: Tensors,
    input_gradients: bool,
) -> Gradients:
    """Backpropagation through time for Decay: the engine ``fused``, backward.

    d_output: (T, B, H); d_state: gradients of the last state. Returns the gradients of
    inputs (None unless ``input_gradients``), first state and parameters.
    """
    x, _ = inputs
    d_h, d_s = d_state
    weight_ih, weight_hh, _, k, _ = parameters
    steps = x.shape[0]
    h_prev_steps = saved[0 * steps : 1 * steps]
    exp_s_steps = saved[1 * steps : 2 * steps]
    u_steps = saved[2 * steps : 3 * steps]
    h_all = saved[3 * steps]
    masks = None if mask is None else mask.unbind(0)
    masks_1 = None if mask is None else mask.unsqueeze(-1).unbind(0)
    # Before the loop: what no state's gradient enters.
    d_h_output_steps = (d_output * k).unbind(0)
    d_pre_steps: list[Tensor] = []
    d_dt_steps: list[Tensor] = []
    for t in reversed(range(steps)):
        d_h_held = d_s_held = None
        if masks is not None and masks_1 is not None:
            d_h_held = d_h.masked_fill(masks_1[t], 0)
            d_s_held = d_s.masked_fill(masks[t], 0)
            d_h = d_h.masked_fill(~masks_1[t], 0)
            d_s = d_s.masked_fill(~masks[t], 0)
        exp_s, u = exp_s_steps[t], u_steps[t]
        d_h = d_h + d_h_output_steps[t]
        d_s = d_s - exp_s * (d_h * u).sum(-1)
        d_pre = torch.ops.aten.tanh_backward(d_h * exp_s.unsqueeze(-1), u)
        d_pre_steps.append(d_pre)
        d_dt_steps.append(d_s)
        d_h = d_pre @ weight_hh
        d_s = 0.5 * d_s
        if d_h_held is not None:
            d_h = d_h + d_h_held
        if d_s_held is not None:
            d_s = d_s + d_s_held
    # After the loop: what no state's gradient waits for, one product over T * B.
    d_pre_all = torch.stack(d_pre_steps[::-1]).flatten(0, 1)
    d_weight_hh = d_pre_all.t() @ torch.stack(h_prev_steps).flatten(0, 1)
    d_weight_ih = d_pre_all.t() @ x.flatten(0, 1)
    d_bias = d_pre_all.sum(0)
    d_k = (d_output * h_all).flatten(0, 1).sum(0)
    d_x = (d_pre_all @ weight_ih).view_as(x) if input_gradients else None
    d_dt = torch.stack(d_dt_steps[::-1]) if input_gradients else None
    return (d_x, d_dt), (d_h, d_s), (d_weight_ih, d_weight_hh, d_bias, d_k, None)


DECAY_SPECIFICATION = CellSpecification(
    name="Decay",
    source="decay.rnn",
    dimensions=(("I", "input_size"), ("H", "hidden_size")),
    hidden="H",
    inputs=(
        TensorSpecification(name="x", shape=("I",)),
        TensorSpecification(name="dt", shape=()),
    ),
    states=(
        StateSpecification(name="h", shape=("H",), initial="h0"),
        StateSpecification(name="s", shape=(), initial=1.0),
    ),
    parameters=(
        ParameterSpecification(name="weight_ih", members=("W",), shape=("H", "I")),
        ParameterSpecification(
            name="weight_hh",
            members=("U",),
            shape=("H", "H"),
            initial=(Initialiser("orthogonal"),),
        ),
        ParameterSpecification(
            name="offset",
            members=("b",),
            shape=("H",),
            is_bias=True,
            initial=(Initialiser("fill", (0.5,)),),
        ),
        ParameterSpecification(
            name="k",
            members=("k",),
            shape=("H",),
            initial=(
                Initialiser("uniform", (1.0, lambda sizes: 1 + math.sqrt(sizes["I"]))),
            ),
        ),
        ParameterSpecification(
            name="h0",
            members=("h0",),
            shape=("H",),
            initial=(Initialiser("normal", (0.0, 0.1)),),
        ),
    ),
    output_shape=("H",),
    output_state=None,
    summary=("recurrence: dense (h[t] depends on h[t-1] through U)",),
    step=decay_step,
    forward=decay_forward,
    backward=decay_backward,
)


class DecayCell(RecurrentCell):
    """One step of Decay, for streaming."""

    specification = DECAY_SPECIFICATION
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

    def forward(
        self, x: Tensor, dt: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x: (B, I) or (I); dt: (B,) or (). Returns the output (B, H) or (H), and the
        new state (h, s): (B, H) and (B,), or (H) and ()."""
        result: tuple[Tensor, tuple[Tensor, Tensor]] = self.run((x, dt), hx)
        return result


class Decay(RecurrentLayer):
    """What no cell of torch.nn has: a time input, a scalar state, a learned start."""

    specification = DECAY_SPECIFICATION
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
    def forward(
        self, x: Tensor, dt: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]: ...

    @overload
    def forward(
        self,
        x: PackedSequence,
        dt: PackedSequence,
        hx: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[PackedSequence, tuple[Tensor, Tensor]]: ...

    def forward(
        self,
        x: Tensor | PackedSequence,
        dt: Tensor | PackedSequence,
        hx: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, Tensor]]:
        """x: (T, B, I), (B, T, I) if batch_first, (T, I), or packed; dt likewise
        without I.

        hx: first state (h, s), (layers * directions, B, H) and (layers * directions,
        B). Returns the output (T, B, directions * H) in the form of x, and the last
        state.
        """
        result: tuple[Tensor | PackedSequence, tuple[Tensor, Tensor]]
        result = self.run((x, dt), hx)
        return result
