"""Gradients are cut every few steps, as between pieces whose states are detached."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from model_cases import CASES, ENGINES, STEPS, Case, flat, gradients, random_like
from model_specs import compiled, model
from torch.testing import assert_close
from torch.utils._pytree import tree_map

from rnndsl import load, zoo

FORWARD = [case for case in CASES if case.name in ("stack", "one_hot", "singular")]


def in_pieces(module: Any, x: Any, steps: int, state: Any, **options: Any) -> Any:
    """Runs pieces of so many steps, each from the detached state of the one before."""
    outputs = []
    mask = options.get("mask")
    for start in range(0, x.shape[0], steps):
        if start:
            state = tree_map(torch.Tensor.detach, state)
        if mask is not None:
            options["mask"] = mask[start : start + steps]
        output, state = module(x[start : start + steps], state=state, **options)
        outputs.append(output)
    return torch.cat(outputs), state


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("steps", [1, 2, 4, 9])
@pytest.mark.parametrize("case", FORWARD, ids=lambda case: case.name)
def test_as_pieces_with_detached_states(case: Case, steps: int, engine: str) -> None:
    ours, _ = case.pair()
    ours.engine = engine
    x = case.input()
    state = tree_map(
        lambda value: value.requires_grad_(), random_like(ours.initial_state(5))
    )
    leaves = [*([x] if x.requires_grad else []), *flat(state), *ours.parameters()]
    expected = in_pieces(ours, x, steps, state)
    wanted = gradients(expected, leaves)
    uncut = gradients(ours(x, state=state), leaves)
    ours.truncation = steps
    result = ours(x, state=state)
    assert_close(flat(result), flat(expected), rtol=1e-12, atol=1e-12)
    found = gradients(result, leaves)
    assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    differs = any(
        not torch.allclose(one, other) for one, other in zip(found, uncut, strict=True)
    )
    assert differs == (steps < STEPS)


def test_rows_of_unequal_lengths_are_cut_alike() -> None:
    ours, _ = FORWARD[0].pair()
    x, lengths = FORWARD[0].input(), torch.tensor([4, 1, 6, 2, 6])
    mask = torch.arange(STEPS).unsqueeze(1) < lengths
    leaves = [x, *ours.parameters()]
    expected = in_pieces(ours, x, 3, None, mask=mask)
    wanted = gradients(expected, leaves)
    ours.truncation = 3
    for options in ({"lengths": lengths}, {"mask": mask}):
        result = ours(x, **options)
        assert_close(flat(result), flat(expected))
        assert_close(gradients(result, leaves), wanted)


def test_a_layer_is_cut_in_each_direction() -> None:
    layer = load(zoo.path("GRU")).GRU(3, 4, bidirectional=True, dtype=torch.float64)
    x = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    layer.truncation = 2
    output, _ = layer(x)
    (forward,) = torch.autograd.grad(output[3, 0, :4].sum(), x, retain_graph=True)
    assert [bool(step.any()) for step in forward[:, 0]] == [0, 0, 1, 1, 0]
    (backward,) = torch.autograd.grad(output[1, 0, 4:].sum(), x)
    assert [bool(step.any()) for step in backward[:, 0]] == [0, 1, 1, 0, 0]
    assert "truncation=2" in repr(layer)


def test_the_line_of_the_spec_sets_it() -> None:
    ours = model("stateful", 3, 2)
    assert (ours.truncation, ours.layer_2.truncation) == (2, 2)
    ours.layer_2.truncation = None
    ours.reset_state()
    x = torch.randn(4, 1, 3, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(ours(x)[0][3].sum(), x)
    # The first layer is cut behind step 1, the second carries on from there.
    assert found[1].any()
    ours.truncation = 2
    ours.reset_state()
    (found,) = torch.autograd.grad(ours(x)[0][3].sum(), x)
    assert not found[:2].any()
    assert found[2].any()


FED = """from zoo import GRU, LSTM

model Fed(I):
    input x: [I]
    layer LSTM(4)
    map linear(3), tanh
    feed
    layer GRU(5)
    truncate 2
"""


def test_what_is_fed_back_is_cut() -> None:
    """Layers that run step by step, and those above them, which do not."""
    ours = compiled(FED, "fed").Fed(3, dtype=torch.float64)
    x = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    state = random_like(ours.initial_state(2))
    state = tree_map(lambda value: value.requires_grad_(), state)
    leaves = [x, *flat(state), *ours.parameters()]
    result = ours(x, state=state)
    found = gradients(result, leaves)
    ours.truncation = None
    expected = in_pieces(ours, x, 2, state)
    assert_close(flat(result), flat(expected), rtol=1e-12, atol=1e-12)
    assert_close(found, gradients(expected, leaves), rtol=1e-12, atol=1e-12)
    uncut = gradients(ours(x, state=state), leaves)
    assert not torch.allclose(found[0], uncut[0])


@pytest.mark.parametrize(
    ("steps", "kind", "message"),
    [
        (0, ValueError, "truncation must be greater than zero, got: 0"),
        (2.5, TypeError, "truncation should be of type int, or None, got: float"),
        (True, TypeError, "truncation should be of type int, or None, got: bool"),
    ],
)
def test_wrong_truncations(steps: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        model("stateful", 3, 2).truncation = steps
