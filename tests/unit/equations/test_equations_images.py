"""Cells that work on images, against the same equations written by hand."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from equation_modules import ENGINES, faults, layer_of, module_of
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnndsl import zoo
from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source, SpecError
from rnndsl.plan.statements import Convolve, Multiply
from rnndsl.symbolic.latex import latex_text
from rnndsl.symbolic.recurrence import RecurrenceClass
from rnndsl.verify.verify import verify_program

SPEC = zoo.read("ConvLSTM")
STEPS, ROWS = 5, 3
LENGTHS = (2, 5, 4)

ODD = """
cell Line(I, H, L):
    input  x: [I, L], d: [], e: []
    state  h: [H, L] = h0, s: []
    param  W: [H, I, 5], V: [H, I, 3], U: [H, H, 3], T: [I, I, 3], P: [I, H, 1]
    param  h0: [H, L], p: [H, L], k: [], q: [H]
    bias   b: [H]

    u = conv(W, x[t], b) * k + conv(V, x[t], q) - d[t] * 3
    s[t] = s[t-1] * d[t] + 1
    a = conv(V, conv(T, conv(P, h[t-1])))
    h[t] = tanh(u + p * conv(U, s[t] * h[t-1]) + s[t] + a)
    output conv(P, h[t] * k + e[t]) + x[t]

cell Delayed(C, Y, X):
    input  x: [C, Y, X], v: [C]
    state  h: [C, Y, X] = 0.5, n: [C]
    param  K: [C, C, 1, 3], z: [C, Y, X], W: [C, C]
    bias   b: [C]

    n[t] = tanh(W @ n[t-1] + v[t] + b)
    h[t] = relu(conv(K, x[t-1]) + h[t-2] * z + conv(K, 0.3 * z)) * mean(n[t])
    output h[t]

cell Fixed(C, Y, X):
    input  x: [C, Y, X]
    state  h: [C, Y, X]
    param  K: [C, C, 1, 3], z: [C, Y, X], J_{a,b}: [C, C, 3, 3]
    bias   b: [C], c_{a,b}: [C]

    g = conv(K, z, b)
    a = sigmoid(conv(J_a, h[t-1], c_a) + g)
    q = tanh(conv(J_b, a * h[t-1], c_b) + conv(J_b, x[t]) + conv(J_a, x[t], c_b))
    h[t] = (1 - a) * h[t-1] + a * q
    output g * h[t]

cell Passed(C, Y, X):
    input  x: [C, Y, X]
    state  h: [C, Y, X]

    h[t] = x[t]
    output h[t]
"""
"""One dimension and two, windows of different sizes, scalars beside images, delays,
convolutions of parameters, of states after the loop, and of one another."""


def drawn() -> tuple[int, int, int, int]:
    """Channels, hidden channels, rows and columns, all different."""
    first, second, third, fourth = random.Random(3).sample(range(2, 7), 4)
    return first, second, third, fourth


def layer(engine: str, **options: Any) -> Any:
    channels, hidden, height, width = drawn()
    return layer_of(
        SPEC,
        "ConvLSTM",
        engine,
        channels,
        hidden,
        height=height,
        width=width,
        **options,
    )


def frames(seed: int = 5) -> Tensor:
    channels, _, height, width = drawn()
    generator = torch.Generator().manual_seed(seed)
    shape = (STEPS, ROWS, channels, height, width)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def one_row(x: Tensor, p: dict[str, Tensor], reverse: bool) -> tuple[Tensor, ...]:
    """The outputs (T, H, Y, X) and the last states of a direction on one sequence."""
    hidden = p["bias_ih"].shape[0] // 4
    h = c = x.new_zeros(hidden, *x.shape[2:])
    p_i, p_f, p_o = p["weight_peephole"].chunk(3)
    outputs = [h] * len(x)
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        gates = functional.conv2d(x[t], p["weight_ih"], p["bias_ih"], padding=1)
        gates = gates + functional.conv2d(h, p["weight_hh"], padding=1)
        i, f, g, o = gates.chunk(4)
        new = torch.sigmoid(f + p_f * c) * c
        c = new + torch.sigmoid(i + p_i * c) * torch.tanh(g)
        h = torch.sigmoid(o + p_o * c) * torch.tanh(c)
        outputs[t] = h
    return torch.stack(outputs), h, c


def by_hand(
    module: Any, x: Tensor, lengths: tuple[int, ...]
) -> tuple[Tensor, Tensor, Tensor]:
    """A whole stack, row by row."""
    outputs, states, memories = [], [], []
    for row, length in enumerate(lengths):
        below, hs, cs = x[:length, row], [], []
        for number in range(module.num_layers):
            ends = ("", "_reverse")[: 1 + module.bidirectional]
            parts = []
            for end in ends:
                suffix = f"_l{number}{end}"
                parameters = {
                    name.removesuffix(suffix): value
                    for name, value in module.named_parameters()
                    if name.endswith(suffix)
                }
                output, h, c = one_row(below, parameters, end == "_reverse")
                parts.append(output)
                hs.append(h)
                cs.append(c)
            below = torch.cat(parts, 1)
        padding = below.new_zeros(len(x) - length, *below.shape[1:])
        outputs.append(torch.cat((below, padding)))
        states.append(torch.stack(hs))
        memories.append(torch.stack(cs))
    return torch.stack(outputs, 1), torch.stack(states, 1), torch.stack(memories, 1)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_stack_is_the_one_written_by_hand(engine: str, bidirectional: bool) -> None:
    module = layer(engine, num_layers=2, bidirectional=bidirectional)
    x = frames().requires_grad_()
    output, (h, c) = module(x, lengths=torch.tensor(LENGTHS))
    found = output, h, c
    expected = by_hand(module, x, LENGTHS)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    weights = [torch.randn_like(value) for value in found]
    read = [x, *module.parameters()]
    gradients = [
        torch.autograd.grad(
            sum(((v * w).sum() for v, w in zip(values, weights, strict=True))), read
        )
        for values in (found, expected)
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)


def test_gradients_are_those_of_differences() -> None:
    module = layer_of(SPEC, "ConvLSTM", "fused", 2, 1, height=3, width=2)
    x = torch.randn(3, 2, 2, 3, 2, dtype=torch.float64, requires_grad=True)

    def run(value: Tensor) -> tuple[Tensor, ...]:
        output, states = module(value, lengths=torch.tensor([3, 1]))
        return output, *states

    assert torch.autograd.gradcheck(run, (x,))


@pytest.mark.parametrize("engine", ENGINES)
def test_what_one_row_or_the_padding_holds_reaches_no_other(engine: str) -> None:
    module = layer(engine)
    lengths = torch.tensor(LENGTHS)
    clean, spoilt = frames(), frames()
    spoilt[2:, 0] = torch.nan
    expected, _ = module(clean, lengths=lengths)
    expected.sum().backward()
    wanted = [parameter.grad.clone() for parameter in module.parameters()]
    module.zero_grad()
    output, _ = module(spoilt, lengths=lengths)
    assert torch.equal(output, expected)
    output.sum().backward()
    for parameter, gradient in zip(module.parameters(), wanted, strict=True):
        assert torch.equal(parameter.grad, gradient)
    spoilt[0, 0] = torch.nan
    inputs = spoilt.requires_grad_()
    output, _ = module(inputs, lengths=lengths)
    assert torch.equal(output[:, 1:], expected[:, 1:])
    output[:, 1:].sum().backward()
    assert inputs.grad is not None
    assert torch.isfinite(inputs.grad[:, 1:]).all()


def test_packed_batch_first_and_single_sequences() -> None:
    module, x = layer("fused"), frames()
    lengths = torch.tensor(LENGTHS)
    expected, (h, c) = module(x, lengths=lengths)
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    output, states = module(packed)
    padded, _ = pad_packed_sequence(output)
    torch.testing.assert_close(padded, expected)
    torch.testing.assert_close(states, (h, c))
    single, (last, _) = module(x[:4, 2])
    torch.testing.assert_close(single, expected[:4, 2])
    torch.testing.assert_close(last, h[:, 2])
    module.batch_first = True
    turned, _ = module(x.transpose(0, 1), lengths=lengths)
    torch.testing.assert_close(turned.transpose(0, 1), expected)


def test_every_kind_of_convolution_is_verified() -> None:
    compilation = Compilation(Source("odd.rnn", ODD), None)
    report = verify_program(compilation.program, module_of(ODD), seed=3)
    assert report.passed, report


def test_convolutions_of_one_image_are_one() -> None:
    (plan,) = Compilation(Source("conv_lstm.rnn", SPEC), None).plans
    (before,) = (s for s in plan.forward.before if isinstance(s, Convolve))
    assert (before.operand, before.bias) == ("x", "bias_ih")
    (loop,) = (s for s in plan.forward.loop if isinstance(s, Convolve))
    assert (loop.operand, loop.bias) == ("h_prev", None)
    assert loop.weight.is_whole
    assert not any(isinstance(s, Multiply) for s in plan.forward.loop)
    assert plan.recurrence.kind is RecurrenceClass.DENSE
    assert plan.recurrence.through == ("U_i", "U_f", "U_g", "U_o")


def test_the_formulas_and_the_lines() -> None:
    compilation = Compilation(Source("conv_lstm.rnn", SPEC), None)
    (cell,) = compilation.program.cells
    assert (
        r"g_{t} &= \tanh\left(W_{g} * x_{t} + b_{g} + U_{g} * h_{t-1}\right)"
        in latex_text(cell)
    )
    for line in (
        "    gates_x = convolve(x, weight_ih, bias_ih)\n",
        "        gates_h = convolve(h_prev, weight_hh)\n",
        "        d_h_prev = convolve_backward(d_gates_h_steps[t], weight_hh)\n",
        "    d_gates_h_weight = kernel_gradient(d_gates_h, h_prev, (3, 3))\n",
        "    d_gates_x_bias = d_gates_h.sum((0, 1, -2, -1))\n",
    ):
        assert line in compilation.module_text


def test_kernels_for_gpus_are_refused_with_the_reason() -> None:
    module = module_of(SPEC)
    assert module.CONV_LSTM_SPECIFICATION.kernels == "works on images"


def test_layers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="x is no vector, or the output is none"):
        module_of(NOT_STACKED).Flat(2, 3, l_size=4, num_layers=2)
    with pytest.raises(ValueError, match="x has other places than the output"):
        module_of(NOT_STACKED).Narrow(2, 3, l_size=4, num_layers=2)
    with pytest.raises(RuntimeError, match=r"expected the last dimensions to be"):
        layer("fused")(frames().flatten(3))


NOT_STACKED = """
cell Flat(I, H, L):
    input  x: [I, L]
    state  h: [I, L], s: [H]

    h[t] = x[t]
    s[t] = s[t-1]
    output s[t]

cell Narrow(I, H, L):
    input  x: [I, L]
    state  h: [I, L], s: [I, H]

    h[t] = x[t]
    s[t] = s[t-1]
    output s[t]
"""


def test_products_and_biases_of_images_are_refused() -> None:
    lines = {
        "W @ h[t-1]": "RNN026",
        "K @ h[t-1]": "RNN025",
        "h[t-1] + K": "RNN071",
        "conv(K, h[t-1]) + b": "RNN021",
        "conv(K)": "RNN045",
    }
    for line, code in lines.items():
        text = (
            "cell A(C, Y, X):\n    input x: [C, Y, X]\n    state h: [C, Y, X]\n"
            "    param W: [C, C], K: [C, C, 3, 3]\n    bias b: [C]\n"
            f"    h[t] = {line}\n    output h[t] + x[t]\n"
        )
        with pytest.raises(SpecError) as caught:
            _ = Compilation(Source("a.rnn", text), None).program
        assert caught.value.diagnostics[0].code == code, line


def test_generated_modules_are_clean(tmp_path: Path) -> None:
    assert faults(tmp_path, SPEC + ODD) == ""
