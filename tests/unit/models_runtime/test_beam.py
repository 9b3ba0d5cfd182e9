"""Beam search against a list of everything that can be generated."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_models import Scored, State, TinyModel, every_score, row_of
from torch import Tensor
from torch.testing import assert_close

from rnndsl.runtime.generation.beam import beam_search, length_divisor
from rnndsl.runtime.generation.greedy import Prompt, greedy_search, reorder_batch

SYMBOLS, BATCH = 4, 3
START = torch.tensor([0, 2, 1])


@pytest.mark.parametrize("longest", [1, 3, 4])
@pytest.mark.parametrize("stop", [0, 3, None])
@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.5])
def test_a_wide_beam_finds_everything(
    longest: int, stop: int | None, alpha: float
) -> None:
    model, width = TinyModel(SYMBOLS), SYMBOLS**longest
    state = model.first_state(BATCH)
    prompt = Prompt(start=START, stop=stop, max_length=longest)
    with torch.no_grad():
        found = beam_search(model, state, prompt, width=width, length_penalty=alpha)
        for row in range(BATCH):
            read = [int(START[row])]
            expected = every_score(
                model,
                row_of(state, row),
                read,
                stop=stop,
                longest=longest,
                alpha=alpha,
            )
            check_row(found.tokens[:, row], found.lengths[row], expected)
            count = len(expected)
            scores, log_p, _ = zip(*expected, strict=True)
            assert found.scores[row, :count].tolist() == pytest.approx(scores)
            actual = found.log_probabilities[row, :count].tolist()
            assert actual == pytest.approx(log_p)
            assert (found.scores[row, count:] == -math.inf).all()
            assert not found.lengths[row, count:].any()


def check_row(
    tokens: Tensor,
    lengths: Tensor,
    expected: list[Scored],
) -> None:
    for beam, (_, _, sequence) in enumerate(expected):
        assert tokens[: int(lengths[beam]), beam].tolist() == sequence


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_exhaustive_behind_a_ragged_prime(alpha: float) -> None:
    model, longest, stop = TinyModel(SYMBOLS), 4, 3
    state = model.first_state(BATCH)
    prime, counts = torch.tensor([[1, 0, 2], [2, 2, 0]]), torch.tensor([2, 0, 1])
    prompt = Prompt(
        start=START, prime=prime, prime_lengths=counts, stop=stop, max_length=longest
    )
    with torch.no_grad():
        found = beam_search(
            model, state, prompt, width=SYMBOLS**longest, length_penalty=alpha
        )
        for row, given in enumerate(counts.tolist()):
            first = prime[:given, row].tolist()
            expected = every_score(
                model,
                row_of(state, row),
                [int(START[row]), *first],
                stop=stop,
                longest=longest - given,
                alpha=alpha,
            )
            whole = [(s, p, first + tokens) for s, p, tokens in expected]
            check_row(found.tokens[:, row], found.lengths[row], whole)
            scores = [score for score, _, _ in expected]
            actual = found.scores[row, : len(expected)].tolist()
            assert actual == pytest.approx(scores)
            assert found.scores[row, len(expected)] == -math.inf


def beam_by_hand(
    model: TinyModel,
    state: State,
    symbol: int,
    *,
    width: int,
    alpha: float,
    stop: int,
    longest: int,
) -> list[Scored]:
    """One row's beam, with lists."""

    def score(log_p: float, tokens: list[int]) -> float:
        return log_p / ((5 + len(tokens)) / 6) ** alpha

    alive: list[tuple[float, list[int], State, int]] = [(0.0, [], state, symbol)]
    done: list[Scored] = []
    while alive and len(alive[0][1]) < longest:
        grown = []
        for log_p, tokens, before, last in alive:
            (scores,), behind = model(torch.tensor([last]), before)
            for symbol, gain in enumerate(scores.log_softmax(0).tolist()):
                grown.append((log_p + gain, [*tokens, symbol], behind, symbol))
        grown.sort(key=lambda extension: -extension[0])
        done += [(score(p, t), p, t) for p, t, _, s in grown[:width] if s == stop]
        done = sorted(done, reverse=True)[:width]
        alive = [extension for extension in grown if extension[3] != stop][:width]
        if len(done) == width and done[-1][0] >= score(*alive[0][:2]):
            return done
    done += [(score(log_p, tokens), log_p, tokens) for log_p, tokens, _, _ in alive]
    return sorted(done, reverse=True)[:width]


@pytest.mark.parametrize("width", [1, 2, 3, 5])
@pytest.mark.parametrize("alpha", [0.0, 0.8, 4.0])
def test_beams_by_hand(width: int, alpha: float) -> None:
    model, batch, longest, stop = TinyModel(SYMBOLS, spread=0.8), 12, 7, 2
    start, state = torch.randint(SYMBOLS, (batch,)), model.first_state(batch)
    prompt = Prompt(start=start, stop=stop, max_length=longest)
    with torch.no_grad():
        found = beam_search(model, state, prompt, width=width, length_penalty=alpha)
        for row in range(batch):
            expected = beam_by_hand(
                model,
                row_of(state, row),
                int(start[row]),
                width=width,
                alpha=alpha,
                stop=stop,
                longest=longest,
            )
            check_row(found.tokens[:, row], found.lengths[row], expected)
            scores = [score for score, _, _ in expected]
            assert found.scores[row].tolist() == pytest.approx(scores)


def test_what_stops_leaves_room_for_what_does_not() -> None:
    # The stop symbol takes the first of two places, 1 and 0 stay open.
    def advance(symbols: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
        p = torch.tensor([[0.19, 0.21, 0.6], [0.0, 0.0, 1.0]])
        ending = torch.tensor([[0.5, 0.5, 0.0], [0.9, 0.1, 0.0], [0.0, 0.0, 1.0]])
        first = step[0] == 0
        return torch.where(first[:, None], p[0], ending[1 - symbols]).log(), step + 1

    prompt = Prompt(start=torch.tensor([0]), stop=2, max_length=2)
    found = beam_search(advance, torch.zeros(1, 1), prompt, width=2)
    assert found.tokens[:, 0].t().tolist() == [[2, 2], [0, 0]]
    assert found.scores.exp()[0].tolist() == pytest.approx([0.6, 0.19 * 0.9])


def test_dead_ends_are_left() -> None:
    # Behind 1 nothing may come: scores of -inf alone have no softmax.
    def advance(symbols: Tensor, state: None) -> tuple[Tensor, None]:
        p = torch.tensor([[0.2, 0.7, 0.1], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        return p[symbols].log(), None

    prompt = Prompt(start=torch.tensor([0, 1]), stop=2, max_length=3)
    found = beam_search(advance, None, prompt, width=2)
    # 1 is left at the first two steps; at the last nothing needs to come behind it.
    assert found.tokens[:, 0].t().tolist() == [[0, 0, 1], [0, 0, 0]]
    assert found.scores.exp().tolist()[0] == pytest.approx([0.028, 0.008])
    assert found.scores[1].tolist() == [-math.inf, -math.inf]
    assert found.lengths[1].tolist() == [0, 0]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("alpha", [0.0, 0.6, 3.0])
def test_width_one_is_greedy(seed: int, alpha: float) -> None:
    torch.manual_seed(seed)
    model, batch = TinyModel(SYMBOLS, spread=0.8), 20
    state, start = model.first_state(batch), torch.randint(SYMBOLS, (batch,))
    prompt = Prompt(start=start, stop=1, max_length=6)
    greedy = greedy_search(model, state, prompt)
    beam = beam_search(model, state, prompt, width=1, length_penalty=alpha)
    assert torch.equal(beam.tokens.squeeze(2), greedy.tokens)
    assert torch.equal(beam.lengths.squeeze(1), greedy.lengths)
    assert_close(beam.log_probabilities.squeeze(1), greedy.log_probabilities)


def test_a_beam_is_sorted_and_without_repetition() -> None:
    model = TinyModel(SYMBOLS, spread=0.8)
    prompt = Prompt(start=START, stop=1, max_length=6)
    found = beam_search(model, model.first_state(BATCH), prompt, width=5)
    assert (found.scores.diff(dim=1) <= 0).all()
    for row in range(BATCH):
        sequences = {tuple(tokens) for tokens in found.tokens[:, row].t().tolist()}
        assert len(sequences) == 5


def test_a_narrow_beam_prunes_and_a_wider_one_recovers() -> None:
    # The likelier first symbol, 0, leads to worse sequences than 1 does.
    first = torch.tensor([0.6, 0.4, 0.0])
    after = torch.tensor([[0.3, 0.3, 0.4], [0.05, 0.05, 0.9], [0.0, 0.0, 1.0]])

    def advance(symbols: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
        p = torch.where(step.t() == 0, first, after[symbols])
        return p.log(), step + 1

    prompt = Prompt(start=torch.tensor([0]), stop=2, max_length=4)
    state = torch.zeros(1, 1)
    narrow = beam_search(advance, state, prompt, width=1)
    assert narrow.tokens[:, 0, 0].tolist() == [0, 2]
    assert narrow.log_probabilities.exp().item() == pytest.approx(0.24)
    wide = beam_search(advance, state, prompt, width=2)
    assert wide.tokens[:2, 0].t().tolist() == [[1, 2], [0, 2]]
    assert wide.log_probabilities.exp()[0].tolist() == pytest.approx([0.36, 0.24])


def two_answers(symbols: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """Stops at once, p = 0.5, or says 0 three times before it does, p = 0.45."""
    p = torch.tensor(
        [[0.45, 0.05, 0.5], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    )
    return p[step[0].long()].log(), step + 1


@pytest.mark.parametrize(
    ("alpha", "best"),
    [(0.0, [2]), (0.3, [2]), (0.4, [0, 0, 0, 2]), (1.0, [0, 0, 0, 2])],
)
def test_length_penalty_by_hand(alpha: float, best: list[int]) -> None:
    # The long answer wins once (9/6)**alpha > log 0.45 / log 0.5, alpha > 0.348.
    prompt = Prompt(start=torch.tensor([1]), stop=2, max_length=9)
    found = beam_search(
        two_answers, torch.zeros(1, 1), prompt, width=2, length_penalty=alpha
    )
    length = int(found.lengths[0, 0])
    assert found.tokens[:length, 0, 0].tolist() == best
    short, long = math.log(0.5), math.log(0.45) / 1.5**alpha
    assert found.scores[0].tolist() == pytest.approx(sorted((short, long))[::-1])
    assert sorted(found.log_probabilities[0].exp().tolist()) == pytest.approx(
        [0.45, 0.5]
    )


def test_length_divisor_by_hand() -> None:
    lengths = torch.tensor([-2, 0, 1, 7])
    assert_close(length_divisor(lengths, 0.0), torch.ones(4))
    expected = torch.tensor([5 / 6, 5 / 6, 1.0, 2.0])
    assert_close(length_divisor(lengths, 1.0), expected)
    assert_close(length_divisor(lengths, 2.0), expected.square())


def test_a_better_open_hypothesis_outlives_poor_finished_ones() -> None:
    # Stopping is the second best choice of each step, and ends badly.
    def advance(symbols: Tensor, state: None) -> tuple[Tensor, None]:
        return torch.tensor([0.98, 0.0, 0.02]).log().expand(len(symbols), 3), None

    prompt = Prompt(start=torch.tensor([0]), stop=2, max_length=8)
    found = beam_search(advance, None, prompt, width=2)
    assert found.tokens[:, 0, 0].tolist() == [0] * 8
    assert found.scores[0, 0].exp().item() == pytest.approx(0.98**8)
    assert found.tokens[0, 0, 1] == 2
    assert found.lengths.tolist() == [[8, 1]]


def test_ends_when_nothing_better_can_come() -> None:
    calls = []

    def advance(symbols: Tensor, state: None) -> tuple[Tensor, None]:
        calls.append(len(symbols))
        return torch.tensor([0.3, 0.1, 0.6]).log().expand(len(symbols), 3), None

    prompt = Prompt(start=torch.tensor([0, 1]), stop=2, max_length=50)
    found = beam_search(advance, None, prompt, width=2)
    assert calls == [4, 4]
    assert found.tokens.permute(1, 2, 0).tolist() == [[[2, 2], [0, 2]]] * 2
    assert found.lengths.tolist() == [[1, 2]] * 2


def test_states_follow_their_hypotheses() -> None:
    # The state spells what was read: it must be what the hypothesis says.
    model, width = TinyModel(SYMBOLS, spread=0.8), 4
    seen: list[Tensor] = []

    def advance(
        symbols: Tensor, state: tuple[Tensor, tuple[Tensor, ...]]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        spelled, inner = state
        scores, inner = model(symbols, inner)
        spelled = spelled * 10 + symbols.unsqueeze(1)
        seen.append(spelled)
        return scores, (spelled, inner)

    def reorder(state: tuple[Tensor, object], index: Tensor) -> tuple[Tensor, object]:
        return state[0][index], reorder_batch(state[1], index)

    first = (torch.zeros(BATCH, 1, dtype=torch.long), model.first_state(BATCH))
    prompt = Prompt(start=torch.full((BATCH,), 9 % SYMBOLS), max_length=5)
    found = beam_search(advance, first, prompt, width=width, reorder=reorder)
    read = torch.cat((torch.ones(1, BATCH, width).long(), found.tokens[:-1]))
    expected = sum(10 ** (4 - step) * read[step] for step in range(5))
    assert set(seen[-1].flatten().tolist()) >= set(expected.flatten().tolist())


def test_wrong_arguments() -> None:
    model, prompt = TinyModel(SYMBOLS), Prompt(start=START, stop=1, max_length=2)
    state = model.first_state(BATCH)
    with pytest.raises(ValueError, match="width: expected at least 1, got 0"):
        beam_search(model, state, prompt, width=0)
    for penalty in (-0.5, math.nan, math.inf):
        with pytest.raises(ValueError, match="length_penalty: expected 0 or more, got"):
            beam_search(model, state, prompt, width=2, length_penalty=penalty)
