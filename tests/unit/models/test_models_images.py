"""Layers of images in models: how they run, what they learn, what is refused."""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from rnndsl import compile_text
from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source, SpecError
from rnndsl.verify.verify import verify_program

SPEC = """
from zoo import ConvLSTM, LSTM

cell Places(I, H, L as length):
    input  x: [I, L]
    state  h: [H, L]
    param  W: [H, I, 3], U: [H, H, 5]
    bias   b: [H]

    h[t] = tanh(conv(W, x[t], b) + conv(U, h[t-1]))
    output h[t]

model Both(C, H):
    input x: [C, 4, 3]
    layer ConvLSTM(H, 4, 3), bidirectional, state learned, zoneout(0.1)
    map max_pool(2)
    layer ConvLSTM(3, 2, 1), reverse, dropout(0.3)
    layer ConvLSTM(3, 2, 1), residual
    map flatten
    layer LSTM(5)
    io many_to_one(mean)
    head linear(2)
    loss mse

model Anew(C, L):
    input x: [C, L]
    layer Places(3, L) x 2, bidirectional, zoneout(0.2)
    map mean_pool
    reset

model Pieces(C, L):
    input x: [C, L]
    map conv(3, 1)
    layer Places(3, L) x 3, residual
    map flatten
    stateful
    truncate 2
    io many_to_many(mask = hold)
"""

DOT = """
from zoo import ConvLSTM

model Dot(Y, X):
    input frames: [1, Y, X]
    map conv(4, 3), tanh
    layer ConvLSTM(6, Y, X)
    map conv(1, 3), flatten
    loss mse
"""


@cache
def module_of(text: str) -> ModuleType:
    name = f"image_models_{abs(hash(text))}"
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(compile_text(text, "spec.rnn"), f"{name}.py", "exec"), module.__dict__)
    return module


def test_models_of_images_are_verified() -> None:
    program = Compilation(Source("spec.rnn", SPEC), None).program
    report = verify_program(program, module_of(SPEC), seed=2)
    assert report.passed, report


def moving_dots(seed: int, rows: int) -> tuple[Tensor, Tensor]:
    """Frames (T, B, 1, 6, 5) of a dot that moves to the right on a torus, each row of
    the batch with a start of its own, and the next frames (T, B, 30)."""
    generator = torch.Generator().manual_seed(seed)
    first = torch.zeros(rows, 6, 5)
    rows_of, columns = (torch.randint(n, (rows,), generator=generator) for n in (6, 5))
    first[torch.arange(rows), rows_of, columns] = 1.0
    every = torch.stack([first.roll(t, -1) for t in range(6)])
    return every[:-1].unsqueeze(2), every[1:].flatten(2)


def test_a_model_learns_where_a_dot_moves() -> None:
    torch.manual_seed(1)
    model = module_of(DOT).Dot(6, 5)
    inputs, target = moving_dots(1, 16)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    losses = []
    for _ in range(120):
        output, _ = model(inputs)
        loss = model.loss(output, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.15 * losses[0]


def test_a_convolution_stands_in_front_of_the_layer() -> None:
    model = module_of(DOT).Dot(6, 5, dtype=torch.float64)
    torch.nn.init.normal_(model.layer_1.weight_peephole_l0)
    inputs = moving_dots(2, 3)[0].double()
    output, _ = model(inputs)
    first, last = model.map_1, model.map_2
    seen = torch.stack([torch.tanh(first(frame)) for frame in inputs])
    h, _ = model.layer_1(seen)
    expected = torch.stack(
        [
            functional.conv2d(frame, last.weight, last.bias, padding=1).flatten(1)
            for frame in h
        ]
    )
    torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-12)


REFUSED = {
    "layer ConvLSTM(4, 8, 9)": "RNN186",
    "layer ConvLSTM(4, 9, 8)\n    map flatten": "RNN088",
    "layer ConvLSTM(4)\n    map flatten": "RNN087",
    "layer ConvLSTM(4, 8, 9), residual\n    map flatten": "RNN088",
    "layer ConvLSTM(4, 8, 9), project(3)\n    map flatten": "RNN094",
    "layer ConvLSTM(4, 8, 9), skip\n    map flatten": "RNN094",
    "layer ConvLSTM(4, 8, 9), variational(0.1)\n    map flatten": "RNN094",
    "layer ConvLSTM(4, 8, 9), weight_drop(0.1)\n    map flatten": "RNN141",
    "layer ConvLSTM(4, 8, 9), bidirectional(sum)\n    map flatten": "RNN094",
    "layer parallel(ConvLSTM(4, 8, 9), ConvLSTM(4, 8, 9))\n    map flatten": "RNN094",
    "layer ConvLSTM(4, 8, 9), emit(f)\n    map flatten": "RNN143",
    "layer GRU(4)": "RNN134",
    "map flatten\n    layer ConvLSTM(4, 8, 9)": "RNN135",
    "layer ConvLSTM(4, 8, 9)\n    map linear(3)": "RNN134",
}


@pytest.mark.parametrize("lines", REFUSED)
def test_what_images_do_not_take_is_refused(lines: str) -> None:
    text = "from zoo import ConvLSTM, GRU\n\nmodel A(C):\n    input x: [C, 8, 9]\n    "
    unused = "\n\nmodel B(I):\n    input x: [I]\n    layer GRU(3)\n"
    with pytest.raises(SpecError) as caught:
        _ = Compilation(Source("a.rnn", f"{text}{lines}{unused}"), None).program
    assert [d.code for d in caught.value.diagnostics] == [REFUSED[lines]]
