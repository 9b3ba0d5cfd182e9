"""Losses: means over what counts."""

from __future__ import annotations

import pytest
import torch
from model_cases import LENGTHS, ROWS, STEPS
from model_specs import model
from torch.nn import functional
from torch.testing import assert_close

COUNTED = [(t, b) for b, length in enumerate(LENGTHS) for t in range(length)]


def outputs(width: int) -> torch.Tensor:
    return torch.randn(STEPS, ROWS, width, dtype=torch.float64, requires_grad=True)


def test_cross_entropy_ignores_a_target_and_the_padding() -> None:
    tagger, output = model("tagger", 9, 4), outputs(4)
    target = torch.randint(4, (STEPS, ROWS))
    target[0, 2] = target[3, 0] = -100
    each = [
        -output[t, b].log_softmax(-1)[target[t, b]]
        for t, b in COUNTED
        if target[t, b] != -100
    ]
    assert len(each) == sum(LENGTHS) - 2
    expected = torch.stack(each).mean()
    result = tagger.loss(output, target, lengths=torch.tensor(LENGTHS))
    assert_close(result, expected)
    wanted = torch.autograd.grad(expected, output, retain_graph=True)
    assert_close(torch.autograd.grad(result, output), wanted)
    small = tagger.loss(output, target.int(), lengths=torch.tensor(LENGTHS))
    assert_close(small, expected)


def test_label_smoothing() -> None:
    once = model("once", 3, 4)
    output = torch.randn(5, 4, dtype=torch.float64)
    target = torch.randint(4, (5,))
    wanted = functional.one_hot(target, 4) * 0.9 + 0.1 / 4
    expected = -(wanted * output.log_softmax(-1)).sum(-1).mean()
    assert_close(once.loss(output, target), expected)


def test_errors_of_values_and_of_labels() -> None:
    lengths = torch.tensor(LENGTHS)
    output = outputs(2)
    target = torch.rand_like(output)
    difference = torch.stack([(output - target)[t, b] for t, b in COUNTED])
    squared = model("stack", 3, 4, 2).loss(output, target, lengths=lengths)
    assert_close(squared, difference.square().mean())
    absolute = model("timed", 3).loss(output, target, lengths=lengths)
    assert_close(absolute, difference.abs().mean())
    binary, output = model("binary", 3), outputs(3)
    labels = torch.randint(2, output.shape)
    p = torch.stack([output.sigmoid()[t, b] for t, b in COUNTED])
    said = torch.stack([labels[t, b] for t, b in COUNTED])
    expected = -(said * p.log() + (1 - said) * (1 - p).log()).mean()
    assert_close(binary.loss(output, labels, lengths=lengths), expected)
    assert_close(binary.loss(output, labels.double(), lengths=lengths), expected)


@pytest.mark.parametrize("name", ["stack", "timed", "binary", "tagger"])
def test_without_padding(name: str) -> None:
    sizes = {"tagger": (9, 3), "stack": (3, 4, 3)}.get(name, (3,))
    ours, output = model(name, *sizes), outputs(3)
    target = torch.rand_like(output)
    if name == "tagger":
        target = target[..., 0].gt(0.5).long()
    full = torch.full((ROWS,), STEPS)
    assert_close(
        ours.loss(output, target, lengths=full),
        ours.loss(output, target),
        rtol=1e-12,
        atol=0,
    )


def test_a_loss_of_sequences_needs_no_lengths() -> None:
    classifier = model("last", 3, 4)
    output, target = torch.randn(5, 4), torch.randint(4, (5,))
    expected = functional.cross_entropy(output, target)
    assert_close(classifier.loss(output, target), expected)
    assert_close(classifier.loss(output, target, lengths=torch.ones(5)), expected)


def test_wrong_targets() -> None:
    tagger, stack = model("tagger", 9, 4), model("stack", 3, 4, 2)
    with pytest.raises(ValueError, match="expected classes, whole numbers"):
        tagger.loss(outputs(4), torch.rand(STEPS, ROWS))
    with pytest.raises(RuntimeError, match=r"target: expected size \(6, 5\), .* \(5,"):
        tagger.loss(outputs(4), torch.ones(ROWS, STEPS).long())
    with pytest.raises(RuntimeError, match=r"target: expected size \(6, 5, 2\)"):
        stack.loss(outputs(2), torch.rand(STEPS, ROWS))


def test_predictions() -> None:
    output = outputs(4)
    predicted = model("tagger", 9, 4).predict(output)
    assert_close(predicted.sum(-1), torch.ones(STEPS, ROWS, dtype=torch.float64))
    assert_close(predicted, output.exp() / output.exp().sum(-1, keepdim=True))
    assert_close(model("binary", 3).predict(output), 1 / (1 + (-output).exp()))
    assert model("stack", 3, 4, 2).predict(output) is output
