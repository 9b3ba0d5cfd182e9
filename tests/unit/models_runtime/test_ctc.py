"""Connectionist temporal classification against a list of all alignments."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from rnndsl.runtime.losses.ctc import ctc_best_path, ctc_negative_log_likelihood

SYMBOLS, STEPS = 3, 4
LENGTHS = torch.tensor([4, 3, 0, 2])
TARGET_LENGTHS = torch.tensor([2, 0, 0, 2])
BATCH = len(LENGTHS)


def outcome(alignment: tuple[int, ...], blank: int) -> tuple[int, ...]:
    return tuple(s for s, _ in itertools.groupby(alignment) if s != blank)


def likelihoods(scores: Tensor, blank: int) -> dict[tuple[int, ...], float]:
    """Of each target, from one sequence's scores (T, K)."""
    p = scores.softmax(1).tolist()
    found: dict[tuple[int, ...], float] = {}
    for alignment in itertools.product(range(SYMBOLS), repeat=len(p)):
        target = outcome(alignment, blank)
        each = math.prod(p[step][symbol] for step, symbol in enumerate(alignment))
        found[target] = found.get(target, 0.0) + each
    return found


def padded(rows: list[tuple[int, ...]], steps: int, padding: int) -> Tensor:
    whole = [[*row, *[padding] * (steps - len(row))] for row in rows]
    return torch.tensor(whole).t()


@pytest.mark.parametrize("blank", [0, 2])
def test_likelihood_of_every_target(blank: int) -> None:
    scores = torch.randn(STEPS, BATCH, SYMBOLS, dtype=torch.float64)
    for row, length in enumerate(LENGTHS.tolist()):
        for target, p in likelihoods(scores[:length, row], blank).items():
            targets = torch.full((STEPS, BATCH), -100)
            targets[: len(target), row] = torch.tensor(target, dtype=torch.long)
            target_lengths = torch.zeros(BATCH, dtype=torch.long)
            target_lengths[row] = len(target)
            actual = ctc_negative_log_likelihood(
                scores, targets, LENGTHS, target_lengths, blank=blank
            )
            assert actual[row].item() == pytest.approx(-math.log(p), abs=1e-12)


def test_padding_reaches_nothing() -> None:
    clean = torch.randn(STEPS, BATCH, SYMBOLS, dtype=torch.float64)
    padding = torch.arange(STEPS).unsqueeze(1) >= LENGTHS
    results = []
    for value, symbol in ((0.0, 1), (math.nan, -100)):
        scores = clean.masked_fill(padding.unsqueeze(2), value).requires_grad_()
        targets = padded([(1, 2), (), (), (2, 1)], 3, symbol)
        each = ctc_negative_log_likelihood(scores, targets, LENGTHS, TARGET_LENGTHS)
        each.sum().backward()
        results.append([each, scores.grad, *ctc_best_path(scores, LENGTHS)])
    for expected, actual in zip(*results, strict=True):
        assert torch.isfinite(actual).all()
        assert torch.equal(actual, expected)


def test_gradients() -> None:
    scores = torch.randn(STEPS, BATCH, SYMBOLS, dtype=torch.float64).requires_grad_()
    targets = padded([(1, 2), (), (), (2, 1)], 2, 0)

    def loss(scores: Tensor) -> Tensor:
        return ctc_negative_log_likelihood(scores, targets, LENGTHS, TARGET_LENGTHS)

    assert torch.autograd.gradcheck(loss, (scores,))


def test_targets_without_alignment() -> None:
    scores = torch.randn(2, 2, SYMBOLS, requires_grad=True)
    targets = torch.tensor([[1, 1], [1, 2]])
    each = ctc_negative_log_likelihood(scores, targets)
    assert each[0].item() == math.inf
    assert math.isfinite(each[1].item())
    each = ctc_negative_log_likelihood(scores, targets, zero_infinity=True)
    assert each[0].item() == 0
    each.sum().backward()
    assert not scores.grad[:, 0].any()
    assert torch.isfinite(scores.grad).all()


@pytest.mark.parametrize("blank", [0, 1])
def test_best_path(blank: int) -> None:
    alignments = list(itertools.product(range(SYMBOLS), repeat=STEPS))
    best = torch.tensor(alignments).t()
    scores = 5.0 * torch.nn.functional.one_hot(best, SYMBOLS)
    lengths = torch.arange(len(alignments)) % (STEPS + 1)
    symbols, counts = ctc_best_path(scores, lengths, blank=blank)
    assert symbols.shape == best.shape
    for row, alignment in enumerate(alignments):
        expected = outcome(alignment[: lengths[row]], blank)
        assert counts[row] == len(expected)
        filled = [*expected, *[blank] * (STEPS - len(expected))]
        assert symbols[:, row].tolist() == filled


def test_empty_batch_and_one_step() -> None:
    none = torch.zeros(0, dtype=torch.long)
    scores, targets = torch.zeros(STEPS, 0, SYMBOLS), torch.zeros(2, 0).long()
    each = ctc_negative_log_likelihood(scores, targets, none, none)
    assert each.shape == (0,)
    assert [part.shape for part in ctc_best_path(scores)] == [(STEPS, 0), (0,)]
    scores = torch.randn(1, 1, SYMBOLS)
    each = ctc_negative_log_likelihood(scores, torch.tensor([[2]]))
    assert_close(each[0], -scores.log_softmax(2)[0, 0, 2])


def test_half_precision_is_computed_in_float32() -> None:
    scores = torch.randn(STEPS, 2, SYMBOLS).bfloat16()
    targets = torch.tensor([[1, 2]])
    each = ctc_negative_log_likelihood(scores, targets)
    assert each.dtype == torch.float32
    assert_close(each, ctc_negative_log_likelihood(scores.float(), targets))


def test_wrong_arguments() -> None:
    scores, targets = torch.zeros(STEPS, 2, SYMBOLS), torch.ones(1, 2).long()
    with pytest.raises(ValueError, match=r"\(T, B, K\) of at least one step"):
        ctc_best_path(scores[:0])
    with pytest.raises(ValueError, match=r"got \(4, 2, 3\) of torch.int64"):
        ctc_best_path(scores.long())
    with pytest.raises(ValueError, match="blank: expected 0 to 2, got 3"):
        ctc_best_path(scores, blank=3)
    with pytest.raises(ValueError, match=r"targets: expected size \(S, 2\).*\(2, 1\)"):
        ctc_negative_log_likelihood(scores, targets.t())
    with pytest.raises(ValueError, match=r"of integers, got .* of torch.float32"):
        ctc_negative_log_likelihood(scores, targets.float())
    with pytest.raises(ValueError, match="lengths: expected 0 to 1"):
        ctc_negative_log_likelihood(scores, targets, None, torch.tensor([1, 2]))
