"""Layers that read unit vectors, given as whole numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from equation_modules import ENGINES, faults, module_of
from torch import nn
from torch.nn.functional import one_hot
from torch.testing import assert_close

T, B, V = 6, 3, 11
LETTERS = """
from zoo import GRU, LSTM

model Letters(V):
    input words: tokens(V)
    one_hot
    layer LSTM(4), bidirectional(concat, GRU(5)), state learned
    layer LSTM(3)
    head linear(2)
"""
engines = pytest.mark.parametrize("engine", ENGINES)


def layer_of(engine: str, dtype: torch.dtype = torch.float64, **options: Any) -> Any:
    torch.manual_seed(4)
    layer = module_of(LETTERS).LSTMOneHot(V, 4, dtype=dtype, **options)
    layer.engine = engine
    return layer


@engines
def test_it_is_a_layer_of_torch_on_unit_vectors(engine: str) -> None:
    layer = layer_of(engine, bidirectional=True)
    vendor = nn.LSTM(V, 4, bidirectional=True, dtype=torch.float64)
    vendor.load_state_dict(layer.state_dict())
    words = torch.randint(V, (T, B))
    output, (h, c) = layer(words)
    expected, (h_vendor, c_vendor) = vendor(one_hot(words, V).double())
    assert_close((output, h, c), (expected, h_vendor, c_vendor), rtol=0, atol=1e-13)
    weights = torch.randn_like(expected)
    (output * weights).sum().backward()
    (expected * weights).sum().backward()
    for name, parameter in layer.named_parameters():
        wanted = vendor.get_parameter(name).grad
        assert_close(parameter.grad, wanted, rtol=0, atol=1e-12)


@engines
def test_rows_of_lengths_packed_and_alone(engine: str) -> None:
    layer = layer_of(engine)
    words = torch.randint(V, (T, B))
    lengths = torch.tensor([2, 6, 3])
    padded = words.clone()
    padded[2:, 0] = -100
    padded[3:, 2] = V + 7
    output, (h, _) = layer(padded, lengths=lengths)
    packed = nn.utils.rnn.pack_padded_sequence(words, lengths, enforce_sorted=False)
    assert_close(layer(packed)[1][0], h)
    for row, length in enumerate(lengths.tolist()):
        alone, (last, _) = layer(words[:length, row])
        assert_close(output[:length, row], alone)
        assert_close(h[:, row], last)
        assert not output[length:, row].any()


@engines
def test_steps_are_the_sequence(engine: str) -> None:
    layer = layer_of(engine)
    cell = module_of(LETTERS).LSTMOneHotCell(V, 4, dtype=torch.float64)
    cell.engine = engine
    cell.load_state_dict(
        {name.removesuffix("_l0"): v for name, v in layer.state_dict().items()}
    )
    words = torch.randint(V, (T, B))
    output, (h, _) = layer(words)
    state = None
    for t in range(T):
        state = cell(words[t], state)
        assert_close(state[0], output[t])
    assert state is not None
    assert_close(state[0], h[0])


@engines
def test_second_derivatives_and_autocast(engine: str) -> None:
    layer = layer_of(engine)
    words = torch.randint(V, (T, B))
    (first,) = torch.autograd.grad(
        layer(words)[0].pow(2).sum(), layer.weight_ih_l0, create_graph=True
    )
    unread = [place for place in range(V) if not (words == place).any()]
    assert not first[:, unread].any()
    (second,) = torch.autograd.grad(first.pow(2).sum(), layer.weight_hh_l0)
    assert second.abs().max() > 0
    single = layer_of(engine, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, _ = single(words)
    assert output.dtype == torch.bfloat16
    assert_close(output.float(), single(words)[0], rtol=0, atol=0.02)


def test_what_is_no_whole_number_is_refused() -> None:
    layer = layer_of("fused")
    with pytest.raises(
        ValueError, match=r"x: expected whole numbers.*got torch\.float64"
    ):
        layer(torch.randn(T, B, dtype=torch.float64))
    with pytest.raises(ValueError, match="expected a 2-D tensor, or 1-D"):
        layer(torch.zeros(T, B, V, dtype=torch.long))
    with pytest.raises(ValueError, match="x is no vector"):
        layer_of("fused", num_layers=2)
    with pytest.raises(IndexError):
        layer(torch.full((T, B), V))


def test_generated_modules_are_clean(tmp_path: Path) -> None:
    assert faults(tmp_path, LETTERS) == ""
