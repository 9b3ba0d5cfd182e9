"""The conditional random field against a list of all paths."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.testing import assert_close

from rnndsl.runtime.losses.crf import LinearChainCRF

TAGS, STEPS = 3, 4
LENGTHS = torch.tensor([4, 1, 0, 3, 2])
BATCH = len(LENGTHS)


def random_crf(tags: int = TAGS) -> LinearChainCRF:
    crf = LinearChainCRF(tags, dtype=torch.float64)
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    return crf


def random_scores(steps: int = STEPS, batch: int = BATCH, tags: int = TAGS) -> Tensor:
    return torch.randn(steps, batch, tags, dtype=torch.float64)


def path_score(crf: LinearChainCRF, scores: Tensor, path: tuple[int, ...]) -> float:
    """Of one sequence's scores (T, K)."""
    total = crf.start[path[0]] + crf.end[path[-1]]
    for step, tag in enumerate(path):
        total = total + scores[step, tag]
    for one, next_one in itertools.pairwise(path):
        total = total + crf.transitions[one, next_one]
    return total.item()


def all_paths(crf: LinearChainCRF, scores: Tensor) -> dict[tuple[int, ...], float]:
    paths = itertools.product(range(crf.num_tags), repeat=len(scores))
    return {path: path_score(crf, scores, path) for path in paths}


def test_likelihood_of_every_path() -> None:
    crf, scores = random_crf(), random_scores()
    for row, length in enumerate(LENGTHS.tolist()):
        if length == 0:
            continue
        scored = all_paths(crf, scores[:length, row])
        total = math.fsum(math.exp(score) for score in scored.values())
        for path, score in scored.items():
            tags = torch.randint(TAGS, (STEPS, BATCH))
            tags[:length, row] = torch.tensor(path)
            actual = crf.log_likelihood(scores, tags, LENGTHS)
            assert actual[row].item() == pytest.approx(score - math.log(total))


def test_decode_finds_the_best_of_all_paths() -> None:
    crf, scores = random_crf(), random_scores()
    tags, best = crf.decode(scores, LENGTHS, padding=-100)
    assert tags.dtype == torch.int64
    for row, length in enumerate(LENGTHS.tolist()):
        expected = [-100] * STEPS
        value = 0.0
        if length:
            scored = all_paths(crf, scores[:length, row])
            path = max(scored, key=scored.__getitem__)
            value, expected[:length] = scored[path], path
        assert tags[:, row].tolist() == expected
        assert best[row].item() == pytest.approx(value)


def test_decode_of_equal_paths_takes_low_tags() -> None:
    crf = LinearChainCRF(TAGS)
    tags, score = crf.decode(torch.zeros(STEPS, 2, TAGS))
    assert tags.tolist() == [[0, 0]] * STEPS
    assert score.tolist() == [0.0, 0.0]


def test_without_lengths_all_steps_count() -> None:
    crf, scores = random_crf(), random_scores()
    tags = torch.randint(TAGS, (STEPS, BATCH))
    full = torch.full((BATCH,), STEPS)
    actual = crf.log_likelihood(scores, tags)
    assert torch.equal(actual, crf.log_likelihood(scores, tags, full))
    scored = all_paths(crf, scores[:, 0])
    total = math.fsum(math.exp(score) for score in scored.values())
    expected = scored[tuple(tags[:, 0].tolist())] - math.log(total)
    assert actual[0].item() == pytest.approx(expected)
    assert torch.equal(crf.decode(scores)[0], crf.decode(scores, full)[0])


def test_fresh_parameters_make_tags_independent() -> None:
    crf, scores = LinearChainCRF(TAGS).double(), random_scores()
    tags = torch.randint(TAGS, (STEPS, BATCH))
    each = scores.log_softmax(2).gather(2, tags.unsqueeze(2)).sum((0, 2))
    assert_close(crf.log_likelihood(scores, tags), each)
    assert torch.equal(crf.decode(scores)[0], scores.argmax(2))


def test_one_step_and_one_tag() -> None:
    crf, scores = random_crf(), random_scores(steps=1)
    tags = torch.randint(TAGS, (1, BATCH))
    expected = (scores[0] + crf.start + crf.end).log_softmax(1)
    expected = expected.gather(1, tags.t()).squeeze(1)
    assert_close(crf.log_likelihood(scores, tags), expected)
    single = random_crf(tags=1)
    zeros = torch.zeros(STEPS, BATCH, dtype=torch.long)
    scores = random_scores(tags=1)
    assert_close(single.log_likelihood(scores, zeros), scores.new_zeros(BATCH))
    assert torch.equal(single.decode(scores)[0], zeros)


def test_empty_batch() -> None:
    crf, scores = random_crf(), random_scores(batch=0)
    tags = torch.zeros(STEPS, 0, dtype=torch.long)
    lengths = torch.zeros(0, dtype=torch.long)
    assert crf.log_likelihood(scores, tags, lengths).shape == (0,)
    decoded, best = crf.decode(scores, lengths)
    assert decoded.shape == (STEPS, 0)
    assert best.shape == (0,)


def test_gradients() -> None:
    crf, scores = random_crf(), random_scores().requires_grad_()
    tags = torch.randint(TAGS, (STEPS, BATCH))
    names = [name for name, _ in crf.named_parameters()]

    def likelihood(scores: Tensor, *parameters: Tensor) -> Tensor:
        given = dict(zip(names, parameters, strict=True))
        return functional_call(crf, given, (scores, tags, LENGTHS))

    arguments = (scores, *crf.parameters())
    assert torch.autograd.gradcheck(likelihood, arguments)
    assert torch.autograd.gradgradcheck(likelihood, arguments)


def test_padding_reaches_nothing() -> None:
    crf, clean = random_crf(), random_scores()
    padding = torch.arange(STEPS).unsqueeze(1) >= LENGTHS
    tags = torch.randint(TAGS, (STEPS, BATCH))
    results = []
    for value, tag in ((0.0, 0), (math.nan, -100)):
        scores = clean.masked_fill(padding.unsqueeze(2), value).requires_grad_()
        crf.zero_grad()
        likelihood = crf.log_likelihood(scores, tags.masked_fill(padding, tag), LENGTHS)
        likelihood.sum().backward()
        gradients = [parameter.grad for parameter in crf.parameters()]
        decoded = crf.decode(scores, LENGTHS)
        results.append([likelihood, scores.grad, *gradients, *decoded])
    for expected, actual in zip(*results, strict=True):
        assert torch.isfinite(actual).all()
        assert torch.equal(actual, expected)


def test_a_row_that_is_not_a_number_stays_alone() -> None:
    crf, scores = random_crf(), random_scores()
    tags = torch.randint(TAGS, (STEPS, BATCH))
    expected = crf.log_likelihood(scores, tags)
    decoded, _ = crf.decode(scores)
    scores[1, 2] = math.nan
    others = [0, 1, 3, 4]
    assert torch.equal(crf.log_likelihood(scores, tags)[others], expected[others])
    assert torch.equal(crf.decode(scores)[0][:, others], decoded[:, others])


def test_forbidden_transitions() -> None:
    crf, scores = random_crf(), random_scores().requires_grad_()
    with torch.no_grad():
        crf.transitions[0, 1] = -torch.inf
        crf.start[2] = -torch.inf
    tags, _ = crf.decode(scores)
    assert not ((tags[:-1] == 0) & (tags[1:] == 1)).any()
    assert not (tags[0] == 2).any()
    likelihood = crf.log_likelihood(scores, tags)
    scored = all_paths(crf, scores[:, 3])
    total = math.fsum(math.exp(score) for score in scored.values())
    expected = max(scored.values()) - math.log(total)
    assert likelihood[3].item() == pytest.approx(expected)
    likelihood.sum().backward()
    assert torch.isfinite(scores.grad).all()
    assert torch.isfinite(crf.transitions.grad).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    crf, scores = random_crf().to(dtype), random_scores().to(dtype)
    tags = torch.randint(TAGS, (STEPS, BATCH))
    actual = crf.log_likelihood(scores, tags, LENGTHS)
    expected = crf.double().log_likelihood(scores.double(), tags, LENGTHS)
    assert actual.dtype == torch.float32
    assert_close(actual.double(), expected, atol=1e-5, rtol=1e-5)


def test_long_sequences_neither_overflow_nor_vanish() -> None:
    crf, scores = random_crf().float(), 50 * torch.randn(400, 2, TAGS)
    tags, _ = crf.decode(scores)
    likelihood = crf.log_likelihood(scores, tags)
    assert torch.isfinite(likelihood).all()
    assert (likelihood <= 1e-2).all()


def test_traced_by_vmap() -> None:
    crf = random_crf()
    scores = torch.randn(2, STEPS, BATCH, TAGS, dtype=torch.float64)
    tags = torch.randint(TAGS, (2, STEPS, BATCH))
    actual = torch.vmap(crf.log_likelihood)(scores, tags)
    expected = [crf.log_likelihood(*pair) for pair in zip(scores, tags, strict=True)]
    assert_close(actual, torch.stack(expected))


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="num_tags: expected at least 1, got 0"):
        LinearChainCRF(0)
    crf, scores = random_crf(), random_scores()
    tags = torch.zeros(STEPS, BATCH, dtype=torch.long)
    expected = r"scores: expected size \(T, B, 3\) of at least one step, got "
    for wrong in (scores[:0], scores[0], random_scores(tags=4)):
        with pytest.raises(ValueError, match=expected):
            crf.decode(wrong)
    with pytest.raises(ValueError, match=r"floating-point dtype, got torch.int64"):
        crf.decode(scores.long())
    with pytest.raises(ValueError, match=r"tags: expected size \(4, 5\).*got \(5, 4\)"):
        crf.log_likelihood(scores, tags.t())
    with pytest.raises(ValueError, match=r"of integers, got .* of torch.float64"):
        crf.log_likelihood(scores, tags.double())
    tags[3, 1] = 3
    with pytest.raises(ValueError, match="tags: expected 0 to 2, got 0 to 3"):
        crf.log_likelihood(scores, tags)
    assert crf.log_likelihood(scores, tags, LENGTHS).shape == (BATCH,)
    with pytest.raises(ValueError, match="lengths: expected 0 to 4"):
        crf.decode(scores, LENGTHS + 1)
