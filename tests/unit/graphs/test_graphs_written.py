"""What is written or moved between a forward pass and its backward pass."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from graph_cases import Cases, gradients, inputs, last_call, same, weighted
from stand_in import StandInRecorder
from torch import Tensor, nn
from torch.testing import assert_close

import rnndsl
from rnndsl.runtime.graphs.cache import GraphCache

SPEC = Path(__file__).parents[2] / "gpu" / "kinds.rnn"
T, B, F = 6, 3, 4


@pytest.fixture(scope="module")
def compiled() -> Any:
    """The module of the spec."""
    return rnndsl.load(SPEC, name="graphs_of_buffers")


def normalised(compiled: Any) -> tuple[Any, Any]:
    """A model with running means that records, and one like it that does not."""
    ours = compiled.Repeating(F)
    ours.head = nn.Sequential(nn.BatchNorm1d(B), nn.Linear(4, F))
    plain = copy.deepcopy(ours)
    ours.engine, plain.engine = "graph", "fused"
    return ours, plain


def output(model: Any, x: Tensor) -> Tensor:
    found: Tensor = model(x, steps=T)[0]
    return found


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_two_passes_wait_while_running_means_go_on(
    compiled: Any, recorder: StandInRecorder, before: int
) -> None:
    """Plain, while one is recorded, and both replayed, as the turn comes."""
    ours, plain = normalised(compiled)
    for _ in range(before):
        x = torch.randn(B, F)
        same(output(ours, x), output(plain, x))
    for _ in range(4):
        first, second = torch.randn(2, B, F)
        for model in (ours, plain):
            model.zero_grad()
            total = output(model, first).square().sum()
            (total + output(model, second).square().sum()).backward()
        for own, other in zip(ours.parameters(), plain.parameters(), strict=True):
            assert_close(own.grad, other.grad)
        same(list(ours.buffers()), list(plain.buffers()))


def test_a_pass_that_is_run_again_writes_no_buffers(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, plain = normalised(compiled)
    for _ in range(2):
        x = torch.randn(B, F)
        for model in (ours, plain):
            output(model, x)
    x, y = torch.randn(B, F).requires_grad_(), torch.randn(B, F)
    grads = []
    for model in (ours, plain):
        total = output(model, x).square().sum()
        total.backward(retain_graph=True)
        output(model, y)
        buffers = [buffer.clone() for buffer in model.buffers()]
        (found,) = torch.autograd.grad(total, x, create_graph=True)
        grads.append(found)
        same(list(model.buffers()), buffers)
    assert_close(grads[0], grads[1])


def test_a_buffer_that_backward_reads_is_written(recorder: StandInRecorder) -> None:
    """As torch has it: an error, and no gradient of other values."""

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mask", torch.ones(3))

    module, graphs = Masked(), GraphCache()
    x = torch.randn(3, requires_grad=True)
    for _ in range(3):
        found = graphs.run(module, lambda given: (given[0] * module.mask,), (x,))[0]
    assert found is not None
    with torch.no_grad():
        module.mask.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        found.sum().backward()


def test_parameters_that_lie_elsewhere_when_gradients_are_wanted(
    cases: Cases, recorder: StandInRecorder
) -> None:
    """As those do that are gathered for each pass and given back behind it."""
    layer, plain = cases.recorded("GRU")
    x, y = inputs()
    for module, value in ((layer, x), (plain, y)):
        total = weighted(module(value))
        with torch.no_grad():
            for parameter in module.parameters():
                old = parameter.data
                parameter.data = old.clone()
                old.fill_(torch.nan)
        module.zero_grad()
        total.backward()
    assert_close(gradients(layer, x), gradients(plain, y))
    assert last_call(layer) == "replayed"


def test_outputs_without_a_gradient_do_not_ask_for_one(
    recorder: StandInRecorder,
) -> None:
    module, graphs = nn.Linear(3, 2), GraphCache()
    for _ in range(3):
        first, second = graphs.run(
            module, lambda given: (module(given[0]), given[0] + 1), (torch.ones(4, 3),)
        )
        assert first is not None
        assert second is not None
        assert first.requires_grad
        assert not second.requires_grad
