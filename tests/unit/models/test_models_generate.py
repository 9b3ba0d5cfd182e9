"""Models that read their own outputs, beside everything that they could write."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from model_specs import model
from torch import Tensor, nn
from torch.testing import assert_close

F, V = 3, 4
START, STOP, LONGEST = 1, 2, 4
EXACT: dict[str, float] = {"rtol": 1e-12, "atol": 1e-12}
Score = Callable[[list[int]], float]


def caption(spread: float = 1.5, **options: Any) -> Any:
    made = model("caption", F, V, **options)
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=spread)
    return made


def log_probability(made: Any, image: Tensor, tokens: list[int]) -> float:
    """Of one image's whole sequence, by reading it."""
    read = torch.tensor([START, *tokens[:-1]]).unsqueeze(1)
    output, _ = made(image.unsqueeze(0), read)
    steps = output[:, 0].detach().log_softmax(-1)
    return float(sum(steps[t, token] for t, token in enumerate(tokens)))


def everything(score: Score, symbols: int, longest: int) -> list[tuple[float, Any]]:
    """All sequences with what they score, the best first."""
    found = []
    for length in range(1, longest + 1):
        for tokens in itertools.product(range(symbols), repeat=length):
            if STOP in tokens[:-1]:
                continue
            if tokens[-1] == STOP or length == longest:
                found.append((score(list(tokens)), tokens))
    return sorted(found, reverse=True)


def rows_of(found: Any, row: int) -> list[int]:
    tokens: list[int] = found.tokens[: int(found.lengths[row]), row].tolist()
    return tokens


def test_greedy_takes_the_best_next_token() -> None:
    made = caption()
    images = torch.randn(6, F).double()
    found = made.generate(images, max_length=LONGEST)
    for row, image in enumerate(images):
        tokens: list[int] = []
        while len(tokens) < LONGEST and STOP not in tokens:
            read = torch.tensor([START, *tokens]).unsqueeze(1)
            tokens.append(int(made(image[None], read)[0][-1, 0].argmax()))
        assert rows_of(found, row) == tokens
        wanted = log_probability(made, image, tokens)
        assert_close(float(found.log_probabilities[row]), wanted, **EXACT)


@pytest.mark.parametrize("batch_first", [False, True])
def test_a_wide_beam_finds_the_best_of_all_sequences(batch_first: bool) -> None:
    made = caption(batch_first=False)
    images = torch.randn(3, F).double()
    expected = [
        everything(partial(log_probability, made, image), V, LONGEST)
        for image in images
    ]
    made.batch_first = batch_first
    found = made.generate(images, max_length=LONGEST, strategy="beam", width=70)
    axis = 1 if batch_first else 0
    tokens = found.tokens.movedim(axis, -1)  # (B, W, L)
    for row, best in enumerate(expected):
        for place in range(5):
            log_p, sequence = best[place]
            length = int(found.lengths[row, place])
            assert tuple(tokens[row, place, :length].tolist()) == sequence
            assert_close(float(found.log_probabilities[row, place]), log_p, **EXACT)


def test_a_length_penalty_ranks_as_it_says() -> None:
    made = caption()
    image = torch.randn(F).double()

    def score(tokens: list[int]) -> float:
        return log_probability(made, image, tokens) / ((5 + len(tokens)) / 6) ** 2

    (_, best), *_ = everything(score, V, LONGEST)
    found = made.generate(
        image[None], max_length=LONGEST, strategy="beam", width=70, length_penalty=2.0
    )
    assert tuple(found.tokens[: found.lengths[0, 0], 0, 0].tolist()) == best


def test_a_width_of_one_is_greedy() -> None:
    made = caption()
    images = torch.randn(5, F).double()
    greedy = made.generate(images, max_length=LONGEST)
    beam = made.generate(images, max_length=LONGEST, strategy="beam", width=1)
    assert_close(beam.lengths[:, 0], greedy.lengths)
    assert_close(beam.tokens[..., 0], greedy.tokens)


def test_samples_are_as_frequent_as_they_are_probable() -> None:
    made = caption(spread=0.8)
    image = torch.randn(F).double()
    count = 20_000
    found = made.generate(
        image.expand(count, F),
        max_length=2,
        strategy="sample",
        generator=torch.Generator().manual_seed(3),
    )
    for log_p, tokens in everything(partial(log_probability, made, image), V, 2):
        same = found.lengths == len(tokens)
        for t, token in enumerate(tokens):
            same = same & (found.tokens[t] == token)
        p = math.exp(log_p)
        spread = 5 * math.sqrt(p * (1 - p) / count) + 1e-4
        assert abs(same.double().mean().item() - p) < spread


def test_sampling_options_reach_the_search() -> None:
    made = caption()
    images = torch.randn(5, F).double()
    greedy = made.generate(images, max_length=LONGEST)
    for options in ({"temperature": 0.0}, {"top_k": 1}, {"top_p": 1e-9}):
        found = made.generate(images, max_length=LONGEST, strategy="sample", **options)
        assert_close(found.tokens, greedy.tokens)


@pytest.mark.parametrize("batch_first", [False, True])
def test_a_prime_is_read_and_kept(batch_first: bool) -> None:
    made = model("chatter", 6, batch_first=batch_first)
    for parameter in made.parameters():
        nn.init.normal_(parameter)
    prime = torch.tensor([[3, 1, 5], [4, 2, 2]])  # two steps of three rows
    lengths = torch.tensor([2, 1, 2])
    found = made.generate(
        max_length=7,
        prime=prime.t() if batch_first else prime,
        prime_lengths=lengths,
    )
    tokens = found.tokens.t() if batch_first else found.tokens
    for row, length in enumerate(lengths.tolist()):
        known = prime[:length, row].tolist()
        while len(known) < 7 and known[-1] != 0:
            read = torch.tensor(known).unsqueeze(0 if batch_first else 1)
            known.append(int(made(read)[0].reshape(-1, 6)[-1].argmax()))
        assert tokens[: found.lengths[row], row].tolist() == known


def test_rows_without_a_prime() -> None:
    spec_start = caption()
    with pytest.raises(TypeError, match="batch"):
        spec_start.generate(torch.zeros(1, F).double(), max_length=2, batch=2)
    made = model("chatter", 6)
    with pytest.raises(ValueError, match="prime: expected the first symbols, since"):
        made.generate(max_length=3, batch=2)
    with pytest.raises(ValueError, match="batch: expected 2, as the prime has, got 3"):
        made.generate(max_length=3, batch=3, prime=torch.ones(1, 2).long())


@pytest.mark.parametrize("batch_first", [False, True])
def test_a_series_goes_on_with_its_own_outputs(batch_first: bool) -> None:
    made = model("series", 3, batch_first=batch_first)
    prime, lengths = torch.randn(5, 4, 3).double(), torch.tensor([5, 2, 1, 4])
    given = prime.transpose(0, 1) if batch_first else prime
    found = made.generate(given, steps=4, lengths=lengths)
    found = found.transpose(0, 1) if batch_first else found
    assert found.shape == (4, 4, 3)
    assert not found.requires_grad
    for row, length in enumerate(lengths.tolist()):
        known = prime[:length, row : row + 1]
        for _ in range(4):
            whole = known.transpose(0, 1) if batch_first else known
            output, _ = made(whole)
            output = output.transpose(0, 1) if batch_first else output
            known = torch.cat((known, output[-1:]))
        assert_close(found[:, row], known[length:, 0], **EXACT)
    with pytest.raises(ValueError, match="steps: expected at least 1, got 0"):
        made.generate(given, steps=0)
    with pytest.raises(RuntimeError, match="expected at least 1, something to"):
        made.generate(given, steps=2, lengths=torch.tensor([5, 2, 0, 4]))


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"strategy": "best"}, ValueError, 'strategy: expected one of "greedy", "sam'),
        ({"width": 3}, ValueError, 'width: belongs to the strategy "beam", got "gre'),
        (
            {"strategy": "beam", "top_k": 3},
            ValueError,
            'top_k: belongs to the strategy "sample", got "beam"',
        ),
        ({"depth": 3}, TypeError, "got an unexpected keyword argument 'depth'"),
        ({"max_length": 0}, ValueError, "max_length: expected at least 1, got 0"),
        (
            {"prime": torch.zeros(2, 5).long()},
            ValueError,
            "prime: expected 2 rows, as start has, got 5",
        ),
    ],
)
def test_wrong_arguments(
    options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    given = {"max_length": 3, **options}
    with pytest.raises(kind, match=re.escape(message)):
        caption().generate(torch.zeros(2, F).double(), **given)


def test_nothing_is_recorded_and_the_mode_stays() -> None:
    made = caption().train()
    image = torch.randn(2, F, requires_grad=True, dtype=torch.float64)
    found = made.generate(image, max_length=3)
    assert not found.log_probabilities.requires_grad
    assert made.training


def test_a_stateful_model_keeps_its_state_while_it_writes() -> None:
    made = model("chatter_kept", 6)
    read, prime = torch.randint(6, (5, 3)), torch.randint(1, 6, (2, 3))
    expected, _ = made(read)
    made.reset_state()
    made(read[:3])
    made.generate(max_length=5, prime=prime)
    assert_close(made(read[3:])[0], expected[3:], **EXACT)


@pytest.mark.parametrize(
    ("name", "sizes", "given", "options"),
    [
        ("caption", (F, V), (torch.ones(F).double(),), {"max_length": 3}),
        ("turner", (V,), (torch.tensor([3, 1]),), {"max_length": 3}),
        ("series", (3,), (torch.ones(5, 3).double(),), {"steps": 2}),
    ],
)
def test_a_single_sequence_is_refused(
    name: str, sizes: Any, given: Any, options: Any
) -> None:
    with pytest.raises(RuntimeError, match=r"axis for the batch|size \(P, B, N\)"):
        model(name, *sizes).generate(*given, **options)


def test_a_first_state_without_contexts() -> None:
    with pytest.raises(RuntimeError, match="`start` makes its first state"):
        caption().initial_state(3)
