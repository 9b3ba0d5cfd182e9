"""Losses over whole sequences, over many classes, and sums in place of means."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from model_cases import LENGTHS, ROWS, STEPS
from model_specs import model
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close

COUNTED = [(t, b) for b, length in enumerate(LENGTHS) for t in range(length)]
RAGGED = torch.tensor(LENGTHS)
ORDERS = pytest.mark.parametrize("batch_first", [False, True])


def built(name: str, *sizes: int, batch_first: bool = False) -> Any:
    """A model with random parameters."""
    ours = model(name, *sizes, batch_first=batch_first)
    for parameter in ours.parameters():
        torch.nn.init.normal_(parameter)
    return ours


def outputs(width: int) -> Tensor:
    return torch.randn(STEPS, ROWS, width, dtype=torch.float64, requires_grad=True)


def laid(values: Tensor, batch_first: bool) -> Tensor:
    return values.transpose(0, 1) if batch_first else values


def paths_of(crf: Any, scores: Tensor) -> dict[tuple[int, ...], Tensor]:
    """The score of every path of one row's scores (T, K)."""
    found = {}
    for path in itertools.product(range(scores.shape[1]), repeat=scores.shape[0]):
        score = crf.start[path[0]] + crf.end[path[-1]]
        score = score + torch.stack([scores[t, k] for t, k in enumerate(path)]).sum()
        for one, other in itertools.pairwise(path):
            score = score + crf.transitions[one, other]
        found[path] = score
    return found


@ORDERS
@pytest.mark.parametrize("name", ["crf", "summed_crf"])
def test_random_fields(name: str, batch_first: bool) -> None:
    ours = built(name, 9, 3, batch_first=batch_first)
    output, target = outputs(3), torch.randint(3, (STEPS, ROWS))
    each, best = [], torch.zeros_like(target)
    for row, length in enumerate(LENGTHS):
        scored = paths_of(ours.crf, output[:length, row])
        taken = scored[tuple(target[:length, row].tolist())]
        each.append(torch.stack(list(scored.values())).logsumexp(0) - taken)
        winner = max(scored, key=lambda path: scored[path].item())
        best[:length, row] = torch.tensor(winner)
    total = torch.stack(each).sum()
    expected = total if name == "summed_crf" else total / ROWS
    bad, spoilt = target.clone(), output.detach().clone()
    for row, length in enumerate(LENGTHS):
        bad[length:, row] = -7
        spoilt[length:, row] = float("nan")
    spoilt.requires_grad_()
    given = laid(spoilt, batch_first)
    result = ours.loss(given, laid(bad, batch_first), lengths=RAGGED)
    assert_close(result, expected, rtol=1e-12, atol=1e-12)
    leaves = list(ours.crf.parameters())
    wanted = torch.autograd.grad(expected, [output, *leaves])
    assert_close(torch.autograd.grad(result, [spoilt, *leaves]), wanted)
    assert torch.equal(ours.predict(given, RAGGED), laid(best, batch_first))
    full = ours.predict(laid(output, batch_first))
    assert full.shape == laid(target, batch_first).shape


@ORDERS
@pytest.mark.parametrize("name", ["ctc", "summed_ctc"])
def test_alignments(name: str, batch_first: bool) -> None:
    blank = 2 if name == "ctc" else 0
    sizes = (3,) if name == "ctc" else (3, 5)
    ours = built(name, *sizes, batch_first=batch_first)
    output, counts = outputs(5), torch.tensor([2, 1, 3, 1, 2])
    symbols = torch.tensor([k for k in range(5) if k != blank])
    target = symbols[torch.randint(4, (3, ROWS))]
    target[1:] = torch.where(target[1:] == target[:-1], symbols[0], target[1:])
    target[1] = torch.where(target[1] == target[0], symbols[1], target[1])
    target[2] = torch.where(target[2] == target[1], symbols[3], target[2])
    each = [
        functional.ctc_loss(
            output[:length, row : row + 1].log_softmax(-1),
            target[:count, row : row + 1].t(),
            torch.tensor([length]),
            torch.tensor([count]),
            blank=blank,
            reduction="sum",
        )
        for row, (length, count) in enumerate(zip(LENGTHS, counts, strict=True))
    ]
    total = torch.stack(each).sum()
    expected = total if name == "summed_ctc" else total / ROWS
    result = ours.loss(
        laid(output, batch_first),
        laid(target, batch_first),
        lengths=RAGGED,
        target_lengths=counts,
    )
    assert result.isfinite()
    assert_close(result, expected, rtol=1e-12, atol=1e-12)
    wanted = torch.autograd.grad(expected, output)
    assert_close(torch.autograd.grad(result, output), wanted)
    read, number = ours.predict(laid(output, batch_first), RAGGED)
    for row, length in enumerate(LENGTHS):
        best = output[:length, row].argmax(-1).tolist()
        merged = [k for k, _ in itertools.groupby(best) if k != blank]
        padded = [*merged, *[blank] * (STEPS - len(merged))]
        assert laid(read, batch_first)[:, row].tolist() == padded
        assert number[row] == len(merged)


def test_targets_that_are_too_long() -> None:
    ours, output = built("summed_ctc", 3, 5), outputs(5)
    target, lengths = torch.ones(STEPS, ROWS).long(), torch.tensor([STEPS, 6, 6, 6, 6])
    counts = torch.tensor([STEPS, 1, 1, 1, 1])  # equal symbols need blanks between them
    result = ours.loss(output, target, lengths=lengths, target_lengths=counts)
    others = ours.loss(
        output[:, 1:], target[:, 1:], lengths=lengths[1:], target_lengths=counts[1:]
    )
    assert_close(result, others, rtol=1e-12, atol=1e-12)
    (gradient,) = torch.autograd.grad(result, output)
    assert not gradient[:, 0].any()
    assert gradient[:, 1:].any((0, 2)).all()
    strict = built("ctc", 3)
    target = target.masked_fill(target == 2, 3)
    assert strict.loss(output, target, target_lengths=counts).isposinf()


def log_p(softmax: Any, output: Tensor) -> Tensor:
    """Of every class of an adaptive softmax, cluster by cluster."""
    shown = functional.linear(output, softmax.head.weight).log_softmax(-1)
    parts = [shown[..., :4]]
    for index, tail in enumerate(softmax.tail):
        inside = tail[1].weight @ (tail[0].weight @ output.unsqueeze(-1))
        cluster = shown[..., 4 + index].unsqueeze(-1)
        parts.append(cluster + inside.squeeze(-1).log_softmax(-1))
    return torch.cat(parts, -1)


@ORDERS
def test_adaptive_softmax(batch_first: bool) -> None:
    ours = built("adaptive", 11, batch_first=batch_first)
    output, target = outputs(16), torch.randint(11, (STEPS, ROWS))
    target[0, 2] = target[3, 0] = -1
    every = log_p(ours.adaptive_softmax, output)
    each = [-every[t, b, target[t, b]] for t, b in COUNTED if target[t, b] != -1]
    assert len(each) == sum(LENGTHS) - 2
    expected = torch.stack(each).mean()
    bad, spoilt = target.clone(), output.detach().clone()
    for row, length in enumerate(LENGTHS):
        bad[length:, row] = 90
        spoilt[length:, row] = float("nan")
    spoilt.requires_grad_()
    given = laid(spoilt, batch_first)
    result = ours.loss(given, laid(bad, batch_first), lengths=RAGGED)
    assert_close(result, expected, rtol=1e-12, atol=1e-12)
    leaves = list(ours.adaptive_softmax.parameters())
    wanted = torch.autograd.grad(expected, [output, *leaves], retain_graph=True)
    assert_close(torch.autograd.grad(result, [spoilt, *leaves]), wanted)
    predicted = ours.predict(laid(output, batch_first))
    assert_close(predicted, laid(every, batch_first).exp())


def test_adaptive_softmax_of_whole_sequences() -> None:
    ours = built("adaptive_once", 3, 9)
    output = torch.randn(ROWS, 16, dtype=torch.float64)
    target = torch.randint(9, (ROWS,))
    every = log_p(ours.adaptive_softmax, output)
    expected = -every.gather(1, target.unsqueeze(1)).sum()
    assert_close(ours.loss(output, target), expected, rtol=1e-12, atol=1e-12)
    assert ours.predict(output[:0]).shape == (0, 9)
    assert ours.loss(output[:0], target[:0]) == 0
    with pytest.raises(ValueError, match="target: expected classes, whole numbers"):
        ours.loss(output, target.double())
    with pytest.raises(RuntimeError, match=r"target: expected size \(5,\)"):
        ours.loss(output, target[:3])


@pytest.mark.parametrize("name", ["cross_entropy", "binary", "mse", "mae"])
@ORDERS
def test_sums(name: str, batch_first: bool) -> None:
    ours = built(f"summed_{name}", 3, 4, batch_first=batch_first)
    output = outputs(4)
    target = torch.rand_like(output).round()
    if name == "cross_entropy":
        target = torch.randint(4, (STEPS, ROWS))
    total = output.new_zeros(())
    for t, b in COUNTED:
        one, wanted = output[t, b], target[t, b]
        if name == "cross_entropy" and wanted != 1:
            share = functional.one_hot(wanted, 4).double() * 0.9 + 0.1 / 4
            total = total - (share * one.log_softmax(-1)).sum()
        if name == "binary":
            p = one.sigmoid()
            total = total - (wanted * p.log() + (1 - wanted) * (1 - p).log()).sum()
        if name == "mse":
            total = total + (one - wanted).square().sum()
        if name == "mae":
            total = total + (one - wanted).abs().sum()
    given, aim = laid(output, batch_first), laid(target, batch_first)
    result = ours.loss(given, aim, lengths=RAGGED)
    assert_close(result, total, rtol=1e-12, atol=1e-12)
    full = torch.full((ROWS,), STEPS)
    assert_close(ours.loss(given, aim), ours.loss(given, aim, lengths=full))


def test_softmax_as_a_map() -> None:
    ours = built("softmax", 3)
    x = torch.randn(STEPS, ROWS, 3, dtype=torch.float64)
    output, _ = ours(x, lengths=RAGGED)
    shares = ours.map_1(x).exp()
    features, _ = ours.layer_1(shares / shares.sum(-1, keepdim=True), lengths=RAGGED)
    scores = ours.head(features)
    expected = scores - scores.exp().sum(-1, keepdim=True).log()
    for t, b in COUNTED:
        assert_close(output[t, b], expected[t, b], rtol=1e-12, atol=1e-12)
    assert not output[4:, 0].any()


@ORDERS
@pytest.mark.parametrize("name", ["crf", "ctc"])
def test_masked_steps_are_no_part_of_a_sequence(name: str, batch_first: bool) -> None:
    ours = built(name, *((9, 5) if name == "crf" else (3,)), batch_first=batch_first)
    output, mask = outputs(5), torch.rand(STEPS, ROWS) < 0.7
    mask[2:4], mask[1, 0], mask[3, 1] = True, False, False
    target, counts = torch.randint(5, (STEPS, ROWS)), torch.tensor([1, 1, 1, 1, 1])
    more: dict[str, Any] = {}
    if name == "ctc":
        target = torch.tensor([[0, 1, 3, 4, 0]])
        more = {"target_lengths": counts}
    each: list[Tensor] = []
    read = torch.full((STEPS, ROWS), 0 if name == "crf" else 2)
    ours.batch_first = False
    for row in range(ROWS):
        steps = mask[:, row]
        single = output[steps, row]
        wanted = target[steps, row] if name == "crf" else target[:, row]
        own = {key: value[row : row + 1] for key, value in more.items()}
        each.append(ours.loss(single, wanted, **own))
        if name == "crf":
            read[steps, row] = ours.predict(single)
        else:
            symbols, number = ours.predict(single)
            assert number.shape == ()
            read[: len(symbols), row] = symbols
    ours.batch_first = batch_first
    spoilt = output.detach().clone()
    spoilt[~mask] = float("nan")
    given, kept = laid(spoilt, batch_first), laid(mask, batch_first)
    loss = ours.loss(given, laid(target, batch_first), mask=kept, **more)
    assert_close(loss, torch.stack(each).mean(), rtol=1e-12, atol=1e-12)
    predicted = ours.predict(given, mask=kept)
    predicted = predicted if name == "crf" else predicted[0]
    assert torch.equal(laid(predicted, batch_first), read)
