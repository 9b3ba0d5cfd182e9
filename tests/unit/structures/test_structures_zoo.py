"""What the zoo's cells with structured parameters are for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from rnndsl import load, zoo

UNITS, PATTERNS = 60, 4


def zoo_module(name: str) -> Any:
    return load(zoo.path(name), name=f"zoo_{name.lower()}")


def patterns() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(PATTERNS, UNITS).sign()


def remembering(name: str, stored: Tensor) -> Any:
    """A layer with the weights of Hopfield (1982), equation 2."""
    layer = getattr(zoo_module(name), name)(stored.shape[1])
    weight = stored.T @ stored
    layer.assign_weight("weight_l0", weight - weight.diagonal().diag())
    return layer


def corrupted(stored: Tensor) -> Tensor:
    torch.manual_seed(2)
    flipped = torch.rand(PATTERNS, UNITS).argsort(1) < UNITS // 10
    assert flipped.sum(1).tolist() == [UNITS // 10] * PATTERNS
    return torch.where(flipped, -stored, stored)


def one_at_a_time(rounds: int) -> Tensor:
    """(rounds * UNITS, PATTERNS, UNITS): a 1 for the unit whose turn it is."""
    turns = [
        torch.eye(UNITS)[torch.stack([torch.randperm(UNITS) for _ in range(PATTERNS)])]
        for _ in range(rounds)
    ]
    return torch.cat(turns, 1).transpose(0, 1)


def test_stored_patterns_stay() -> None:
    stored = patterns()
    output, _ = remembering("Hopfield", stored)(stored.expand(3, -1, -1))
    assert torch.equal(output, stored.expand(3, -1, -1))


def test_corrupted_patterns_are_recalled() -> None:
    stored = patterns()
    probe = corrupted(stored)
    layer = remembering("Hopfield", stored)
    output, _ = layer(probe.expand(6, -1, -1))
    assert torch.equal(output[0], probe)
    assert torch.equal(output[-1], stored)


def test_erased_units_are_filled_in() -> None:
    stored = patterns()
    probe = stored.clone()
    probe[:, ::3] = 0
    output, _ = remembering("Hopfield", stored)(probe.expand(6, -1, -1))
    assert torch.equal(output[-1], stored)


def test_units_updated_one_at_a_time_recall_and_descend() -> None:
    stored = patterns()
    layer = remembering("HopfieldAsynchronous", stored)
    weight = layer.effective_weight("weight_l0")
    probe = corrupted(stored).unsqueeze(0)
    output, _ = layer(one_at_a_time(3), probe)
    assert torch.equal(output[-1], stored)
    states = torch.cat((probe, output))
    energy = -0.5 * torch.einsum("tbi,ij,tbj->tb", states, weight, states)
    assert float(energy.diff(dim=0).max()) <= 0
    assert float(energy[-1].max()) < float(energy[0].min())


def test_a_cycle_of_two_is_left_only_one_at_a_time() -> None:
    weight = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    start = torch.tensor([[1.0, -1.0]])
    layer = zoo_module("Hopfield").Hopfield(2)
    layer.assign_weight("weight_l0", weight)
    output, _ = layer(start.expand(4, 1, 2))
    assert output[:, 0].tolist() == [[1, -1], [-1, 1], [1, -1], [-1, 1]]
    other = zoo_module("HopfieldAsynchronous").HopfieldAsynchronous(2)
    other.assign_weight("weight_l0", weight)
    turns = torch.eye(2).repeat(2, 1).unsqueeze(1)
    output, _ = other(turns, start.unsqueeze(0))
    assert output[:, 0].tolist() == [[-1, -1]] * 4


def test_a_threshold_holds_a_unit_down() -> None:
    layer = zoo_module("Hopfield").Hopfield(2)
    layer.assign_weight("weight_l0", torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    layer.assign_weight("threshold_l0", torch.tensor([2.0, 0.0]))
    output, _ = layer(torch.ones(3, 1, 2))
    assert output[:, 0].tolist() == [[1, 1], [-1, 1], [-1, -1]]


def test_a_reservoir_forgets_where_it_started() -> None:
    torch.manual_seed(3)
    layer = zoo_module("EchoState").EchoState(2, 100)
    x = torch.randn(300, 1, 2)
    one, two = (layer(x, torch.randn(1, 1, 100))[0] for _ in range(2))
    assert float((one[0] - two[0]).abs().max()) > 0.5
    assert_close(one[-1], two[-1], rtol=0, atol=1e-4)
    assert not one.requires_grad
    assert (layer.effective_weight("weight_hh_l0") != 0).sum(1).tolist() == [10] * 100


@pytest.mark.parametrize("name", ["ExpRNN", "AntisymmetricRNN"])
def test_gradients_neither_vanish_nor_explode(name: str) -> None:
    torch.manual_seed(4)
    layer = getattr(zoo_module(name), name)(3, 20, bias=False)
    h = torch.randn(1, 2, 20, requires_grad=True)
    output, _ = layer(torch.randn(200, 2, 3), h)
    seed = torch.randn(2, 20)
    (gradient,) = torch.autograd.grad(output[-1], h, seed)
    assert 0.3 < float(gradient.norm() / seed.norm()) < 3
