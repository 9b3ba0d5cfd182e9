"""Convolutions and losses of sequences with masks, alone, packed, and with no rows."""

from __future__ import annotations

import pytest
import torch
from model_cases import LENGTHS, ROWS, STEPS, flat, gradients
from model_specs import model
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

SHAPES = {"video": ((2, 3), (2, 6, 13)), "over_time": ((3,), (3,))}
names = pytest.mark.parametrize("name", SHAPES)
EXACT = {"rtol": 1e-12, "atol": 1e-12}


def sequences(name: str, rows: int = ROWS) -> Tensor:
    return torch.randn(STEPS, rows, *SHAPES[name][1], dtype=torch.float64)


def some_steps() -> Tensor:
    mask = torch.rand(STEPS, ROWS) > 0.4
    mask[2] = True
    return mask


@names
def test_masked_steps_are_as_if_they_were_not_there(name: str) -> None:
    ours, x, mask = model(name, *SHAPES[name][0]), sequences(name), some_steps()
    bad = torch.where(mask[(..., *(None,) * (x.dim() - 2))], x, torch.nan)
    output, _ = ours(bad, mask=mask)
    for row in range(ROWS):
        counted = mask[:, row]
        alone, _ = ours(x[counted][:, row])  # a single sequence, without a batch
        assert_close(output[counted][:, row], alone, **EXACT)
        assert not output[~counted][:, row].any()
    found = gradients(output, list(ours.parameters()))
    assert all(gradient.isfinite().all() for gradient in found)


@names
def test_packed_sequences(name: str) -> None:
    ours, x, lengths = (
        model(name, *SHAPES[name][0]),
        sequences(name),
        torch.tensor(LENGTHS),
    )
    packed, state = ours(pack_padded_sequence(x, lengths, enforce_sorted=False))
    output, last = ours(x, lengths=lengths)
    assert_close(pad_packed_sequence(packed, total_length=STEPS)[0], output, **EXACT)
    assert_close(flat(state), flat(last), **EXACT)


@names
def test_no_rows(name: str) -> None:
    ours = model(name, *SHAPES[name][0])
    output, _ = ours(sequences(name, rows=0))
    assert output.shape[:2] == (STEPS, 0)
    assert not any(g.any() for g in gradients(output, list(ours.parameters())))


def test_a_random_field_of_masked_and_of_single_sequences() -> None:
    ours, mask = model("crf", 9, 3), some_steps()
    for parameter in ours.parameters():
        nn.init.normal_(parameter)
    words, tags = torch.randint(9, (STEPS, ROWS)), torch.randint(3, (STEPS, ROWS))
    output, _ = ours(words, mask=mask)
    path, losses = ours.predict(output, mask=mask), []
    for row in range(ROWS):
        counted = mask[:, row]
        alone, _ = ours(words[counted][:, row])
        losses.append(ours.loss(alone, tags[counted][:, row]))
        assert torch.equal(ours.predict(alone), path[counted][:, row])
        assert not path[~counted][:, row].any()
    expected = torch.stack(losses).mean()
    assert_close(ours.loss(output, tags, mask=mask), expected, **EXACT)


def test_text_of_single_sequences() -> None:
    ours = model("ctc", 3)
    output, _ = ours(torch.randn(STEPS, 3, dtype=torch.float64))
    target = torch.tensor([1, 4])
    batched = ours.loss(output.unsqueeze(1), target.unsqueeze(1))
    assert_close(ours.loss(output, target), batched, **EXACT)
    symbols, count = ours.predict(output)
    assert (symbols.shape, count.shape) == ((STEPS,), ())


def test_adaptive_softmax_of_single_sequences_and_of_single_outputs() -> None:
    ours = model("adaptive", 11)
    output, _ = ours(torch.randint(11, (STEPS,)))
    target = torch.randint(11, (STEPS,))
    batched = ours.loss(output.unsqueeze(1), target.unsqueeze(1))
    assert_close(ours.loss(output, target), batched, **EXACT)
    assert ours.predict(output).shape == (STEPS, 11)
    topic = model("adaptive_once", 3, 9)
    output, _ = topic(torch.randn(STEPS, 3, dtype=torch.float64))
    predicted = topic.predict(output)
    assert_close(predicted.sum(), torch.tensor(1.0, dtype=torch.float64))
    assert_close(topic.loss(output, torch.tensor(8)), -predicted[8].log(), **EXACT)
