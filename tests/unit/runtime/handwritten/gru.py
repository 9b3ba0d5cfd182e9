"""Gated recurrent unit."""

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

__all__ = ["GRU", "GRUCell"]


def gru_step(
    inputs: Tensors, state: Tensors, parameters: Tensors
) -> tuple[Tensor, Tensors]:
    """One step of GRU as the spec writes it: the engine ``reference``.

    inputs: (B, I); state: h_prev (B, H).
    Returns the output (B, H) and the new state. Differentiable by torch.
    """
    (x,) = inputs
    (h_prev,) = state
    weight_ih, weight_hh, bias_ih, bias_hh = parameters
    W_r, W_z, W_n = weight_ih.chunk(3)
    U_r, U_z, U_n = weight_hh.chunk(3)
    b_r, b_z, b_n = bias_ih.chunk(3)
    d_r, d_z, d_n = bias_hh.chunk(3)
    r = torch.sigmoid(x @ W_r.t() + b_r + h_prev @ U_r.t() + d_r)
    z = torch.sigmoid(x @ W_z.t() + b_z + h_prev @ U_z.t() + d_z)
    n = torch.tanh(x @ W_n.t() + b_n + r * (h_prev @ U_n.t() + d_n))
    h = (1 - z) * n + z * h_prev
    return h, (h,)


def gru_forward(
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensors, Tensors]:
    """All steps of GRU: the engine ``fused``, forward.

    inputs: (T, B, I); mask: (T, B), False where a row's sequence has ended.
    Returns the output (T, B, H), the last state, and what the backward pass needs
    (nothing unless ``keep``). Runs without autograd.
    """
    (x,) = inputs
    (h,) = state
    weight_ih, weight_hh, bias_ih, bias_hh = parameters
    steps, batch = x.shape[:2]
    # Before the loop: everything that needs no state, for all steps at once.
    gates_x = torch.addmm(bias_ih, x.flatten(0, 1), weight_ih.t())
    gates_x_steps = gates_x.view(steps, batch, gates_x.shape[-1]).unbind(0)
    masks = None if mask is None else mask.unsqueeze(-1).unbind(0)
    weight_hh_t = weight_hh.t()
    outputs: list[Tensor] = []
    saved: list[list[Tensor]] = [[] for _ in range(5)]
    for t in range(steps):
        h_prev = h
        r_x, z_x, n_x = gates_x_steps[t].chunk(3, -1)
        r_h, z_h, n_h = torch.addmm(bias_hh, h_prev, weight_hh_t).chunk(3, -1)
        r = torch.sigmoid(r_x + r_h)
        z = torch.sigmoid(z_x + z_h)
        n = torch.tanh(n_x + r * n_h)
        h = (1 - z) * n + z * h_prev
        outputs.append(h)
        if masks is not None:
            h = torch.where(masks[t], h, h_prev)
        if keep:
            for values, value in zip(saved, (h_prev, r, z, n, n_h), strict=True):
                values.append(value)
    output = torch.stack(outputs)
    return output, (h,), tuple(value for values in saved for value in values)


def gru_backward(
    d_output: Tensor,
    d_state: Tensors,
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
    saved: Tensors,
    input_gradients: bool,
) -> Gradients:
    """Backpropagation through time for GRU: the engine ``fused``, backward.

    d_output: (T, B, H); d_state: gradients of the last state. Returns the gradients of
    inputs (None unless ``input_gradients``), first state and parameters.
    """
    (x,) = inputs
    (d_h,) = d_state
    weight_ih, weight_hh, _, _ = parameters
    steps, batch = x.shape[:2]
    h_prev_steps = saved[0 * steps : 1 * steps]
    r_steps = saved[1 * steps : 2 * steps]
    z_steps = saved[2 * steps : 3 * steps]
    n_steps = saved[3 * steps : 4 * steps]
    n_h_steps = saved[4 * steps : 5 * steps]
    d_output_steps = d_output.unbind(0)
    masks = None if mask is None else mask.unsqueeze(-1).unbind(0)
    d_gates_x = x.new_empty(steps, batch, weight_ih.shape[0])
    d_gates_h = x.new_empty(steps, batch, weight_hh.shape[0])
    d_gates_x_steps = d_gates_x.unbind(0)
    d_gates_h_steps = d_gates_h.unbind(0)
    for t in reversed(range(steps)):
        h_prev, r, z, n = h_prev_steps[t], r_steps[t], z_steps[t], n_steps[t]
        d_h_held = None
        if masks is not None:
            d_h_held, d_h = d_h.masked_fill(masks[t], 0), d_h.masked_fill(~masks[t], 0)
        d_h = d_h + d_output_steps[t]
        d_n_pre = torch.ops.aten.tanh_backward(d_h * (1 - z), n)
        d_z_pre = torch.ops.aten.sigmoid_backward(d_h * (h_prev - n), z)
        d_r_pre = torch.ops.aten.sigmoid_backward(d_n_pre * n_h_steps[t], r)
        torch.cat((d_r_pre, d_z_pre, d_n_pre), -1, out=d_gates_x_steps[t])
        torch.cat((d_r_pre, d_z_pre, d_n_pre * r), -1, out=d_gates_h_steps[t])
        d_h = torch.addmm(d_h * z, d_gates_h_steps[t], weight_hh)
        if d_h_held is not None:
            d_h = d_h + d_h_held
    # After the loop: what no state's gradient waits for, one product over T * B.
    d_gates_x = d_gates_x.flatten(0, 1)
    d_gates_h = d_gates_h.flatten(0, 1)
    d_weight_hh = d_gates_h.t() @ torch.stack(h_prev_steps).flatten(0, 1)
    d_weight_ih = d_gates_x.t() @ x.flatten(0, 1)
    d_bias_ih, d_bias_hh = d_gates_x.sum(0), d_gates_h.sum(0)
    d_x = (d_gates_x @ weight_ih).view_as(x) if input_gradients else None
    return (d_x,), (d_h,), (d_weight_ih, d_weight_hh, d_bias_ih, d_bias_hh)


GRU_SPECIFICATION = CellSpecification(
    name="GRU",
    source="gru.rnn",
    dimensions=(("I", "input_size"), ("H", "hidden_size")),
    hidden="H",
    inputs=(TensorSpecification(name="x", shape=("I",)),),
    states=(StateSpecification(name="h", shape=("H",), initial=0.0),),
    parameters=(
        ParameterSpecification(
            name="weight_ih", members=("W_r", "W_z", "W_n"), shape=("H", "I")
        ),
        ParameterSpecification(
            name="weight_hh", members=("U_r", "U_z", "U_n"), shape=("H", "H")
        ),
        ParameterSpecification(
            name="bias_ih", members=("b_r", "b_z", "b_n"), shape=("H",), is_bias=True
        ),
        ParameterSpecification(
            name="bias_hh", members=("d_r", "d_z", "d_n"), shape=("H",), is_bias=True
        ),
    ),
    output_shape=("H",),
    output_state="h",
    summary=(
        "recurrence: dense (h[t] depends on h[t-1] through U_r, U_z, U_n)",
        "before the loop: one product, [3H, I]; in each step: one product, [3H, H]",
    ),
    step=gru_step,
    forward=gru_forward,
    backward=gru_backward,
)


class GRUCell(RecurrentCell):
    """One step of GRU, for streaming, called as torch.nn.GRUCell is."""

    specification = GRU_SPECIFICATION
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


class GRU(RecurrentLayer):
    """Gated recurrent unit."""

    specification = GRU_SPECIFICATION
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
