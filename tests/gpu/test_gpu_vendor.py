"""Torch's own kernels on a GPU, as they are and within CUDA graphs."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest
import torch
from gpu_cases import D, H, close, gradients, inputs, last_call, module_of, weighted

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """cuDNN rounds no factors, as torch's products do not."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def pair(cell: str, engine: str, **options: Any) -> tuple[Any, Any]:
    """A layer with an engine, and one like it with ``fused``."""
    layer = getattr(module_of(cell), cell)(D, H, device="cuda", **options)
    plain = copy.deepcopy(layer)
    layer.engine, plain.engine = engine, "fused"
    return layer, plain


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}])
@pytest.mark.parametrize("engine", ["vendor", "graph"])
@pytest.mark.parametrize("cell", ["LSTM", "GRU", "Elman", "ElmanReLU"])
def test_as_the_loop(cell: str, engine: str, options: dict[str, Any]) -> None:
    layer, plain = pair(cell, engine, **options)
    assert "vendor: chosen" in layer.explain()
    for _ in range(3):
        x, y = inputs()
        with warnings.catch_warnings():
            # That weights are not in one piece of memory.
            warnings.filterwarnings("error", message="RNN module weights")
            output = layer(x)
            weighted(output).backward()
        expected = plain(y)
        weighted(expected).backward()
        close(output, expected)
        close(gradients(layer, x), gradients(plain, y))
    if engine == "graph":
        assert last_call(layer) == "replayed"


def test_without_gradients_in_half_precision() -> None:
    layer, plain = pair("LSTM", "graph", dtype=torch.bfloat16)
    for _ in range(3):
        x = torch.randn(9, 4, D, device="cuda", dtype=torch.bfloat16)
        with torch.no_grad():
            found, expected = layer(x)[0].float(), plain(x)[0].float()
        torch.testing.assert_close(found, expected, rtol=3e-2, atol=3e-2)
    assert last_call(layer) == "replayed"


def test_a_gradient_of_a_gradient() -> None:
    layer, plain = pair("GRU", "vendor")
    x, y = inputs()
    for module, value in ((layer, x), (plain, y)):
        (found,) = torch.autograd.grad(
            weighted(module(value)), value, create_graph=True
        )
        found.square().sum().backward()
    close(gradients(layer, x), gradients(plain, y))
