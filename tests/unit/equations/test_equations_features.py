"""Cells with functions over features: values, gradients, ties, rows apart."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from equation_modules import ENGINES, faults, layer_of
from step_values import FEATURES
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import layer_norm, softmax

from rnndsl import compile_text
from rnndsl.formulas.features import FEATURE_FUNCTIONS
from rnndsl.runtime.functions import features

T, B, D, H = 4, 3, 5, 4
NORMALISED = """
cell Normalised(I, H):
    input  x: [I]
    state  h: [H]
    param  W: [H, I], U: [H, H], g: [H]
    bias   b: [H]

    h[t] = softmax(g * layer_norm(W @ x[t] + U @ h[t-1], 0.01) + b)
    output h[t]
"""
EXTREMES = """
cell Extremes(H):
    input  x: [H]
    state  h: [H]

    h[t] = 0.5 * h[t-1] + x[t] * largest(x[t]) - smallest(h[t-1])
    output h[t] * largest(h[t])
"""
engines = pytest.mark.parametrize("engine", ENGINES)


@engines
def test_a_cell_computes_what_torch_does(engine: str) -> None:
    layer = layer_of(NORMALISED, "Normalised", engine, D, H, bidirectional=True)
    x = torch.randn(T, B, D, dtype=torch.float64)
    output, last = layer(x)
    for index, end in enumerate(("", "_reverse")):
        W, U, g, b = (getattr(layer, f"{name}_l0{end}") for name in "WUgb")
        h = torch.zeros(B, H, dtype=torch.float64)
        for t in range(T) if not end else reversed(range(T)):
            pre = layer_norm(x[t] @ W.t() + h @ U.t(), (H,), eps=0.01)
            h = softmax(g * pre + b, -1)
            found = output[t, :, index * H : (index + 1) * H]
            torch.testing.assert_close(found, h, rtol=0, atol=1e-14)
        torch.testing.assert_close(last[index], h, rtol=0, atol=1e-14)


@engines
@pytest.mark.filterwarnings("error")
def test_a_batch_without_rows(engine: str) -> None:
    layer = layer_of(NORMALISED, "Normalised", engine, D, H)
    output, _ = layer(torch.zeros(T, 0, D, dtype=torch.float64))
    output.sum().backward()
    assert output.shape == (T, 0, H)
    assert not layer.W_l0.grad.any()


@engines
@pytest.mark.parametrize("name", ["Features", "Extremes"])
def test_derivatives_of_both_orders(engine: str, name: str) -> None:
    text, sizes = (FEATURES, (D, H)) if name == "Features" else (EXTREMES, (H,))
    layer = layer_of(text, name, engine, *sizes)

    def function(*inputs: Tensor) -> Tensor:
        output, last = layer(*inputs)
        states = (last,) if isinstance(last, Tensor) else last
        return output + sum(state.sum() for state in states)

    x = torch.randn(T, 2, sizes[0], dtype=torch.float64, requires_grad=True)
    u = torch.randn(T, 2, dtype=torch.float64, requires_grad=True)
    inputs = (x, u) if name == "Features" else (x,)
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


@engines
def test_equal_entries_share_the_gradient(engine: str) -> None:
    layer = layer_of(EXTREMES, "Extremes", engine, 4)
    x = torch.tensor([2.0, -1.0, 2.0, 2.0], dtype=torch.float64)
    x = x.reshape(1, 1, 4).requires_grad_()
    (d,) = torch.autograd.grad(layer(x)[1].sum(), x)
    # d/dx of sum(x) * max(x), a third of max' for each of the three largest.
    assert d.flatten().tolist() == pytest.approx([2 + 5 / 3, 2, 2 + 5 / 3, 2 + 5 / 3])


@engines
@pytest.mark.parametrize("name", ["Features", "Extremes"])
def test_nan_stays_in_its_row(engine: str, name: str) -> None:
    text, sizes = (FEATURES, (D, H)) if name == "Features" else (EXTREMES, (H,))
    layer = layer_of(text, name, engine, *sizes)
    inputs = [torch.randn(T, B, sizes[0], dtype=torch.float64)]
    inputs += [torch.randn(T, B, dtype=torch.float64)] * (name == "Features")
    lengths = torch.tensor([T, 2, 3])

    def run(rows: list[Tensor]) -> list[Tensor]:
        leaves = [row.clone().requires_grad_() for row in rows]
        output, _ = layer(*leaves, lengths=lengths)
        kept = torch.stack([output[:, 0], output[:, 1]], 1)
        found = torch.autograd.grad(kept.sum(), leaves)
        return [kept, *(gradient[:, :2] for gradient in found)]

    spoiled = [value.clone() for value in inputs]
    for value in spoiled:
        value[:, 2] = torch.nan  # another row
        value[2:, 1] = torch.nan  # padding
    for found, expected in zip(run(spoiled), run(inputs), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_generated_modules_are_clean(tmp_path: Path) -> None:
    assert faults(tmp_path, FEATURES + EXTREMES + NORMALISED) == ""


def test_a_call_is_one_line_under_its_equation() -> None:
    text = compile_text(NORMALISED, "spec.rnn")
    heading = "        # spec.rnn:8  h[t] = softmax(g * layer_norm("
    lines = text.partition(heading)[2].splitlines()
    assert [line.strip() for line in lines[1:4]] == [
        "layer_norm_h_inner = layer_norm(h_inner, 0.01)",
        "h_inner_2 = g * layer_norm_h_inner + b",
        "h = torch.softmax(h_inner_2, -1)",
    ]


RUNTIME: dict[str, Any] = {
    "layer_norm": (features.layer_norm, features.layer_norm_backward),
    "rms_norm": (features.rms_norm, features.rms_norm_backward),
}


@pytest.mark.parametrize("name", RUNTIME)
@pytest.mark.parametrize("epsilon", [1e-5, 0.3])
def test_backward_of_norms_is_that_of_torch(name: str, epsilon: float) -> None:
    forward, backward = RUNTIME[name]
    u = torch.randn(2, 3, 7, dtype=torch.float64, requires_grad=True)
    d = torch.randn(2, 3, 7, dtype=torch.float64)
    y = forward(u, epsilon)
    (expected,) = torch.autograd.grad(y, u, d)
    found = backward(d, y, u, epsilon)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_every_function_over_features_is_in_the_spec() -> None:
    text = FEATURES
    assert [name for name in FEATURE_FUNCTIONS if f"{name}(" not in text] == []
