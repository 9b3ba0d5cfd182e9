"""What transforms modules: torch.func, torch.compile, torch.export, tracing."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from handwritten.decay import Decay
from handwritten.pairs import CELLS, LAYERS, Pair, flat
from torch.func import functional_call, grad, jvp, stack_module_state, vmap
from torch.testing import assert_close

T, B, D, H = 4, 3, 5, 2
layers = pytest.mark.parametrize("pair", LAYERS, ids=lambda pair: pair[0].__name__)


def made(pair: Pair, **options: Any) -> Any:
    return pair[0](D, H, dtype=torch.float64, **options)


def inputs() -> torch.Tensor:
    return torch.randn(T, B, D, dtype=torch.float64)


@layers
def test_functional_call(pair: Pair) -> None:
    layer, other = made(pair), made(pair)
    x = inputs()
    result = functional_call(layer, dict(other.named_parameters()), (x,))
    assert_close(flat(result), flat(other(x)), rtol=0, atol=0)
    assert not torch.equal(flat(layer(x))[0], flat(result)[0])


@layers
def test_vmap_over_stacked_parameters(pair: Pair) -> None:
    ensemble = [made(pair, num_layers=2, bidirectional=True) for _ in range(3)]
    parameters, buffers = stack_module_state(ensemble)
    skeleton = copy.deepcopy(ensemble[0]).to("meta")
    x = inputs()

    def call(parameters: Any, buffers: Any) -> Any:
        return functional_call(skeleton, (parameters, buffers), (x,))

    result = vmap(call)(parameters, buffers)
    expected = [flat(layer(x)) for layer in ensemble]
    for index, tensor in enumerate(flat(result)):
        assert_close(tensor, torch.stack([e[index] for e in expected]))


def test_gradients_per_sample() -> None:
    layer: Any = Decay(D, H, dtype=torch.float64)
    parameters = {n: p.detach() for n, p in layer.named_parameters()}
    x, dt = inputs(), torch.rand(T, B, dtype=torch.float64)

    def loss(parameters: Any, x: torch.Tensor, dt: torch.Tensor) -> torch.Tensor:
        output, _ = functional_call(layer, parameters, (x, dt))
        result: torch.Tensor = output.square().sum()
        return result

    samples = vmap(grad(loss), in_dims=(None, 1, 1))(parameters, x, dt)
    for row in range(B):
        total = layer(x[:, row], dt[:, row])[0].square().sum()
        expected = torch.autograd.grad(total, list(layer.parameters()))
        for name, gradient in zip(parameters, expected, strict=True):
            assert_close(samples[name][row], gradient)


def test_jvp_and_chosen_engine() -> None:
    layer = made(LAYERS[0])
    x, tangent = inputs(), inputs()
    seen = []

    def call(x: torch.Tensor) -> torch.Tensor:
        seen.append(layer.explain())
        result: torch.Tensor = layer(x)[0]
        return result

    _, derivative, *_ = jvp(call, (x,), (tangent,))
    assert "reference: chosen" in seen[0]
    assert "fused: cannot run here: torch.func" in seen[0]
    step = 1e-6
    with torch.no_grad():
        quotient = (call(x + step * tangent) - call(x - step * tangent)) / (2 * step)
    assert_close(derivative, quotient, rtol=0, atol=1e-7)
    layer.engine = "fused"
    with pytest.raises(RuntimeError, match=r"torch\.func transforms"):
        jvp(call, (x,), (tangent,))


@layers
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compile_fullgraph(pair: Pair, backend: str) -> None:
    layer = made(pair)
    torch._dynamo.reset()
    compiled = torch.compile(layer, fullgraph=True, backend=backend)
    x = inputs().requires_grad_()
    result, expected = compiled(x), layer(x)
    assert_close(flat(result), flat(expected))
    wanted = torch.autograd.grad(flat(expected)[0].sum(), [x, layer.weight_hh_l0])
    found = torch.autograd.grad(flat(result)[0].sum(), [x, layer.weight_hh_l0])
    assert_close(found, wanted)


def test_compile_two_layers_and_a_cell() -> None:
    torch._dynamo.reset()
    layer = made(LAYERS[0], num_layers=2, bidirectional=True, dropout=0.5).eval()
    x = inputs()
    state = (torch.randn(4, B, H).double(), torch.randn(4, B, H).double())
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    assert_close(flat(compiled(x, state)), flat(layer(x, state)))
    cell = CELLS[0][0](D, H, dtype=torch.float64)
    compiled = torch.compile(cell, fullgraph=True, backend="eager")
    assert_close(flat(compiled(x[0])), flat(cell(x[0])))


@layers
def test_export_with_any_batch_size(pair: Pair) -> None:
    layer = made(pair).eval()
    batch = torch.export.Dim("batch", min=2, max=64)
    program = torch.export.export(layer, (inputs(),), dynamic_shapes=({1: batch},))
    x = torch.randn(T, 11, D, dtype=torch.float64)
    assert_close(flat(program.module()(x)), flat(layer(x)))


@pytest.mark.filterwarnings(
    "ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning"
)
def test_jit_trace() -> None:
    layer = made(LAYERS[0])
    traced = torch.jit.trace(layer, (inputs(),), check_trace=False)
    x = inputs()
    assert_close(flat(traced(x)), flat(layer(x)))


def test_meta_tensors() -> None:
    layer = LAYERS[0][0](D, H, 2, bidirectional=True, device="meta")
    x = torch.randn(T, B, D, device="meta", requires_grad=True)
    output, (h, c) = layer(x)
    assert (output.shape, h.shape, c.shape) == ((T, B, 2 * H), (4, B, H), (4, B, H))
    output.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape
