"""Greedy generation, what it starts from and where it ends."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from tiny_models import TinyModel, log_probability, row_of
from torch import Tensor
from torch.testing import assert_close

from rnndsl.runtime.generation.beam import beam_search
from rnndsl.runtime.generation.greedy import (
    Prompt,
    best_first,
    greedy_search,
    reorder_batch,
    repeat_batch,
)
from rnndsl.runtime.generation.sampling import sample_sequences

SYMBOLS, STOP, BATCH, LONGEST = 4, 3, 12, 5


def start(batch: int = BATCH) -> Tensor:
    return torch.arange(batch) % SYMBOLS


def alone(prompt: Prompt, row: int) -> Prompt:
    """The prompt of one row."""
    lengths = prompt.prime_lengths
    return Prompt(
        start=None if prompt.start is None else prompt.start[row : row + 1],
        prime=None if prompt.prime is None else prompt.prime[:, row : row + 1],
        prime_lengths=None if lengths is None else lengths[row : row + 1],
        stop=prompt.stop,
        max_length=prompt.max_length,
    )


def prompts() -> dict[str, Prompt]:
    """Of a start symbol, a prime, both, ragged, with stop symbols and without."""
    prime = torch.randint(SYMBOLS - 1, (3, BATCH))
    lengths = torch.arange(BATCH) % 4
    ended = prime.clone()
    ended[1, 2], ended[0, 5] = STOP, STOP
    ragged = prime.masked_fill(torch.arange(3).unsqueeze(1) >= lengths, -100)
    common = {"stop": STOP, "max_length": LONGEST}
    return {
        "start": Prompt(start=start(), **common),
        "no stop": Prompt(start=start(), max_length=LONGEST),
        "prime": Prompt(prime=prime, **common),
        "both": Prompt(start=start(), prime=prime, **common),
        "ragged": Prompt(start=start(), prime=ragged, prime_lengths=lengths, **common),
        "ragged alone": Prompt(
            prime=prime, prime_lengths=lengths.clamp_min(1), **common
        ),
        "ended": Prompt(start=start(), prime=ended, **common),
        "ended alone": Prompt(prime=ended, **common),
    }


PROMPTS = pytest.mark.parametrize("kind", list(prompts()))


def expected_greedy(model: TinyModel, state: Any, prompt: Prompt) -> list[int]:
    """One row, step by step."""
    given: list[int] = []
    if prompt.prime is not None:
        count = prompt.prime.shape[0]
        if prompt.prime_lengths is not None:
            count = int(prompt.prime_lengths[0])
        given = prompt.prime[:count, 0].tolist()
    tokens: list[int] = []
    symbol = None if prompt.start is None else prompt.start[0]
    while len(tokens) < prompt.max_length:
        if symbol is not None:
            scores, state = model(symbol.view(1), state)
        position = len(tokens)
        chosen = given[position] if position < len(given) else int(scores[0].argmax())
        tokens.append(chosen)
        if chosen == prompt.stop:
            break
        symbol = torch.tensor(chosen)
    return tokens


@PROMPTS
def test_greedy_is_the_best_symbol_at_each_step(kind: str) -> None:
    model, prompt = TinyModel(SYMBOLS), prompts()[kind]
    state = model.first_state(BATCH)
    found = greedy_search(model, state, prompt)
    counts = []
    for row in range(BATCH):
        tokens = expected_greedy(model, row_of(state, row), alone(prompt, row))
        length = int(found.lengths[row])
        counts.append(length)
        assert found.tokens[:length, row].tolist() == tokens
        assert (found.tokens[length:, row] == STOP).all()
        given = int(prompt.given_lengths[row])
        read = [] if prompt.start is None else [int(prompt.start[row])]
        log_p = log_probability(
            model,
            row_of(state, row),
            read + tokens[:given],
            tokens[given:],
        )
        assert found.log_probabilities[row].item() == pytest.approx(log_p)
    assert found.tokens.shape == (max(counts), BATCH)
    assert found.tokens.dtype == found.lengths.dtype == torch.int64
    assert torch.equal(found.scores, found.log_probabilities)
    if prompt.stop is not None:
        assert len(set(counts)) > 1, "rows should end at different steps"


@PROMPTS
@pytest.mark.parametrize("method", ["greedy", "beam", "sample"])
def test_rows_do_not_see_each_other(kind: str, method: str) -> None:
    model, prompt = TinyModel(SYMBOLS), prompts()[kind]
    state = model.first_state(BATCH)
    if method == "sample":
        # The draws of a row depend on those before it: one symbol leaves no choice.
        whole = sample_sequences(model, state, prompt, top_k=1)
    elif method == "beam":
        whole = beam_search(model, state, prompt, width=3, length_penalty=0.7)
    else:
        whole = greedy_search(model, state, prompt)
    for row in range(BATCH):
        one, single = row_of(state, row), alone(prompt, row)
        if method == "beam":
            part = beam_search(model, one, single, width=3, length_penalty=0.7)
        else:
            part = greedy_search(model, one, single)
        steps = len(part.tokens)
        assert torch.equal(whole.tokens[:steps, row], part.tokens[:, 0])
        assert torch.equal(whole.lengths[row], part.lengths[0])
        # Without a step of the model, there is no dtype to take from it.
        for name in ("log_probabilities", "scores"):
            actual, expected = getattr(whole, name)[row], getattr(part, name)[0]
            assert_close(actual, expected, check_dtype=False)


def test_ends_as_soon_as_all_rows_have() -> None:
    def advance(symbols: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Says the row's number once for each of its number, then stops."""
        left = state - 1
        wanted = torch.where(left < 0, STOP, torch.tensor(1))
        return 9.0 * torch.nn.functional.one_hot(wanted, SYMBOLS), left

    prompt = Prompt(start=start(3), stop=STOP, max_length=1000)
    found = greedy_search(advance, torch.tensor([0, 4, 2]), prompt)
    assert found.tokens.t().tolist() == [
        [STOP, STOP, STOP, STOP, STOP],
        [1, 1, 1, 1, STOP],
        [1, 1, STOP, STOP, STOP],
    ]
    assert found.lengths.tolist() == [1, 5, 3]


def test_a_prime_that_has_ended_asks_nothing_of_the_model() -> None:
    model = TinyModel(SYMBOLS)
    prime = torch.full((2, BATCH), STOP)
    prompt = Prompt(prime=prime, stop=STOP, max_length=LONGEST)
    for found in (
        greedy_search(model, model.first_state(BATCH), prompt),
        beam_search(model, model.first_state(BATCH), prompt, width=1),
    ):
        assert found.tokens.shape[:2] == (1, BATCH)
        assert found.lengths.flatten().tolist() == [1] * BATCH
        assert not found.log_probabilities.any()
    assert model.calls == 0


def test_a_prime_of_the_greatest_length_is_the_result() -> None:
    model = TinyModel(SYMBOLS)
    prime = torch.randint(SYMBOLS - 1, (LONGEST, BATCH))
    prompt = Prompt(start=start(), prime=prime, stop=STOP, max_length=LONGEST)
    for found in (
        greedy_search(model, model.first_state(BATCH), prompt),
        beam_search(model, model.first_state(BATCH), prompt, width=1),
    ):
        assert torch.equal(found.tokens.view(LONGEST, BATCH), prime)
        assert not found.log_probabilities.any()


def test_equal_scores_take_the_lowest_symbol() -> None:
    def advance(symbols: Tensor, state: None) -> tuple[Tensor, None]:
        return torch.zeros(len(symbols), SYMBOLS), None

    prompt = Prompt(start=start(2), max_length=3)
    for found in (
        greedy_search(advance, None, prompt),
        beam_search(advance, None, prompt, width=1),
        sample_sequences(advance, None, prompt, temperature=0),
    ):
        assert not found.tokens.any()
    found = beam_search(advance, None, prompt, width=3)
    assert found.tokens[:, 0].t().tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 2]]


def test_empty_batch() -> None:
    model, prompt = TinyModel(SYMBOLS), Prompt(start=start(0), stop=0, max_length=3)
    state = model.first_state(0)
    greedy = greedy_search(model, state, prompt)
    assert greedy.tokens.shape == (1, 0)
    assert greedy.lengths.shape == greedy.scores.shape == (0,)
    beam = beam_search(model, state, prompt, width=2)
    assert beam.tokens.shape == (1, 0, 2)
    assert beam.scores.shape == (0, 2)
    assert sample_sequences(model, state, prompt, top_p=0.5).tokens.shape == (1, 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_without_gradients_and_in_other_dtypes(dtype: torch.dtype) -> None:
    model, prompt = TinyModel(SYMBOLS).to(dtype), prompts()["ragged"]
    state = model.first_state(BATCH)
    with torch.no_grad():
        found = greedy_search(model, state, prompt)
        beam = beam_search(model, state, prompt, width=1)
        drawn = sample_sequences(model, state, prompt, top_p=0.9)
    assert found.scores.dtype == beam.scores.dtype == torch.float32
    assert not drawn.scores.requires_grad
    assert torch.equal(found.tokens, beam.tokens.squeeze(2))


def test_log_probabilities_have_gradients() -> None:
    model, prompt = TinyModel(SYMBOLS), prompts()["ragged"]
    found = sample_sequences(model, model.first_state(BATCH), prompt)
    found.log_probabilities.sum().backward()
    assert model.head.weight.grad.abs().sum() > 0
    assert torch.isfinite(model.cell.weight_hh.grad).all()


def test_a_row_that_is_not_a_number_stays_alone() -> None:
    model, prompt = TinyModel(SYMBOLS), prompts()["start"]
    clean = model.first_state(BATCH)
    h, rest = clean
    h = h.clone()
    h[:, 4] = math.nan
    others = [row for row in range(BATCH) if row != 4]
    for search in (greedy_search, lambda *a: beam_search(*a, width=2)):
        expected = search(model, clean, prompt)
        actual = search(model, (h, rest), prompt)
        steps = len(expected.tokens)
        assert torch.equal(
            actual.tokens[:steps, others], expected.tokens[:steps, others]
        )
        assert_close(actual.scores[others], expected.scores[others])
    assert (actual.scores[4] == -torch.inf).all()
    assert not actual.lengths[4].any()
    drawn = sample_sequences(model, (h, rest), prompt, top_p=0.9)
    assert torch.isfinite(drawn.log_probabilities[others]).all()


@pytest.mark.parametrize("count", [1, 2, 3, 7, 9])
def test_best_first_is_a_stable_sort(count: int) -> None:
    values = torch.randint(4, (50, 7)).float().masked_fill(torch.rand(50, 7) < 0.2, -9)
    expected = values.sort(dim=1, descending=True, stable=True)
    ranked, where = best_first(values, count)
    assert torch.equal(ranked, expected.values[:, :count])
    assert torch.equal(where, expected.indices[:, :count])


def test_best_first_of_infinities() -> None:
    values = torch.tensor([[-math.inf, 1.0, -math.inf, -math.inf]])
    ranked, where = best_first(values, 3)
    assert ranked.tolist() == [[1.0, -math.inf, -math.inf]]
    assert where.tolist() == [[1, 0, 2]]


def test_states_in_nested_tuples() -> None:
    first, second = torch.randn(2, 3, 4), torch.randn(1, 3)
    index = torch.tensor([2, 0, 0, 1])
    moved = reorder_batch((first, [second, None]), index)
    assert torch.equal(moved[0], first[:, index])
    assert torch.equal(moved[1][0], second[:, index])
    assert moved[1][1] is None
    assert torch.equal(reorder_batch(second.t(), index, axis=0), second.t()[index])
    repeated = repeat_batch((second,), 2)
    assert torch.equal(repeated[0], second[:, [0, 0, 1, 1, 2, 2]])
    with pytest.raises(TypeError, match="expected tensors in tuples, got dict"):
        reorder_batch({"h": first}, index)


def test_wrong_prompts() -> None:
    prime = torch.zeros(2, 3, dtype=torch.long)
    for arguments, message in (
        ({"start": start(3), "max_length": 0}, r"max_length: expected at least 1, got"),
        ({"max_length": 5}, r"start: expected a start symbol, or a prime .*neither"),
        ({"prime": prime[:0], "max_length": 5}, r"start: expected a start symbol, or"),
        ({"start": prime, "max_length": 5}, r"start: expected size \(B,\).*\(2, 3\)"),
        ({"start": torch.zeros(3), "max_length": 5}, r"of integers, got .*float32"),
        ({"prime": prime[0], "max_length": 5}, r"prime: expected size \(P, B\).*3,"),
        ({"start": start(2), "prime": prime, "max_length": 5}, r"2 rows.* got 3"),
        ({"prime": prime, "max_length": 1}, r"at most max_length = 1 .* got 2"),
        ({"start": start(3), "prime_lengths": start(3), "max_length": 5}, r"got none"),
        (
            {"prime": prime, "prime_lengths": start(3), "max_length": 5},
            r"prime_lengths: expected at least 1 without a start symbol, got 0",
        ),
        (
            {"prime": prime, "prime_lengths": start(3) + 1, "max_length": 5},
            r"lengths: expected 0 to 2",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            Prompt(**arguments)


def test_wrong_scores() -> None:
    def advance(symbols: Tensor, state: None) -> tuple[Tensor, None]:
        return torch.zeros(1, len(symbols), SYMBOLS), None

    prompt = Prompt(start=start(2), max_length=3)
    with pytest.raises(ValueError, match=r"scores of size \(2, V\), got \(1, 2, 4\)"):
        greedy_search(advance, None, prompt)
    model, prompt = TinyModel(SYMBOLS), Prompt(start=start(2), stop=4, max_length=3)
    with pytest.raises(ValueError, match="stop: expected 0 to 3, got 4"):
        greedy_search(model, model.first_state(2), prompt)
