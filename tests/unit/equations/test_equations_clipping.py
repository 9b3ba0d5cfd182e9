"""Gradients that are clipped at each step."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from equation_modules import ENGINES, faults, layer_of
from torch import Tensor

from rnndsl.runtime import clip_gradient

T, B, D, H = 6, 2, 3, 4
CLIPPED = """
cell Clipped(I, H):
    input  x: [I]
    state  h: [H], c: [H]
    param  W: [H, I], U: [H, H]

    pre = clip_gradient(W @ x[t] + U @ h[t-1], 0.3)
    c[t] = clip_gradient(c[t-1], 0.5) + clip_gradient(pre, 0.1) * sigmoid(pre)
    h[t] = tanh(clip_gradient(c[t], 0.2)) + 2 * h[t-1]
    output h[t]
"""
engines = pytest.mark.parametrize("engine", ENGINES)


def clipped(value: Tensor, limit: float) -> Tensor:
    """The same by a hook."""
    copy = value.clone()
    copy.register_hook(lambda d: d.clamp(-limit, limit))
    return copy


def by_hooks(layer: torch.nn.Module, x: Tensor) -> Tensor:
    W, U = (dict(layer.named_parameters())[f"{name}_l0"] for name in "WU")
    h = c = torch.zeros(B, H, dtype=torch.float64).requires_grad_()
    outputs = []
    for t in range(T):
        pre = clipped(x[t] @ W.t() + h @ U.t(), 0.3)
        c = clipped(c, 0.5) + clipped(pre, 0.1) * torch.sigmoid(pre)
        h = torch.tanh(clipped(c, 0.2)) + 2 * h
        outputs.append(h)
    return torch.stack(outputs)


@engines
def test_gradients_are_those_of_hooks(engine: str) -> None:
    layer = layer_of(CLIPPED, "Clipped", engine, D, H)
    x = torch.randn(T, B, D, dtype=torch.float64, requires_grad=True)
    arriving = torch.randn(T, B, H, dtype=torch.float64)
    leaves = [x, *layer.parameters()]
    output, expected = layer(x)[0], by_hooks(layer, x)
    torch.testing.assert_close(output, expected, rtol=1e-14, atol=1e-14)
    found = torch.autograd.grad(output, leaves, arriving)
    wanted = torch.autograd.grad(expected, leaves, arriving)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-13, atol=1e-13)


def test_second_derivatives_are_those_of_the_clipped_gradient() -> None:
    results = []
    for engine in ENGINES:
        layer = layer_of(CLIPPED, "Clipped", engine, D, H)
        torch.manual_seed(3)
        x = torch.randn(T, B, D, dtype=torch.float64, requires_grad=True)
        arriving = torch.randn(T, B, H, dtype=torch.float64, requires_grad=True)
        (first,) = torch.autograd.grad(layer(x)[0], x, arriving, create_graph=True)
        results.append(torch.autograd.grad((first**2).sum(), (x, arriving)))
    for one, other in zip(*results, strict=True):
        assert one.abs().max() > 0
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)


def test_the_function_itself() -> None:
    u = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    d = torch.linspace(-2, 2, 15, dtype=torch.float64).reshape(5, 3)
    copy = clip_gradient(u, 0.7)
    assert torch.equal(copy, u)
    assert copy.data_ptr() != u.data_ptr()
    (found,) = torch.autograd.grad(copy, u, d)
    assert torch.equal(found, d.clamp(-0.7, 0.7))
    each = torch.func.vmap(torch.func.grad(lambda v: (3 * clip_gradient(v, 0.7)).sum()))
    assert torch.equal(each(u.detach()), torch.full_like(u, 0.7))
    _, tangent = torch.func.jvp(lambda v: clip_gradient(v, 0.7), (u.detach(),), (d,))
    assert torch.equal(tangent, d)


def test_the_reference_is_exported() -> None:
    layer = layer_of(CLIPPED, "Clipped", "reference", D, H)
    x = torch.randn(T, B, D, dtype=torch.float64)
    program = torch.export.export(layer, (x,), strict=False)
    torch.testing.assert_close(program.module()(x)[0], layer(x)[0])


def test_generated_modules_are_clean(tmp_path: Path) -> None:
    assert faults(tmp_path, CLIPPED) == ""
