"""Sampling: frequencies, what may be drawn at all, and repeatability."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_models import TinyModel, every_score
from torch import Tensor

from rnndsl.runtime.generation.greedy import GeneratedSequences, Prompt, greedy_search
from rnndsl.runtime.generation.sampling import restricted, sample_sequences

SYMBOLS, DRAWS = 4, 40_000
PROBABILITIES = torch.tensor([0.15, 0.4, 0.05, 0.4], dtype=torch.float64)
# The chi-squared value that chance exceeds once in 10,000 times, by degrees of freedom.
CRITICAL = {1: 15.14, 2: 18.42, 3: 21.11}


def constant(symbols: Tensor, state: None) -> tuple[Tensor, None]:
    return PROBABILITIES.log().expand(len(symbols), SYMBOLS) + 7.0, None


def draw(seed: int = 5, **options: object) -> Tensor:
    """Symbols drawn one at a time from PROBABILITIES."""
    prompt = Prompt(start=torch.zeros(DRAWS, dtype=torch.long), max_length=1)
    generator = torch.Generator().manual_seed(seed)
    found = sample_sequences(constant, None, prompt, generator=generator, **options)
    return found.tokens[0]


def check_frequencies(drawn: Tensor, expected: Tensor) -> None:
    expected = expected / expected.sum() * len(drawn)
    counts = torch.bincount(drawn, minlength=SYMBOLS)
    possible = expected > 0
    assert not counts[~possible].any()
    freedom = int(possible.sum()) - 1
    if freedom:
        distance = ((counts - expected).square() / expected)[possible].sum().item()
        assert distance < CRITICAL[freedom]


@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0])
def test_frequencies(temperature: float) -> None:
    drawn = draw(temperature=temperature)
    check_frequencies(drawn, PROBABILITIES ** (1 / temperature))


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"top_k": 1}, [1]),
        ({"top_k": 2}, [1, 3]),
        ({"top_k": 3}, [0, 1, 3]),
        ({"top_k": 4}, [0, 1, 2, 3]),
        ({"top_k": 99}, [0, 1, 2, 3]),
        ({"top_p": 0.01}, [1]),
        ({"top_p": 0.39}, [1]),
        ({"top_p": 0.41}, [1, 3]),
        ({"top_p": 0.79}, [1, 3]),
        ({"top_p": 0.81}, [0, 1, 3]),
        ({"top_p": 0.96}, [0, 1, 2, 3]),
        ({"top_p": 1.0}, [0, 1, 2, 3]),
        # Within the best three, 0.4 / 0.95 are 0.42 each: two have 0.84.
        ({"top_k": 3, "top_p": 0.83}, [1, 3]),
        ({"top_k": 3, "top_p": 0.85}, [0, 1, 3]),
        ({"top_k": 2, "top_p": 0.49}, [1]),
        # 0.4 ** 2 is 0.46 of all squares: flattened first, cut then.
        ({"top_p": 0.45, "temperature": 0.5}, [1]),
        ({"top_p": 0.9, "temperature": 0.5}, [1, 3]),
        ({"top_p": 0.95, "temperature": 0.5}, [0, 1, 3]),
    ],
)
def test_what_is_kept(options: dict[str, float], kept: list[int]) -> None:
    drawn = draw(**options)
    assert drawn.unique().tolist() == kept
    expected = torch.zeros(SYMBOLS, dtype=torch.float64)
    expected[kept] = PROBABILITIES[kept] ** (1 / options.get("temperature", 1.0))
    check_frequencies(drawn, expected)


def test_of_equal_symbols_the_lowest_are_kept() -> None:
    log_p = torch.zeros(2, 6).log_softmax(1)
    for options in ((3, None), (None, 0.5), (5, 0.6)):
        ranked, symbols = restricted(log_p, 1.0, *options)
        for row in range(2):
            assert symbols[row][ranked[row] > -torch.inf].tolist() == [0, 1, 2]


def test_whole_sequences_have_their_probabilities() -> None:
    torch.manual_seed(3)
    model, stop, longest = TinyModel(3, spread=0.7), 1, 3
    h, (count,) = model.first_state(1)
    with torch.no_grad():
        state = (h, (count,))
        expected = every_score(model, state, [2], stop=stop, longest=longest)
        many = (h.expand(1, DRAWS, -1), (count.expand(2, DRAWS),))
        start = torch.full((DRAWS,), 2)
        prompt = Prompt(start=start, stop=stop, max_length=longest)
        found = sample_sequences(
            model, many, prompt, generator=torch.Generator().manual_seed(8)
        )
    drawn: dict[tuple[int, ...], int] = {}
    for tokens, length in zip(
        found.tokens.t().tolist(), found.lengths.tolist(), strict=True
    ):
        sequence = tuple(tokens[:length])
        drawn[sequence] = drawn.get(sequence, 0) + 1
    assert set(drawn) <= {tuple(tokens) for _, _, tokens in expected}
    assert sum(math.exp(log_p) for _, log_p, _ in expected) == pytest.approx(1)
    for _, log_p, tokens in expected:
        p = math.exp(log_p)
        deviation = math.sqrt(DRAWS * p * (1 - p))
        assert abs(drawn.get(tuple(tokens), 0) - DRAWS * p) < 4.5 * deviation + 1


def test_log_probabilities_are_those_of_the_model() -> None:
    prompt = Prompt(start=torch.zeros(50, dtype=torch.long), max_length=3)
    found = sample_sequences(constant, None, prompt, temperature=3.0, top_k=3)
    expected = PROBABILITIES.log()[found.tokens].sum(0)
    torch.testing.assert_close(found.log_probabilities, expected)


@pytest.mark.parametrize("temperature", [0.0, 1e-300, 1e-39, 1e-6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_temperature_is_greedy(temperature: float, dtype: torch.dtype) -> None:
    model, batch = TinyModel(SYMBOLS).to(dtype), 30
    state, start = model.first_state(batch), torch.randint(SYMBOLS, (batch,))
    prompt = Prompt(start=start, stop=2, max_length=6)
    expected = greedy_search(model, state, prompt)
    for options in ({}, {"top_k": 2}, {"top_p": 0.9}):
        found = sample_sequences(
            model, state, prompt, temperature=temperature, **options
        )
        assert torch.equal(found.tokens, expected.tokens)
        assert torch.equal(found.log_probabilities, expected.log_probabilities)


def test_the_same_seed_draws_the_same() -> None:
    model, batch = TinyModel(SYMBOLS, spread=0.5), 30
    state, start = model.first_state(batch), torch.randint(SYMBOLS, (batch,))
    prompt = Prompt(start=start, stop=2, max_length=6)

    def sequences(seed: int) -> GeneratedSequences:
        generator = torch.Generator().manual_seed(seed)
        return sample_sequences(model, state, prompt, top_p=0.95, generator=generator)

    first, again, other = sequences(1), sequences(1), sequences(2)
    assert torch.equal(first.tokens, again.tokens)
    assert not torch.equal(first.tokens[:1], other.tokens[:1])
    before = torch.get_rng_state()
    sequences(1)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert torch.equal(
        sample_sequences(model, state, prompt, top_p=0.95).tokens, first.tokens
    )


def test_what_the_model_forbids_is_never_drawn() -> None:
    def advance(symbols: Tensor, state: None) -> tuple[Tensor, None]:
        scores = torch.tensor([-math.inf, 0.0, -math.inf, 0.0, -math.inf])
        return scores.expand(len(symbols), 5), None

    prompt = Prompt(start=torch.zeros(500, dtype=torch.long), max_length=4)
    for options in ({}, {"top_k": 4}, {"top_p": 0.999}, {"temperature": 1e-300}):
        found = sample_sequences(advance, None, prompt, **options)
        assert found.tokens.unique().tolist() == [1, 3]


def test_a_clock_that_rings_at_once_does_not_draw_the_impossible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # exponential_ gives 0 once in 2**24 draws of float32.
    def at_once(self: Tensor, generator: object) -> Tensor:
        return self.zero_()

    def advance(symbols: Tensor, state: None) -> tuple[Tensor, None]:
        return torch.tensor([[-math.inf, 0.0, -math.inf]]), None

    monkeypatch.setattr(Tensor, "exponential_", at_once)
    prompt = Prompt(start=torch.tensor([0]), max_length=1)
    assert sample_sequences(advance, None, prompt).tokens.item() == 1


def test_wrong_arguments() -> None:
    prompt = Prompt(start=torch.tensor([0]), max_length=1)
    for options, message in (
        ({"temperature": -1.0}, "temperature: expected 0 or more, got -1.0"),
        ({"temperature": math.nan}, "temperature: expected 0 or more, got nan"),
        ({"temperature": math.inf}, "temperature: expected 0 or more, got inf"),
        ({"top_k": 0}, "top_k: expected at least 1, got 0"),
        ({"top_p": 0.0}, "top_p: expected more than 0, at most 1, got 0.0"),
        ({"top_p": 1.5}, "top_p: expected more than 0, at most 1, got 1.5"),
    ):
        with pytest.raises(ValueError, match=message):
            sample_sequences(constant, None, prompt, **options)
