"""Scans where torch traces or transforms: nothing is unrolled, and the number of steps
need not be known."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from scan_cases import flat, inputs_of, layer_of
from torch._dynamo.testing import CompileCounter
from torch.export import Dim, export
from torch.func import functional_call, grad, jvp, stack_module_state, vmap
from torch.testing import assert_close

from rnndsl.runtime.engines.scan import FEWEST_SCANNED

LONG = FEWEST_SCANNED + 6


@pytest.mark.parametrize(("cell", "engine"), [("MinGRU", "auto"), ("QRNN", "scan")])
def test_exported_with_any_number_of_steps(cell: str, engine: str) -> None:
    layer = layer_of(cell, engine)
    (x,) = inputs_of(cell, 7, 2)
    shapes = ({0: Dim("T"), 1: Dim("B")}, None)
    exported = export(layer, (x.detach(), None), dynamic_shapes=shapes).module()
    layer.engine = "reference"
    for steps, rows in ((2, 5), (63, 3), (65, 2), (300, 4)):
        (x,) = inputs_of(cell, steps, rows)
        found, expected = flat(exported(x.detach(), None)), flat(layer(x.detach()))
        assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_exported_past_the_longest_chunks() -> None:
    layer = layer_of("MinGRU", "auto")
    (x,) = inputs_of("MinGRU", 7, 1)
    shapes = ({0: Dim("T")}, None)
    exported = export(layer, (x.detach(), None), dynamic_shapes=shapes).module()
    (x,) = inputs_of("MinGRU", 64 * 61 + 70, 1)
    assert_close(flat(exported(x.detach(), None)), flat(layer(x.detach())))


def test_compiled_once_for_many_lengths() -> None:
    """A loop would be as long as the sequence, and compiled for each length."""
    layer = layer_of("MinGRU", "auto")
    counter = CompileCounter()
    compiled = torch.compile(layer, backend=counter, fullgraph=True, dynamic=True)
    for steps in (70, 71, 100, 500):
        (x,) = inputs_of("MinGRU", steps, 2)
        assert_close(flat(compiled(x)), flat(layer(x)), rtol=1e-10, atol=1e-10)
    assert counter.frame_count == 1
    assert counter.op_count < 300


def test_gradients_of_a_compiled_layer() -> None:
    layer = layer_of("QRNN", "auto")
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    (x,) = inputs_of("QRNN", LONG, 2)
    leaves = [x, *layer.parameters()]
    found = torch.autograd.grad(compiled(x)[0].square().sum(), leaves)
    expected = torch.autograd.grad(layer(x)[0].square().sum(), leaves)
    assert_close(found, expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("cell", ["MinGRU", "Chain"])
def test_vmap_over_stacked_parameters(cell: str) -> None:
    ensemble = [layer_of(cell, "scan") for _ in range(3)]
    for index, layer in enumerate(ensemble):
        torch.nn.init.normal_(next(layer.parameters()), std=0.1 + index)
    parameters, buffers = stack_module_state(ensemble)
    skeleton = copy.deepcopy(ensemble[0]).to("meta")
    inputs = tuple(x.detach() for x in inputs_of(cell, LONG, 2))

    def call(parameters: Any, buffers: Any) -> Any:
        return functional_call(skeleton, (parameters, buffers), inputs)

    results = flat(vmap(call)(parameters, buffers))
    for index, layer in enumerate(ensemble):
        for found, expected in zip(results, flat(layer(*inputs)), strict=True):
            assert_close(found[index], expected)


@pytest.mark.parametrize("cell", ["HGRN", "Chain"])
def test_gradients_per_sample_and_forward_mode(cell: str) -> None:
    layer = layer_of(cell, "scan")
    inputs = tuple(x.detach() for x in inputs_of(cell, LONG, 3))
    parameters = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(parameters: Any, *inputs: Any) -> torch.Tensor:
        given = tuple(x.unsqueeze(1) for x in inputs)
        total: torch.Tensor = functional_call(layer, parameters, given)[0].square()
        return total.sum()

    every = (None, *(1 for _ in inputs))
    found = vmap(grad(loss), in_dims=every)(parameters, *inputs)
    layer.engine = "reference"
    for row in range(3):
        expected = grad(loss)(parameters, *(x[:, row] for x in inputs))
        for name, value in expected.items():
            assert_close(found[name][row], value, rtol=1e-8, atol=1e-9)
    tangents = tuple(torch.randn_like(x) for x in inputs)
    changes = []
    for engine in ("scan", "reference"):
        layer.engine = engine
        changes.append(jvp(lambda *x: layer(*x)[0], inputs, tangents)[1])
    assert_close(changes[0], changes[1], rtol=1e-9, atol=1e-9)


def test_traced_by_torch_jit_is_refused() -> None:
    layer = layer_of("MinGRU", "scan")
    (x,) = inputs_of("MinGRU", 4, 2)
    with pytest.raises(RuntimeError, match=r"torch\.jit\.trace records the plain step"):
        torch.jit.trace(layer, (x.detach(),))
