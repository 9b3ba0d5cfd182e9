"""Long short-term memory with a forget gate."""

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

__all__ = ["LSTM", "LSTMCell"]


def lstm_step(
    inputs: Tensors, state: Tensors, parameters: Tensors
) -> tuple[Tensor, Tensors]:
    """One step of LSTM as the spec writes it: the engine ``reference``.

    inputs: (B, I); state: h_prev (B, H), c_prev (B, H).
    Returns the output (B, H) and the new state. Differentiable by torch.
    """
    (x,) = inputs
    h_prev, c_prev = state
    weight_ih, weight_hh, bias_ih, bias_hh = parameters
    W_i, W_f, W_g, W_o = weight_ih.chunk(4)
    U_i, U_f, U_g, U_o = weight_hh.chunk(4)
    b_i, b_f, b_g, b_o = bias_ih.chunk(4)
    d_i, d_f, d_g, d_o = bias_hh.chunk(4)
    # lstm.rnn:11  i = sigmoid(W_i @ x[t] + b_i + U_i @ h[t-1] + d_i)
    i = torch.sigmoid(x @ W_i.t() + b_i + h_prev @ U_i.t() + d_i)
    f = torch.sigmoid(x @ W_f.t() + b_f + h_prev @ U_f.t() + d_f)
    g = torch.tanh(x @ W_g.t() + b_g + h_prev @ U_g.t() + d_g)
    o = torch.sigmoid(x @ W_o.t() + b_o + h_prev @ U_o.t() + d_o)
    # lstm.rnn:15  c[t] = f * c[t-1] + i * g
    c = f * c_prev + i * g
    # lstm.rnn:16  h[t] = o * tanh(c[t])
    h = o * torch.tanh(c)
    return h, (h, c)


def lstm_forward(
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensors, Tensors]:
    """All steps of LSTM: the engine ``fused``, forward.

    inputs: (T, B, I); mask: (T, B), False where a row's sequence has ended.
    Returns the output (T, B, H), the last state, and what the backward pass needs
    (nothing unless ``keep``). Runs without autograd.
    """
    (x,) = inputs
    h, c = state
    weight_ih, weight_hh, bias_ih, bias_hh = parameters
    steps, batch = x.shape[:2]
    # Before the loop: everything that needs no state, for all steps at once.
    gates_x = torch.addmm(bias_ih + bias_hh, x.flatten(0, 1), weight_ih.t())
    gates_x_steps = gates_x.view(steps, batch, gates_x.shape[-1]).unbind(0)
    masks = None if mask is None else mask.unsqueeze(-1).unbind(0)
    weight_hh_t = weight_hh.t()
    outputs: list[Tensor] = []
    saved: list[list[Tensor]] = [[] for _ in range(7)]
    for t in range(steps):
        h_prev, c_prev = h, c
        gates = torch.addmm(gates_x_steps[t], h_prev, weight_hh_t)
        i_pre, f_pre, g_pre, o_pre = gates.chunk(4, -1)
        i = torch.sigmoid(i_pre)
        f = torch.sigmoid(f_pre)
        g = torch.tanh(g_pre)
        o = torch.sigmoid(o_pre)
        c = f * c_prev + i * g
        tanh_c = torch.tanh(c)
        h = o * tanh_c
        outputs.append(h)
        if masks is not None:
            h = torch.where(masks[t], h, h_prev)
            c = torch.where(masks[t], c, c_prev)
        if keep:
            for values, value in zip(
                saved, (h_prev, c_prev, i, f, g, o, tanh_c), strict=True
            ):
                values.append(value)
    output = torch.stack(outputs)
    return output, (h, c), tuple(value for values in saved for value in values)


def lstm_backward(
    d_output: Tensor,
    d_state: Tensors,
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
    saved: Tensors,
    input_gradients: bool,
) -> Gradients:
    """Backpropagation through time for LSTM: the engine ``fused``, backward.

    d_output: (T, B, H); d_state: gradients of the last state. Returns the gradients of
    inputs (None unless ``input_gradients``), first state and parameters.
    """
    (x,) = inputs
    d_h, d_c = d_state
    weight_ih, weight_hh, _, _ = parameters
    steps, batch = x.shape[:2]
    h_prev_steps = saved[0 * steps : 1 * steps]
    c_prev_steps = saved[1 * steps : 2 * steps]
    i_steps = saved[2 * steps : 3 * steps]
    f_steps = saved[3 * steps : 4 * steps]
    g_steps = saved[4 * steps : 5 * steps]
    o_steps = saved[5 * steps : 6 * steps]
    tanh_c_steps = saved[6 * steps : 7 * steps]
    d_output_steps = d_output.unbind(0)
    masks = None if mask is None else mask.unsqueeze(-1).unbind(0)
    d_gates = x.new_empty(steps, batch, weight_hh.shape[0])
    d_gates_steps = d_gates.unbind(0)
    for t in reversed(range(steps)):
        c_prev, tanh_c = c_prev_steps[t], tanh_c_steps[t]
        i, f, g, o = i_steps[t], f_steps[t], g_steps[t], o_steps[t]
        d_h_held = d_c_held = None
        if masks is not None:
            d_h_held, d_h = d_h.masked_fill(masks[t], 0), d_h.masked_fill(~masks[t], 0)
            d_c_held, d_c = d_c.masked_fill(masks[t], 0), d_c.masked_fill(~masks[t], 0)
        d_h = d_h + d_output_steps[t]
        d_o = d_h * tanh_c
        d_c = d_c + torch.ops.aten.tanh_backward(d_h * o, tanh_c)
        d_i_pre = torch.ops.aten.sigmoid_backward(d_c * g, i)
        d_f_pre = torch.ops.aten.sigmoid_backward(d_c * c_prev, f)
        d_g_pre = torch.ops.aten.tanh_backward(d_c * i, g)
        d_o_pre = torch.ops.aten.sigmoid_backward(d_o, o)
        torch.cat((d_i_pre, d_f_pre, d_g_pre, d_o_pre), -1, out=d_gates_steps[t])
        d_h = d_gates_steps[t] @ weight_hh
        d_c = d_c * f
        if d_h_held is not None and d_c_held is not None:
            d_h = d_h + d_h_held
            d_c = d_c + d_c_held
    # After the loop: what no state's gradient waits for, one product over T * B.
    d_gates = d_gates.flatten(0, 1)
    h_prev = torch.stack(h_prev_steps).flatten(0, 1)
    d_weight_hh = d_gates.t() @ h_prev
    d_weight_ih = d_gates.t() @ x.flatten(0, 1)
    d_bias = d_gates.sum(0)
    d_x = (d_gates @ weight_ih).view_as(x) if input_gradients else None
    return (d_x,), (d_h, d_c), (d_weight_ih, d_weight_hh, d_bias, d_bias)


LSTM_SPECIFICATION = CellSpecification(
    name="LSTM",
    source="lstm.rnn",
    dimensions=(("I", "input_size"), ("H", "hidden_size")),
    hidden="H",
    inputs=(TensorSpecification(name="x", shape=("I",)),),
    states=(
        StateSpecification(name="h", shape=("H",), initial=0.0),
        StateSpecification(name="c", shape=("H",), initial=0.0),
    ),
    parameters=(
        ParameterSpecification(
            name="weight_ih", members=("W_i", "W_f", "W_g", "W_o"), shape=("H", "I")
        ),
        ParameterSpecification(
            name="weight_hh", members=("U_i", "U_f", "U_g", "U_o"), shape=("H", "H")
        ),
        ParameterSpecification(
            name="bias_ih",
            members=("b_i", "b_f", "b_g", "b_o"),
            shape=("H",),
            is_bias=True,
        ),
        ParameterSpecification(
            name="bias_hh",
            members=("d_i", "d_f", "d_g", "d_o"),
            shape=("H",),
            is_bias=True,
        ),
    ),
    output_shape=("H",),
    output_state="h",
    summary=(
        "recurrence: dense (h[t] depends on h[t-1] through U_i, U_f, U_g, U_o)",
        "before the loop: one product, [4H, I]; in each step: one product, [4H, H]",
    ),
    step=lstm_step,
    forward=lstm_forward,
    backward=lstm_backward,
)


class LSTMCell(RecurrentCell):
    """One step of LSTM, for streaming, called as torch.nn.LSTMCell is."""

    specification = LSTM_SPECIFICATION
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
        self, x: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """x: (B, I) or (I). Returns the new state (h, c), each (B, H) or (H)."""
        new: tuple[Tensor, Tensor] = self.run((x,), hx)
        return new


class LSTM(RecurrentLayer):
    """Long short-term memory with a forget gate."""

    specification = LSTM_SPECIFICATION
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
        self, x: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]: ...

    @overload
    def forward(
        self, x: PackedSequence, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[PackedSequence, tuple[Tensor, Tensor]]: ...

    def forward(
        self, x: Tensor | PackedSequence, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, Tensor]]:
        """x: (T, B, I), (B, T, I) if batch_first, (T, I), or packed.

        hx: first state (h, c), each (layers * directions, B, H). Returns the output
        (T, B, directions * H) in the form of x, and the last state.
        """
        result: tuple[Tensor | PackedSequence, tuple[Tensor, Tensor]]
        result = self.run((x,), hx)
        return result
