"""Models as ordinary citizens of PyTorch."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from model_cases import CASES, ENGINES, LENGTHS, ROWS, STEPS, Case, flat, gradients
from model_specs import model
from torch.func import functional_call
from torch.testing import assert_close

cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@cases
@pytest.mark.parametrize("how", ["deepcopy", "pickle", "save"])
def test_copies_compute_the_same_and_are_independent(case: Case, how: str) -> None:
    ours, _ = case.pair()
    ours.engine = "reference"
    if how == "deepcopy":
        other = copy.deepcopy(ours)
    elif how == "pickle":
        other = pickle.loads(pickle.dumps(ours))
    else:
        file = io.BytesIO()
        torch.save(ours, file)
        file.seek(0)
        other = torch.load(file, weights_only=False)
    x, lengths = case.input(), torch.tensor(LENGTHS)
    expected = flat(ours(x, lengths=lengths))
    assert_close(flat(other(x, lengths=lengths)), expected, rtol=0, atol=0)
    assert (other.engine, other.explain()) == ("reference", ours.explain())
    for parameter in other.parameters():
        torch.nn.init.zeros_(parameter)
    assert_close(flat(ours(x, lengths=lengths)), expected, rtol=0, atol=0)


@cases
def test_weights_only_file_and_functional_call(case: Case) -> None:
    ours, _ = case.pair()
    other = model(case.name, *case.sizes)
    file = io.BytesIO()
    torch.save(ours.state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    x, lengths = case.input(), torch.tensor(LENGTHS)
    expected = flat(ours(x, lengths=lengths))
    called = functional_call(other, state, (x,), {"lengths": lengths})
    assert_close(flat(called), expected, rtol=0, atol=0)
    assert not torch.equal(flat(other(x, lengths=lengths))[0], expected[0])
    other.load_state_dict(state, strict=True)
    assert_close(flat(other(x, lengths=lengths)), expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["binary", "timed", "attention"])
def test_compiled_as_one_graph(name: str) -> None:
    ours = model(name, *((3, 4) if name == "attention" else (3,)))
    x = torch.randn(2, 3, 3, dtype=torch.float64)
    inputs = [x, torch.rand(2, 3).double()] if name == "timed" else [x]
    lengths, leaves = torch.tensor([2, 1, 2]), list(ours.parameters())
    expected = ours(*inputs, lengths=lengths)
    wanted = gradients(expected, leaves)
    torch.compiler.reset()
    traced = torch.compile(ours, backend="aot_eager", fullgraph=True)
    result = traced(*inputs, lengths=lengths)
    assert_close(flat(result), flat(expected))
    assert_close(gradients(result, leaves), wanted)


def test_exported_with_any_number_of_rows() -> None:
    ours = model("attention", 3, 4)
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    lengths = torch.tensor([2, 1, 2, 2, 1])
    rows = torch.export.Dim("rows", min=2, max=64)
    program = torch.export.export(
        ours,
        (x,),
        {"lengths": lengths},
        dynamic_shapes={"x": {1: rows}, "lengths": {0: rows}},
    )
    for count in (5, 3):
        result = program.module()(x[:, :count], lengths=lengths[:count])
        assert_close(flat(result), flat(ours(x[:, :count], lengths=lengths[:count])))


@cases
def test_meta_device_and_single_precision(case: Case) -> None:
    ours, _ = case.pair()
    x, lengths = case.input(), torch.tensor(LENGTHS)
    expected = flat(ours(x, lengths=lengths))
    ours.float()
    single = ours(x.float() if x.is_floating_point() else x, lengths=lengths)
    assert all(tensor.dtype == torch.float32 for tensor in flat(single))
    assert_close([t.double() for t in flat(single)], expected, rtol=1e-4, atol=1e-5)
    empty = model(case.name, *case.sizes, device="meta")
    assert all(parameter.is_meta for parameter in empty.parameters())
    empty.to_empty(device="cpu").load_state_dict(ours.state_dict())
    assert_close(flat(empty(x, lengths=lengths)), expected, rtol=1e-4, atol=1e-5)


@cases
@pytest.mark.parametrize("engine", ENGINES)
def test_autocast(case: Case, engine: str) -> None:
    ours, _ = case.pair()
    ours.float().engine = engine
    x, lengths = case.input(), torch.tensor(LENGTHS)
    x = x.float() if x.is_floating_point() else x
    expected = flat(ours(x, lengths=lengths))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = flat(ours(x, lengths=lengths))
    for value, exact in zip(result, expected, strict=True):
        assert (value.float() - exact).norm() <= 0.06 * exact.norm() + 1e-3
    found = gradients(result, list(ours.parameters()))
    assert all(gradient.isfinite().all() for gradient in found)


def test_double_backward() -> None:
    (case,) = (case for case in CASES if case.name == "attention")
    ours, theirs = case.pair()
    x, lengths = case.input(), torch.tensor(LENGTHS)
    norms = []
    for module in (ours, theirs):
        output, _ = module(x, lengths=lengths, state=None)
        (gradient,) = torch.autograd.grad(output.square().sum(), x, create_graph=True)
        norms.append(torch.autograd.grad(gradient.square().sum(), x)[0])
    assert_close(norms[0], norms[1])


def test_training_lowers_the_loss() -> None:
    letters = model("one_hot", 5).train()
    x, lengths = torch.randint(5, (STEPS, ROWS)), torch.tensor(LENGTHS)
    target = (x + 1) % 5
    optimiser = torch.optim.Adam(letters.parameters(), lr=0.1)
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        loss = letters.loss(letters(x, lengths=lengths)[0], target, lengths=lengths)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
    predicted = letters.eval().predict(letters(x, lengths=lengths)[0]).argmax(-1)
    mask = torch.arange(STEPS)[:, None] < lengths
    assert torch.equal(predicted[mask], target[mask])


def test_a_frozen_embedding_is_not_trained() -> None:
    frozen = model("frozen", 6)
    assert not frozen.embedding.weight.requires_grad
    assert all(parameter.requires_grad for parameter in frozen.layer_1.parameters())
    frozen(torch.randint(6, (3, 2)))[0].sum().backward()
    assert frozen.embedding.weight.grad is None
    assert frozen.layer_1.weight_ih_l0.grad is not None
