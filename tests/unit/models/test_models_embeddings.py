"""Embeddings that are given, that pad, and that the head shares."""

from __future__ import annotations

import pytest
import torch
from model_cases import ENGINES, LENGTHS, ROWS, STEPS
from model_specs import model
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

RAGGED = torch.tensor(LENGTHS)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_tied_head(engine: str) -> None:
    tied = model("tied", 11)
    tied.engine = engine
    for parameter in tied.parameters():
        nn.init.normal_(parameter)
    assert [name for name, _ in tied.named_parameters() if "head" in name] == [
        "head_bias",
        "head.weight",
        "head.bias",
    ]
    words = torch.randint(11, (STEPS, ROWS))
    output, _ = tied(words, lengths=RAGGED)
    assert output.shape == (STEPS, ROWS, 11)
    table = tied.embedding.weight
    gru = nn.GRU(4, 7, dtype=torch.float64)
    gru.load_state_dict(tied.layer_1.state_dict())
    expected = torch.zeros(STEPS, ROWS, 11, dtype=torch.float64)
    for row, length in enumerate(LENGTHS):
        y, _ = gru(table[words[:length, row]])
        features = torch.tanh(y @ tied.head.weight.t() + tied.head.bias)
        expected[:length, row] = features @ table.t() + tied.head_bias
    assert_close(output, expected, rtol=1e-12, atol=1e-12)
    (found,) = torch.autograd.grad(output.square().sum(), table)
    (wanted,) = torch.autograd.grad(expected.square().sum(), table)
    assert_close(found, wanted)
    assert found.any(1).all()  # every token is scored, if it is read or not


def test_a_given_table_is_copied() -> None:
    table = torch.randn(6, 4, dtype=torch.float64)
    given = model("given", 6, embedding=table)
    expected = table.clone()
    expected[2] = 0
    assert torch.equal(given.embedding.weight, expected)
    assert not given.embedding.weight.requires_grad
    assert given.embedding.padding_idx == 2
    table.zero_()
    assert torch.equal(given.embedding.weight, expected)
    assert model("given", 6, embedding=table, dtype=None).embedding.weight.dtype == (
        torch.float32
    )


def test_wrong_tables() -> None:
    with pytest.raises(RuntimeError, match=r"embedding: expected size \(6, 4\), a"):
        model("given", 6, embedding=torch.zeros(4, 6))
    with pytest.raises(ValueError, match="embedding: expected a floating-point dtype"):
        model("given", 6, embedding=torch.zeros(6, 4).long())
    with pytest.raises(TypeError, match=r"embedding: expected a torch\.Tensor, got"):
        model("given", 6, embedding=[[0.0] * 4] * 6)
    with pytest.raises(TypeError, match="embedding"):
        model("given", 6)


def test_the_vector_of_the_padding_stays_zero() -> None:
    padded = model("padded", 5)
    assert not padded.embedding.weight[0].any()
    words = torch.randint(5, (STEPS, ROWS))
    words[1] = 0
    output, _ = padded(words)
    output.square().sum().backward()
    gradient = padded.embedding.weight.grad
    assert not gradient[0].any()
    assert gradient[words.max()].any()


def test_a_tied_model_learns_to_repeat() -> None:
    tied = model("tied", 7, dtype=torch.float32).train()
    optimiser = torch.optim.Adam(tied.parameters(), lr=0.03)
    words = torch.randint(7, (9, 16))
    first = last = 0.0
    for step in range(60):
        output, _ = tied(words[:-1])
        loss = tied.loss(output[1:], words[:-2])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        first, last = (loss.item(), last) if step == 0 else (first, loss.item())
    assert last < 0.5 * first
    assert functional.softmax(output, -1).shape == (8, 16, 7)
