"""Layers whose parameters have structures: trained, saved, copied, streamed."""

from __future__ import annotations

import copy
import io
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from rnndsl import load

SPEC = """
cell Unit(I, H):
    input  x: [I]
    state  h: [H]
    param  W: [H, I] as weight_ih
    param  U: [H, H] {} as weight_hh
    bias   b: [H] as bias_ih

    h[t] = tanh(W @ x[t] + U @ h[t-1] + b)
    output h[t]
"""
GATED = """
cell Gated(I, H):
    input  x: [I]
    state  h: [H]
    param  W_{z,n}: [H, I] frozen sparse(0.5) as weight_ih
    param  U_{z,n}: [H, H] orthogonal as weight_hh
    bias   b_{z,n}: [H] frozen as bias_ih = {1, 0}

    z = sigmoid(W_z @ x[t] + U_z @ h[t-1] + b_z)
    n = tanh(W_n @ x[t] + U_n @ h[t-1] + b_n)
    h[t] = z * h[t-1] + (1 - z) * n
    output h[t]
"""
WORDS = (
    "orthogonal",
    "symmetric",
    "antisymmetric",
    "lower_triangular",
    "upper_triangular",
    "diagonal",
    "block_diagonal(2)",
    "low_rank(2)",
    "sparse(0.4)",
)
words = pytest.mark.parametrize("word", WORDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("specs")


@cache
def compiled(text: str, folder: Path) -> Any:
    path = folder / f"structured_{len(list(folder.iterdir()))}.rnn"
    path.write_text(text, encoding="utf-8")
    return load(path)


def unit(folder: Path, word: str) -> Any:
    return compiled(SPEC.format(word), folder).Unit


def gated(folder: Path) -> Any:
    return compiled(GATED, folder)


def effective(layer: Any, index: int = 1, suffix: str = "_l0") -> Tensor:
    """What the equations read of a parameter of the first layer."""
    name = layer.specification.parameters[index].name
    result: Tensor = layer.effective_weight(name + suffix)
    return result.detach()


@words
@pytest.mark.parametrize("engine", ["fused", "reference"])
def test_gradients(word: str, engine: str, folder: Path) -> None:
    torch.manual_seed(1)
    layer = unit(folder, word)(3, 4, dtype=torch.float64)
    layer.engine = engine
    x = torch.randn(3, 2, 3, dtype=torch.float64)
    names = [name for name, _ in layer.named_parameters()]

    def run(*values: Tensor) -> Tensor:
        given = dict(zip(names, values, strict=True))
        output = torch.func.functional_call(layer, given, (x,))[0]
        assert isinstance(output, Tensor)
        return output

    values = tuple(p.detach().requires_grad_() for p in layer.parameters())
    assert torch.autograd.gradcheck(run, values)
    assert torch.autograd.gradgradcheck(run, values)


@words
def test_the_structure_outlives_an_optimiser(word: str, folder: Path) -> None:
    torch.manual_seed(2)
    layer = unit(folder, word)(3, 6, dtype=torch.float64)
    before = effective(layer)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.5, weight_decay=0.1)
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    for _ in range(3):
        optimiser.zero_grad()
        layer(x)[0].square().sum().backward()
        optimiser.step()
    after = effective(layer)
    assert float((after - before).abs().max()) > 0.1
    structure = layer.specification.parameters[1].structure
    columns = getattr(layer, "weight_hh_columns_l0", None)
    kept = structure.matrix(structure.nearest(after, columns), (6, 6), columns)
    assert_close(kept, after)


@words
def test_saved_and_loaded(word: str, folder: Path) -> None:
    kind = unit(folder, word)
    layers = [kind(3, 4, num_layers=2, bidirectional=True) for _ in range(2)]
    x = torch.randn(5, 2, 3)
    assert not torch.equal(layers[0](x)[0], layers[1](x)[0])
    file = io.BytesIO()
    torch.save(layers[0].state_dict(), file)
    file.seek(0)
    layers[1].load_state_dict(torch.load(file, weights_only=True), strict=True)
    assert torch.equal(layers[0](x)[0], layers[1](x)[0])
    twin = copy.deepcopy(layers[0])
    layers[0].reset_parameters()
    assert torch.equal(twin(x)[0], layers[1](x)[0])


@words
@pytest.mark.parametrize("engine", ["fused", "reference"])
def test_streaming_is_the_layer(word: str, engine: str, folder: Path) -> None:
    module = compiled(SPEC.format(word), folder)
    layer = module.Unit(3, 4, dtype=torch.float64)
    cell = module.UnitCell(3, 4, dtype=torch.float64)
    layer.engine = cell.engine = engine
    state = {n.removesuffix("_l0"): v for n, v in layer.state_dict().items()}
    cell.load_state_dict(state, strict=True)
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    output, last = layer(x)
    h = None
    for t in range(5):
        h = cell(x[t], h)
        assert_close(h, output[t], rtol=0, atol=1e-12)
    assert_close(h, last[0], rtol=0, atol=1e-12)


@words
def test_lower_precision(word: str, folder: Path) -> None:
    torch.manual_seed(3)
    layer = unit(folder, word)(3, 4)
    x = torch.randn(5, 2, 3)
    exact, _ = layer(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast, _ = layer(x)
    assert cast.dtype == torch.bfloat16
    assert_close(cast.float(), exact, rtol=0, atol=0.05)
    half = layer.to(torch.bfloat16)
    output, _ = half(x.to(torch.bfloat16))
    assert_close(output.float(), exact, rtol=0, atol=0.05)
    output.float().sum().backward()
    assert half.weight_hh_l0.grad.dtype == torch.bfloat16
    half.reset_parameters()


@words
def test_many_sets_of_parameters_at_once(word: str, folder: Path) -> None:
    kind = unit(folder, word)
    layers = [kind(3, 4, dtype=torch.float64) for _ in range(3)]
    if word.startswith("sparse"):
        for layer in layers:
            layer.weight_hh_columns_l0.copy_(layers[0].weight_hh_columns_l0)
    stacked = {
        name: torch.stack([dict(layer.named_parameters())[name] for layer in layers])
        for name, _ in layers[0].named_parameters()
    }
    x = torch.randn(5, 2, 3, dtype=torch.float64)

    def run(parameters: dict[str, Tensor]) -> Any:
        return torch.func.functional_call(layers[0], parameters, (x,))[0]

    found = torch.func.vmap(run)(stacked)
    assert_close(found, torch.stack([layer(x)[0] for layer in layers]))


def test_each_member_of_a_group_has_the_structure(folder: Path) -> None:
    torch.manual_seed(4)
    layer = gated(folder).Gated(6, 5, dtype=torch.float64)
    assert layer.weight_hh_l0.shape == (2 * 10,)
    assert layer.weight_ih_l0.shape == (2 * 5, 3)
    assert layer.weight_ih_columns_l0.shape == (2 * 5, 3)
    one, two = effective(layer).chunk(2)
    eye = torch.eye(5, dtype=torch.float64)
    assert_close(one @ one.T, eye)
    assert_close(two @ two.T, eye)
    assert float((one - two).abs().max()) > 0.1
    kept = (effective(layer, 0) != 0).sum(1)
    assert kept.tolist() == [3] * 10


def test_frozen_parameters_are_not_trained(folder: Path) -> None:
    layer = gated(folder).Gated(6, 5, num_layers=2)
    trained = [name for name, p in layer.named_parameters() if p.requires_grad]
    assert trained == ["weight_hh_l0", "weight_hh_l1"]
    assert layer.bias_ih_l0.tolist() == [1.0] * 5 + [0.0] * 5
    layer(torch.randn(4, 2, 6))[0].sum().backward()
    assert layer.weight_ih_l0.grad is None
    assert float(layer.weight_hh_l1.grad.abs().max()) > 0
    thawed = layer.requires_grad_(True)
    thawed(torch.randn(4, 2, 6))[0].sum().backward()
    assert float(layer.weight_ih_l0.grad.abs().max()) > 0


def test_nothing_to_train_is_nothing_to_differentiate(folder: Path) -> None:
    text = SPEC.format("frozen").replace("[H, I]", "[H, I] frozen")
    text = text.replace("b: [H]", "b: [H] frozen")
    layer = compiled(text, folder).Unit(3, 4)
    output, last = layer(torch.randn(4, 2, 3))
    assert not output.requires_grad
    assert not last.requires_grad


def test_without_bias_and_on_the_meta_device(folder: Path) -> None:
    layer = gated(folder).Gated(6, 5, bias=False, device="meta")
    assert list(layer.state_dict()) == [
        "weight_ih_l0",
        "weight_hh_l0",
        "weight_ih_columns_l0",
    ]
    assert layer.bias_ih_l0 is None


def test_sizes_that_do_not_fit_are_named(folder: Path) -> None:
    kind = unit(folder, "block_diagonal(4)")
    message = "weight_hh: 4 blocks do not divide 6 rows and 6 columns evenly"
    with pytest.raises(ValueError, match=message):
        kind(3, 6)


def test_what_a_layer_says_of_itself(folder: Path) -> None:
    layer = gated(folder).Gated(6, 5)
    assert layer.extra_repr() == (
        "6, 5, weight_ih=frozen sparse(0.5), weight_hh=orthogonal, bias_ih=frozen"
    )
    lines = layer.explain().split("\n")
    assert "structure: weight_ih is frozen sparse(0.5)" in lines
    assert "structure: weight_hh is orthogonal" in lines
    assert "parameters: 60 in 3 tensors" in lines


@words
def test_a_matrix_is_assigned(word: str, folder: Path) -> None:
    torch.manual_seed(5)
    source, target = (unit(folder, word)(3, 6, dtype=torch.float64) for _ in range(2))
    if word.startswith("sparse"):
        target.weight_hh_columns_l0.copy_(source.weight_hh_columns_l0)
    target.assign_weight("weight_hh_l0", source.effective_weight("weight_hh_l0"))
    assert_close(effective(target), effective(source))
    target.assign_weight("weight_ih_l0", source.weight_ih_l0.float())
    assert_close(target.weight_ih_l0, source.weight_ih_l0.float().double())
    assert target.weight_hh_l0.requires_grad


def test_a_group_of_matrices_is_assigned(folder: Path) -> None:
    layer = gated(folder).Gated(6, 5, dtype=torch.float64)
    rotation = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64)).Q
    rotation[0] *= torch.linalg.det(rotation).sign()
    both = torch.cat((rotation, rotation.T))
    layer.assign_weight("weight_hh_l0", both)
    assert_close(effective(layer), both)


def test_what_cannot_be_assigned(folder: Path) -> None:
    layer = gated(folder).Gated(6, 5, bias=False)
    with pytest.raises(RuntimeError, match=r"expected shape \(10, 5\), got \(5, 5\)"):
        layer.assign_weight("weight_hh_l0", torch.eye(5))
    with pytest.raises(ValueError, match="no parameter 'bias_ih_l0'"):
        layer.assign_weight("bias_ih_l0", torch.ones(10))
    with pytest.raises(ValueError, match="among weight_ih_l0, weight_hh_l0"):
        layer.effective_weight("weight_hh")
