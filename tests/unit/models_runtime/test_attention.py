"""Attention against loops over its equations, and what padding must not reach."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.testing import assert_close

from rnndsl.runtime.generation.greedy import repeat_batch
from rnndsl.runtime.models.attention import (
    AdditiveAttention,
    DotAttention,
    GeneralAttention,
    SequenceAttention,
)
from rnndsl.runtime.sequences.ragged import valid_steps

STEPS, BATCH, WIDTH, QUERY, DECODED = 5, 3, 4, 6, 2


def dot() -> tuple[SequenceAttention, int]:
    return DotAttention(WIDTH, WIDTH), WIDTH


def general() -> tuple[SequenceAttention, int]:
    return GeneralAttention(QUERY, WIDTH, dtype=torch.float64), QUERY


def additive() -> tuple[SequenceAttention, int]:
    return AdditiveAttention(QUERY, WIDTH, 7, dtype=torch.float64), QUERY


KINDS = pytest.mark.parametrize("make", [dot, general, additive])
Make = Callable[[], tuple[SequenceAttention, int]]


class Attended(nn.Module):
    """Queries and values to contexts and weights."""

    def __init__(self, attention: SequenceAttention, mask: Tensor) -> None:
        super().__init__()
        self.attention = attention
        self.mask = mask

    def forward(self, query: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        return self.attention(query, self.attention.prepare(values, self.mask))


def energy(attention: SequenceAttention, query: Tensor, value: Tensor) -> Tensor:
    """Of one query (Q) and one value (K), as the papers write it."""
    match attention:
        case DotAttention():
            return query @ value
        case GeneralAttention():
            return query @ (attention.key.weight @ value)
        case AdditiveAttention():
            W, U = attention.query.weight, attention.key.weight
            return attention.energy.weight[0] @ torch.tanh(W @ query + U @ value)
    raise AssertionError(attention)


@KINDS
def test_equations(make: Make) -> None:
    attention, width = make()
    values = torch.randn(STEPS, BATCH, WIDTH, dtype=torch.float64)
    query = torch.randn(DECODED, BATCH, width, dtype=torch.float64)
    lengths = torch.tensor([3, 5, 1])
    memory = attention.prepare(values, valid_steps(lengths, STEPS))
    context, weights = attention(query, memory)
    assert context.shape == (DECODED, BATCH, WIDTH)
    assert weights.shape == (DECODED, BATCH, STEPS)
    for t in range(DECODED):
        for b, length in enumerate(lengths.tolist()):
            each = [energy(attention, query[t, b], values[s, b]) for s in range(length)]
            e = [math.exp(value.item()) for value in each]
            expected = torch.zeros(WIDTH, dtype=torch.float64)
            for s in range(length):
                weight = e[s] / sum(e)
                assert weights[t, b, s].item() == pytest.approx(weight, abs=1e-12)
                expected += weight * values[s, b]
            assert_close(context[t, b], expected, atol=1e-12, rtol=0)
            assert weights[t, b, length:].tolist() == [0] * (STEPS - length)


@KINDS
def test_one_query_is_one_of_many(make: Make) -> None:
    attention, width = make()
    memory = attention.prepare(torch.randn(STEPS, BATCH, WIDTH, dtype=torch.float64))
    query = torch.randn(DECODED, BATCH, width, dtype=torch.float64)
    contexts, weights = attention(query, memory)
    assert_close(weights.sum(2), torch.ones(DECODED, BATCH, dtype=torch.float64))
    for t in range(DECODED):
        context, weight = attention(query[t], memory)
        assert context.shape == (BATCH, WIDTH)
        assert weight.shape == (BATCH, STEPS)
        assert_close(context, contexts[t])
        assert_close(weight, weights[t])


@KINDS
def test_gradients(make: Make) -> None:
    attention, width = make()
    mask = valid_steps(torch.tensor([3, 0, 5]), STEPS)
    values = torch.randn(STEPS, BATCH, WIDTH, dtype=torch.float64, requires_grad=True)
    query = torch.randn(DECODED, BATCH, width, dtype=torch.float64, requires_grad=True)
    whole = Attended(attention, mask)
    names = [name for name, _ in whole.named_parameters()]

    def attend(query: Tensor, values: Tensor, *parameters: Tensor) -> Tensor:
        given = dict(zip(names, parameters, strict=True))
        return functional_call(whole, given, (query, values))

    arguments = (query, values, *attention.parameters())
    assert torch.autograd.gradcheck(attend, arguments)


@KINDS
@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_padding_reaches_nothing(make: Make, poison: float) -> None:
    attention, width = make()
    lengths = torch.tensor([3, 0, 5])
    mask = valid_steps(lengths, STEPS)
    clean = torch.randn(STEPS, BATCH, WIDTH, dtype=torch.float64)
    query = torch.randn(DECODED, BATCH, width, dtype=torch.float64)
    results = []
    for padding in (0.0, poison):
        values = torch.where(mask.unsqueeze(2), clean, padding).requires_grad_()
        attention.zero_grad()
        asked = query.clone().requires_grad_()
        context, weights = attention(asked, attention.prepare(values, mask))
        with torch.autograd.set_detect_anomaly(True):
            (context.square().sum() + weights.square().sum()).backward()
        parameters = [p.grad for p in attention.parameters()]
        results.append([context, weights, values.grad, asked.grad, *parameters])
    for expected, actual in zip(*results, strict=True):
        assert torch.isfinite(actual).all()
        assert torch.equal(actual, expected)
    context, weights, *_ = results[1]
    assert not context[:, 1].any()
    assert not weights[:, 1].any()


@KINDS
def test_a_row_that_is_not_a_number_stays_alone(make: Make) -> None:
    attention, width = make()
    values = torch.randn(STEPS, BATCH, WIDTH, dtype=torch.float64)
    query = torch.randn(BATCH, width, dtype=torch.float64)
    expected, _ = attention(query, attention.prepare(values))
    values[2, 1] = math.nan
    context, _ = attention(query, attention.prepare(values))
    assert context[1].isnan().all()
    assert_close(context[[0, 2]], expected[[0, 2]])


@KINDS
def test_empty_batch_and_empty_sequence(make: Make) -> None:
    attention, width = make()
    for steps, batch in ((STEPS, 0), (0, BATCH)):
        memory = attention.prepare(torch.zeros(steps, batch, WIDTH).double())
        context, weights = attention(torch.zeros(batch, width).double(), memory)
        assert context.tolist() == [[0.0] * WIDTH] * batch
        assert weights.shape == (batch, steps)


@KINDS
def test_large_energies(make: Make) -> None:
    attention, width = make()
    values = 1e4 * torch.randn(STEPS, BATCH, WIDTH)
    mask = valid_steps(torch.tensor([3, 1, 5]), STEPS)
    attention.float()
    context, weights = attention(
        1e4 * torch.randn(BATCH, width), attention.prepare(values, mask)
    )
    assert torch.isfinite(context).all()
    assert_close(weights.sum(1), torch.ones(BATCH))
    assert not weights[~mask.t()].any()


def test_memory_repeated_for_a_beam() -> None:
    attention, width = additive()
    values = torch.randn(STEPS, BATCH, WIDTH, dtype=torch.float64)
    mask = valid_steps(torch.tensor([3, 4, 5]), STEPS)
    memory = attention.prepare(values, mask)
    query = torch.randn(BATCH * 2, width, dtype=torch.float64)
    context, _ = attention(query, repeat_batch(memory, 2))
    for beam in range(2):
        expected, _ = attention(query[beam::2], memory)
        assert_close(context[beam::2], expected)


def test_bfloat16_under_autocast() -> None:
    attention = AdditiveAttention(QUERY, WIDTH, 7)
    values, query = torch.randn(STEPS, BATCH, WIDTH), torch.randn(BATCH, QUERY)
    expected, _ = attention(query, attention.prepare(values))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        context, _ = attention(query, attention.prepare(values))
    assert_close(context.float(), expected, atol=0.03, rtol=0.03)


def test_names_and_sizes_of_parameters() -> None:
    sizes = {n: tuple(p.shape) for n, p in additive()[0].named_parameters()}
    assert sizes == {
        "query.weight": (7, QUERY),
        "key.weight": (7, WIDTH),
        "energy.weight": (1, 7),
    }
    sizes = {n: tuple(p.shape) for n, p in general()[0].named_parameters()}
    assert sizes == {"key.weight": (QUERY, WIDTH)}
    assert repr(additive()[0]).startswith("AdditiveAttention(\n  6, 4, 7\n")


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r"of one width, got 6 and 4"):
        DotAttention(6, 4)
    with pytest.raises(ValueError, match=r"query_size: expected at least 1, got 0"):
        GeneralAttention(0, 4)
    with pytest.raises(ValueError, match=r"attention_size: expected at least 1, got 0"):
        AdditiveAttention(2, 4, 0)
    attention = GeneralAttention(QUERY, WIDTH)
    values = torch.zeros(STEPS, BATCH, WIDTH)
    with pytest.raises(ValueError, match=r"expected size \(S, B, 4\), got \(5, 3, 3\)"):
        attention.prepare(values[:, :, :3])
    wrong = torch.ones(BATCH, STEPS, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"mask: expected size \(5, 3\).*got \(3, 5\)"):
        attention.prepare(values, wrong)
    with pytest.raises(ValueError, match=r"of torch.bool, got .* of torch.float32"):
        attention.prepare(values, torch.ones(STEPS, BATCH))
    memory = attention.prepare(values)
    for shape in ((2, QUERY), (BATCH, WIDTH), (1, 1, BATCH, QUERY), (2, 1, QUERY)):
        with pytest.raises(ValueError, match=r"query: expected size \(3, 6\) or"):
            attention(torch.zeros(shape), memory)
