"""Parameters: names, shapes, order, state_dict both ways, and where they start."""

from __future__ import annotations

import math
import warnings
from typing import Any

import pytest
import torch
from handwritten.blank import blank, cell_with, layer_of
from handwritten.decay import Decay, DecayCell
from handwritten.pairs import CELLS, LAYERS, Pair
from torch import nn
from torch.testing import assert_close
from torch.torch_version import TorchVersion

from rnndsl.runtime import (
    Initialiser,
    ParameterSpecification,
    StateSpecification,
    TensorSpecification,
)

layers = pytest.mark.parametrize("pair", LAYERS, ids=lambda pair: pair[0].__name__)
cells = pytest.mark.parametrize("pair", CELLS, ids=lambda pair: pair[0].__name__)


def built(pair: Pair, seed: int, *arguments: Any, **options: Any) -> list[Any]:
    modules: list[Any] = []
    for kind in pair:
        torch.manual_seed(seed)
        modules.append(kind(*arguments, **options))
    return modules


@layers
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_same_names_order_and_numbers_as_torch(
    pair: Pair, bias: bool, bidirectional: bool
) -> None:
    ours, theirs = built(
        pair, 5, 3, 4, num_layers=3, bias=bias, bidirectional=bidirectional
    )
    expected = list(theirs.named_parameters())
    found = list(ours.named_parameters())
    assert [name for name, _ in found] == [name for name, _ in expected]
    for (_, mine), (_, wanted) in zip(found, expected, strict=True):
        assert torch.equal(mine, wanted)
    shapes = [[w.shape for w in block] for block in ours.all_weights]
    assert shapes == [[w.shape for w in block] for block in theirs.all_weights]
    torch.manual_seed(6)
    ours.reset_parameters()
    torch.manual_seed(6)
    theirs.reset_parameters()
    assert all(map(torch.equal, ours.parameters(), theirs.parameters()))


@cells
@pytest.mark.parametrize("bias", [True, False])
def test_cells_start_as_torch_does(pair: Pair, bias: bool) -> None:
    ours, theirs = built(pair, 7, 3, 4, bias=bias, dtype=torch.float64)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(map(torch.equal, ours.parameters(), theirs.parameters()))


@layers
def test_state_dict_both_ways(pair: Pair) -> None:
    ours, theirs = built(pair, 1, 3, 4, num_layers=2, bidirectional=True)
    for source, target in ((ours, theirs), (theirs, ours)):
        source.reset_parameters()
        assert not torch.equal(source.weight_hh_l1, target.weight_hh_l1)
        target.load_state_dict(source.state_dict(), strict=True)
        assert torch.equal(source.weight_hh_l1, target.weight_hh_l1)


def test_attributes_and_repr() -> None:
    for pair in LAYERS:
        options = {"batch_first": True, "dropout": 0.5, "bidirectional": True}
        ours: Any = pair[0](3, 4, 2, False, **options)
        theirs: Any = pair[1](3, 4, 2, **options)
        for name in ("input_size", "hidden_size", "num_layers", *options):
            assert getattr(ours, name) == getattr(theirs, name)
        theirs.bias = False
        assert ours.extra_repr() == theirs.extra_repr()
        assert repr(pair[0](3, 4)) == f"{pair[0].__name__}(3, 4)"
        assert ours.flatten_parameters() is None
        ours.engine = "reference"
        assert ours.extra_repr() == theirs.extra_repr() + ", engine='reference'"
    for pair in CELLS:
        ours, theirs = pair[0](3, 4, False), pair[1](3, 4, False)
        assert ours.extra_repr() == theirs.extra_repr()


def test_sizes_beyond_the_second_are_printed_by_name() -> None:
    spec = blank(
        dimensions=(("I", "input_size"), ("H", "hidden_size"), ("P", "proj_size"))
    )
    layer = layer_of(spec, input_size=3, hidden_size=4, proj_size=2)
    assert layer.extra_repr() == nn.LSTM(3, 4, proj_size=2).extra_repr()


def test_projection_has_the_names_and_numbers_of_torch() -> None:
    def gates(name: str, *shape: str, is_bias: bool = False) -> ParameterSpecification:
        members = tuple(f"{name}_{gate}" for gate in "ifgo")
        return ParameterSpecification(
            name=name, members=members, shape=shape, is_bias=is_bias
        )

    spec = blank(
        dimensions=(("I", "input_size"), ("H", "hidden_size"), ("P", "proj_size")),
        states=(
            StateSpecification(name="h", shape=("P",)),
            StateSpecification(name="c", shape=("H",)),
        ),
        parameters=(
            gates("weight_ih", "H", "I"),
            gates("weight_hh", "H", "P"),
            gates("bias_ih", "H", is_bias=True),
            gates("bias_hh", "H", is_bias=True),
            ParameterSpecification(name="weight_hr", members=("R",), shape=("P", "H")),
        ),
        output_shape=("P",),
    )
    sizes = {"input_size": 5, "hidden_size": 7, "proj_size": 3}
    torch.manual_seed(2)
    ours = layer_of(spec, **sizes, num_layers=2, bidirectional=True)
    torch.manual_seed(2)
    theirs = nn.LSTM(**sizes, num_layers=2, bidirectional=True)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(map(torch.equal, ours.parameters(), theirs.parameters()))


@pytest.mark.parametrize(
    ("kind", "arguments", "mean", "deviation"),
    [
        ("uniform", (-0.5, lambda sizes: sizes["I"] / 70), 1.0, 3.0 / math.sqrt(12)),
        ("normal", (2.0, lambda sizes: 1 / math.sqrt(sizes["H"])), 2.0, 0.1),
        ("xavier_uniform", (), 0.0, math.sqrt(2 / 275)),
        ("xavier_normal", (3.0,), 0.0, 3 * math.sqrt(2 / 275)),
        ("kaiming_uniform", (), 0.0, math.sqrt(2 / 175)),
        ("kaiming_normal", (), 0.0, math.sqrt(2 / 175)),
    ],
)
def test_distributions(
    kind: Any, arguments: Any, mean: float, deviation: float
) -> None:
    torch.manual_seed(0)
    fill = Initialiser("fill", (3.0,))
    cell = cell_with(fill, Initialiser(kind, arguments), sizes=(100, 175))
    first, second = cell.w.detach().chunk(2)
    assert torch.equal(first, torch.full((100, 175), 3.0))
    assert float(second.mean()) == pytest.approx(mean, abs=0.02)
    assert float(second.std()) == pytest.approx(deviation, rel=0.02)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_orthogonal_and_identity(dtype: torch.dtype) -> None:
    kinds = (Initialiser("orthogonal", (2.0,)), Initialiser("identity"))
    cell = cell_with(*kinds, dtype=dtype, sizes=(5, 8))
    first, second = cell.w.detach().double().chunk(2)
    tolerance = 0.05 if dtype == torch.bfloat16 else 1e-5
    four = 4 * torch.eye(5, dtype=torch.float64)
    assert_close(first @ first.t(), four, rtol=0, atol=tolerance)
    assert torch.equal(second, torch.eye(5, 8, dtype=torch.float64))


def test_members_without_initialiser_keep_the_default() -> None:
    torch.manual_seed(4)
    cell = cell_with(None, Initialiser("fill", (1.0,)), shape=("H",), sizes=(400, 1))
    first, second = cell.w.detach().chunk(2)
    assert first.abs().max() <= 1 / 20 < first.abs().max() * 1.1
    assert torch.equal(second, torch.ones(400))


def test_scalar_parameters() -> None:
    single = cell_with(Initialiser("fill", (0.25,)), shape=())
    assert single.w.shape == ()
    assert single.w.item() == 0.25
    one, two = Initialiser("fill", (1.0,)), Initialiser("fill", (2.0,))
    group = cell_with(one, two, shape=())
    assert group.w.tolist() == [1.0, 2.0]


def test_starting_values_of_a_spec() -> None:
    torch.manual_seed(1)
    layer: Any = Decay(6, 3, num_layers=2, bidirectional=True)
    assert [name for name, _ in layer.named_parameters()][:6] == [
        "weight_ih_l0",
        "weight_hh_l0",
        "offset_l0",
        "k_l0",
        "h0_l0",
        "weight_ih_l0_reverse",
    ]
    assert layer.weight_ih_l1.shape == (3, 6)
    assert layer.offset_l1_reverse.tolist() == [0.5] * 3
    u = layer.weight_hh_l1.detach()
    assert_close(u @ u.t(), torch.eye(3))
    k = layer.k_l0.detach()
    assert (k >= 1).all()
    assert (k <= 1 + math.sqrt(6)).all()
    assert "bias" not in layer.state_dict()
    assert Decay(6, 3, bias=False).offset_l0 is None


def test_meta_device() -> None:
    layer: Any = Decay(6, 3, num_layers=2, device="meta")
    assert all(parameter.is_meta for parameter in layer.parameters())
    layer.to_empty(device="cpu").reset_parameters()
    assert layer.offset_l1.tolist() == [0.5] * 3
    assert all(parameter.isfinite().all() for parameter in layer.parameters())
    with torch.device("meta"):
        assert DecayCell(6, 3).k.is_meta


def test_second_layer_reads_the_output_of_all_directions() -> None:
    layer = layer_of(blank(), input_size=3, hidden_size=4, num_layers=3)
    assert [tuple(p.shape) for p in layer.parameters()] == [(4, 3), (4, 4), (4, 4)]
    layer = layer_of(
        blank(), input_size=3, hidden_size=4, num_layers=2, bidirectional=True
    )
    assert [tuple(p.shape) for p in layer.parameters()] == [(4, 3)] * 2 + [(4, 8)] * 2


STACKS_THAT_CANNOT_FIT = [
    (
        {"inputs": (TensorSpecification(name="x", shape=("H",)),)},
        {"bidirectional": True},
        "H is the size of x and of h, the output, which would be 8",
    ),
    (
        {"inputs": (TensorSpecification(name="x", shape=(3,)),)},
        {},
        "x has size 3, the output has 4",
    ),
    ({"output_shape": ()}, {}, "x is no vector, or the output is none"),
    (
        {
            "inputs": (
                TensorSpecification(name="x", shape=("I",)),
                TensorSpecification(name="v", shape=("I",)),
            )
        },
        {},
        "I is the size of x and of v, which would be 4",
    ),
]


@pytest.mark.parametrize(("changes", "options", "reason"), STACKS_THAT_CANNOT_FIT)
def test_stack_that_cannot_fit(
    changes: dict[str, Any], options: dict[str, Any], reason: str
) -> None:
    sizes = {"input_size": 3, "hidden_size": 4}
    layer_of(blank(**changes), **sizes, **options)
    with pytest.raises(ValueError, match="num_layers must be 1") as caught:
        layer_of(blank(**changes), **sizes, **options, num_layers=2)
    assert reason in str(caught.value)


def test_shared_dimension_stacks_where_it_fits() -> None:
    spec = blank(inputs=(TensorSpecification(name="x", shape=("H",)),))
    layer = layer_of(spec, input_size=3, hidden_size=4, num_layers=2)
    assert [tuple(p.shape) for p in layer.parameters()] == [(4, 3)] * 2


newer = pytest.mark.skipif(
    torch.__version__ < TorchVersion("2.11"), reason="torch checks it since 2.11"
)
CONSTRUCTOR_ERRORS = [
    pytest.param({"input_size": 0}, marks=newer),
    pytest.param({"input_size": -1}, marks=newer),
    {"input_size": 2.5},
    {"input_size": "4"},
    {"input_size": None},
    {"hidden_size": 0},
    {"hidden_size": 1.5},
    {"num_layers": 0},
    {"num_layers": 1.5},
    {"num_layers": "2"},
    pytest.param({"bias": 1}, marks=newer),
    pytest.param({"batch_first": 0}, marks=newer),
    {"dropout": 1.5},
    {"dropout": -0.1},
    {"dropout": True},
    {"dropout": "a"},
    {"dropout": "0.5"},
    {"dropout": None},
    {"dropout": float("nan")},
    {"dtype": torch.int64},
    {"dtype": "float32"},
    {"device": "nonsense"},
]


@layers
@pytest.mark.parametrize("wrong", CONSTRUCTOR_ERRORS, ids=str)
def test_constructor_raises_what_torch_raises(
    pair: Pair, wrong: dict[str, Any]
) -> None:
    arguments = {"input_size": 3, "hidden_size": 4, **wrong}
    with pytest.raises(Exception) as expected:  # noqa: PT011
        pair[1](**arguments)
    with pytest.raises(expected.type):
        pair[0](**arguments)


def test_dropout_on_a_single_layer_warns_where_it_is_built() -> None:
    with pytest.warns(UserWarning, match="num_layers greater than 1") as caught:
        LAYERS[0][0](3, 4, dropout=0.5)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LAYERS[0][0](3, 4, num_layers=2, dropout=0.5)
