"""Gradients on their way back through time: against products of Jacobians."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from rnndsl import load, zoo


def layer_of(name: str, *arguments: int, **options: Any) -> Any:
    module: Any = load(zoo.path(name), name=f"zoo_{name.lower()}")
    torch.manual_seed(7)
    return getattr(module, name)(*arguments, dtype=torch.float64, **options)


def rms(jacobian: Tensor) -> Tensor:
    return jacobian.norm() / len(jacobian) ** 0.5


def test_elman_against_the_product_of_its_jacobians() -> None:
    """diag(1 - h_t^2) U, for each step and row."""
    layer = layer_of("Elman", 3, 5)
    x = torch.randn(6, 4, 3, dtype=torch.float64)
    output, _ = layer(x)
    expected = torch.zeros(6, dtype=torch.float64)
    for row in range(4):
        product = torch.eye(5, dtype=torch.float64)
        for k in range(1, 7):
            h = output[6 - k, row].detach()
            product = product @ ((1 - h**2).diag() @ layer.weight_hh_l0.detach())
            expected[k - 1] += rms(product) / 4
    assert_close(layer.gradient_norms(x), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "QRNN"])
@pytest.mark.parametrize("batch_first", [True, False])
def test_all_states_of_all_layers_against_autograd(
    name: str, batch_first: bool
) -> None:
    layer = layer_of(name, 4, 4, num_layers=2, batch_first=batch_first)
    x = torch.randn(5, 1, 4, dtype=torch.float64)
    hx = layer(x.transpose(0, 1) if batch_first else x)[1]
    many = isinstance(hx, tuple)
    shapes = [value.shape for value in (hx if many else (hx,))]
    sizes = [shape.numel() for shape in shapes]

    def last(state: Tensor) -> Tensor:
        parts = [s.reshape(z) for s, z in zip(state.split(sizes), shapes, strict=True)]
        given = x.transpose(0, 1) if batch_first else x
        found = layer(given, tuple(parts) if many else parts[0])[1]
        return torch.cat([v.flatten() for v in (found if many else (found,))])

    flat = torch.cat([v.detach().flatten() for v in (hx if many else (hx,))])
    jacobian = torch.autograd.functional.jacobian(last, flat)
    given = x.transpose(0, 1) if batch_first else x
    norms = layer.gradient_norms(given, hx=hx)
    assert norms.shape == (5,)
    assert_close(norms[-1], rms(jacobian), rtol=1e-10, atol=0)


def test_identity_and_rotations_keep_gradients() -> None:
    x = torch.randn(60, 3, 4, dtype=torch.float64)
    irnn = layer_of("IRNN", 4, 8)
    start = torch.rand(1, 3, 8, dtype=torch.float64) + 1
    assert_close(irnn.gradient_norms(x, hx=start), torch.ones(60).double())
    rotating = layer_of("ExpRNN", 4, 8, bias=False)
    assert_close(rotating.gradient_norms(x), torch.ones(60).double())


def test_small_and_large_matrices_let_them_vanish_and_explode() -> None:
    x = torch.zeros(30, 2, 3, dtype=torch.float64)
    layer = layer_of("Elman", 3, 6, bias=False)
    eye = torch.eye(6, dtype=torch.float64)
    for scale in (0.5, 1.5):
        layer.assign_weight("weight_hh_l0", scale * eye)
        expected = torch.tensor([scale**k for k in range(1, 31)]).double()
        assert_close(layer.gradient_norms(x), expected)


def test_the_layer_is_left_as_it_was() -> None:
    layer = layer_of("LSTM", 3, 4)
    layer.engine = "fused"
    layer.gradient_norms(torch.randn(3, 2, 3, dtype=torch.float64))
    assert layer.engine == "fused"
    assert all(parameter.grad is None for parameter in layer.parameters())


def test_no_path_back_is_zero() -> None:
    layer = layer_of("HopfieldAsynchronous", 4)
    chosen = torch.ones(3, 2, 4, dtype=torch.float64)
    layer.assign_weight("weight_l0", torch.eye(4))
    start = torch.ones(1, 2, 4, dtype=torch.float64)
    assert layer.gradient_norms(chosen, hx=start).tolist() == [0.0] * 3


def test_what_cannot_be_measured() -> None:
    x = torch.randn(3, 2, 3, dtype=torch.float64)
    with pytest.raises(ValueError, match="a layer of one direction"):
        layer_of("GRU", 3, 4, bidirectional=True).gradient_norms(x)
    with pytest.raises(ValueError, match="x: expected a 3-D tensor, got 2-D"):
        layer_of("GRU", 3, 4).gradient_norms(x[0])
