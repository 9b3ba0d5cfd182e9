"""Derivatives: finite differences, second order, forward mode, repeated backward."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import pytest
import torch
from handwritten.decay import Decay
from handwritten.lstm import LSTM
from handwritten.pairs import ENGINES, LAYERS, Pair, flat, gradients, state_of
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.func import functional_call
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence
from torch.testing import assert_close

T, B, D, H = 3, 2, 3, 2
engines = pytest.mark.parametrize("engine", ENGINES)
layers = pytest.mark.parametrize("pair", LAYERS, ids=lambda pair: pair[0].__name__)


def leaf(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def of_parameters(layer: torch.nn.Module, *arguments: Any) -> tuple[Any, list[Any]]:
    """The layer as a function of its parameters, and these."""
    names = list(dict(layer.named_parameters()))

    def function(*values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        parameters = dict(zip(names, values, strict=True))
        return tuple(flat(functional_call(layer, parameters, arguments)))

    return function, [p.detach().clone().requires_grad_() for p in layer.parameters()]


@layers
@engines
def test_inputs_and_states(pair: Pair, engine: str) -> None:
    layer = pair[0](D, H, bidirectional=True, dtype=torch.float64)
    layer.engine = engine

    def function(x: torch.Tensor, *state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(flat(layer(x, state_of(pair, *state))))

    values = (leaf(T, B, D), leaf(2, B, H), leaf(2, B, H))[: 2 + (pair is LAYERS[0])]
    assert gradcheck(function, values)
    assert gradgradcheck(function, values)


@layers
@engines
def test_parameters(pair: Pair, engine: str) -> None:
    layer = pair[0](D, H, dtype=torch.float64)
    layer.engine = engine
    function, values = of_parameters(layer, leaf(T, B, D))
    assert gradcheck(function, values)
    assert gradgradcheck(function, values, atol=1e-4)


@engines
def test_ragged_cell_with_two_inputs(engine: str) -> None:
    layer: Any = Decay(D, H, dtype=torch.float64)
    layer.engine = engine
    lengths = torch.tensor([2, 3])

    def function(x: torch.Tensor, dt: torch.Tensor) -> tuple[torch.Tensor, ...]:
        sequences = [
            pack_padded_sequence(v, lengths, enforce_sorted=False) for v in (x, dt)
        ]
        output, last = layer(*sequences)
        assert isinstance(output, PackedSequence)
        return output.data, *last

    values = (leaf(T, B, D), leaf(T, B))
    assert gradcheck(function, values)
    assert gradgradcheck(function, values)
    function_of_parameters, parameters = of_parameters(layer, *values)
    assert gradcheck(function_of_parameters, parameters)


@engines
def test_one_tensor_in_two_places(engine: str) -> None:
    layer: Any = LSTM(D, H, dtype=torch.float64)
    layer.engine = engine
    x = torch.randn(T, B, D, dtype=torch.float64)

    def function(h: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = layer(x, (h, h))[0]
        return result

    assert gradcheck(function, (leaf(1, B, H),))
    assert gradgradcheck(function, (leaf(1, B, H),))


def test_third_derivative() -> None:
    layers = [LSTM(D, H, dtype=torch.float64) for _ in ENGINES]
    layers[1].load_state_dict(layers[0].state_dict())
    found = []
    x = leaf(T, B, D)
    for layer, engine in zip(layers, ENGINES, strict=True):
        layer.engine = engine
        value = layer(x)[0].sum()
        for _ in range(3):
            (value,) = torch.autograd.grad(value.sum(), x, create_graph=True)
        found.append(value)
    assert found[0].abs().max() > 1e-4
    assert_close(found[0], found[1], rtol=0, atol=1e-13)


@engines
def test_gradient_of_a_gradient_penalty_reaches_the_parameters(engine: str) -> None:
    layer: Any = LSTM(D, H, dtype=torch.float64)
    layer.engine = engine
    x = leaf(T, B, D)
    (d_x,) = torch.autograd.grad(layer(x)[0].square().sum(), x, create_graph=True)
    d_x.square().sum().backward()
    found = [p.grad for p in layer.parameters()]
    layer.engine = "reference"
    (d_x,) = torch.autograd.grad(layer(x)[0].square().sum(), x, create_graph=True)
    expected = torch.autograd.grad(d_x.square().sum(), list(layer.parameters()))
    assert_close(found, list(expected), rtol=0, atol=1e-13)


@engines
def test_vectorised_jacobian(engine: str) -> None:
    layer: Any = LSTM(D, H, dtype=torch.float64)
    layer.engine = engine

    def function(x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = layer(x)[0]
        return result

    jacobian = torch.autograd.functional.jacobian
    x = leaf(T, B, D)
    assert_close(jacobian(function, x, vectorize=True), jacobian(function, x))


@layers
def test_forward_mode(pair: Pair) -> None:
    layer = pair[0](D, H, dtype=torch.float64)
    x, tangent = leaf(T, B, D), torch.randn(T, B, D, dtype=torch.float64)
    with forward_ad.dual_level():
        output = flat(layer(forward_ad.make_dual(x, tangent)))[0]
        derivative = forward_ad.unpack_dual(output).tangent
    step = 1e-6
    with torch.no_grad():
        ahead, behind = (flat(layer(x + s * step * tangent))[0] for s in (1, -1))
    assert_close(derivative, (ahead - behind) / (2 * step), rtol=0, atol=1e-7)


def test_fused_refuses_forward_mode() -> None:
    layer: Any = LSTM(D, H)
    layer.engine = "fused"
    x = torch.randn(T, B, D)
    with forward_ad.dual_level():
        assert layer(x)[0].shape == (T, B, H)
        with pytest.raises(RuntimeError, match="forward-mode"):
            layer(forward_ad.make_dual(x, x))


@engines
def test_backward_twice_and_accumulation(engine: str) -> None:
    layer: Any = LSTM(D, H, dtype=torch.float64)
    layer.engine = engine
    x = leaf(T, B, D)
    total = layer(x)[0].square().sum()
    total.backward(retain_graph=True)
    once = [p.grad.clone() for p in layer.parameters()]
    total.backward()
    assert_close([p.grad for p in layer.parameters()], [2 * g for g in once])
    with pytest.raises(RuntimeError, match="second time"):
        total.backward()
    layer.zero_grad()
    for part in (x, 2 * x):
        layer(part)[0].square().sum().backward()
    separate = [layer(part)[0].square().sum() for part in (x, 2 * x)]
    together = torch.autograd.grad(sum(separate), list(layer.parameters()))
    assert_close([p.grad for p in layer.parameters()], list(together))


@layers
@engines
def test_only_what_requires_a_gradient_gets_one(pair: Pair, engine: str) -> None:
    layer = pair[0](D, H, dtype=torch.float64)
    layer.engine = engine
    x = leaf(T, B, D)
    everything = dict(layer.named_parameters())
    full = gradients(layer(x), [x, *everything.values()])
    layer.weight_hh_l0.requires_grad_(False)
    layer.bias_ih_l0.requires_grad_(False)
    trained = [x, *(p for p in layer.parameters() if p.requires_grad)]
    expected = [
        gradient
        for gradient, p in zip(full, [x, *everything.values()], strict=True)
        if p.requires_grad
    ]
    assert_close(gradients(layer(x), trained), expected, rtol=0, atol=1e-13)
    weights_only = gradients(layer(x.detach()), trained[1:])
    assert_close(weights_only, expected[1:], rtol=0, atol=1e-13)
    layer.requires_grad_(False)
    assert not layer(x.detach())[0].requires_grad
    assert_close(gradients(layer(x), [x]), expected[:1], rtol=0, atol=1e-13)


@engines
def test_only_the_last_state_is_used(engine: str) -> None:
    layer: Any = LSTM(D, H, dtype=torch.float64)
    layer.engine = engine
    x = leaf(T, B, D)
    _, (_, c) = layer(x)
    found = torch.autograd.grad(c.sum(), [x, layer.weight_hh_l0])
    theirs: Any = torch.nn.LSTM(D, H, dtype=torch.float64)
    theirs.load_state_dict(layer.state_dict())
    _, (_, c) = theirs(x)
    expected = torch.autograd.grad(c.sum(), [x, theirs.weight_hh_l0])
    assert_close(found, expected, rtol=0, atol=1e-13)


@engines
def test_changing_a_weight_before_backward_is_an_error(engine: str) -> None:
    layer: Any = LSTM(D, H)
    layer.engine = engine
    total = layer(torch.randn(T, B, D))[0].sum()
    with torch.no_grad():
        layer.weight_hh_l0.add_(1)
    with pytest.raises(RuntimeError, match="modified"):
        total.backward()


@layers
@engines
def test_nan_in_a_row_stays_in_it(pair: Pair, engine: str) -> None:
    layer = pair[0](D, 5, 2, bidirectional=True)
    layer.engine = engine
    x = torch.randn(6, 4, D)
    x[2, 1, 0] = float("nan")
    x.requires_grad_()
    packed = pack_padded_sequence(x, torch.tensor([6, 5, 2, 4]), enforce_sorted=False)
    for sequence in (x, packed):
        output, last = layer(sequence)
        if isinstance(output, PackedSequence):
            output, _ = torch.nn.utils.rnn.pad_packed_sequence(output)
        others = [0, 2, 3]
        for tensor in (output, *flat([last])):
            assert tensor[:, 1].isnan().any()
            assert tensor[:, others].isfinite().all()
        (d_x,) = torch.autograd.grad(output.square().sum(), x)
        assert d_x[:, 1].isnan().any()
        assert d_x[:, others].isfinite().all()
        assert d_x[:, others].any()


@engines
def test_nan_in_padding_is_not_read(engine: str) -> None:
    layer: Any = LSTM(D, H, bidirectional=True)
    layer.engine = engine
    x = torch.randn(5, 2, D)
    x[3:, 1] = float("nan")
    x.requires_grad_()
    output, last = layer(pack_padded_sequence(x, [5, 3]))
    found = gradients((output.data, last), [x, *layer.parameters()])
    assert all(tensor.isfinite().all() for tensor in (output.data, *last, *found))
