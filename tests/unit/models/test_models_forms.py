"""Packed sequences and single ones: the results have the form of the inputs."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from model_cases import (
    CASES,
    ENGINES,
    LENGTHS,
    ROWS,
    STEPS,
    STREAMING,
    Case,
    flat,
    gradients,
    random_like,
)
from model_specs import model
from torch import Tensor
from torch.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pad_packed_sequence,
)
from torch.testing import assert_close
from torch.utils._pytree import tree_map

cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
streaming = pytest.mark.parametrize("case", STREAMING, ids=lambda case: case.name)


def packed(x: Tensor) -> PackedSequence:
    return pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False)


@cases
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch_first", [False, True])
def test_packed_sequences_are_rows_of_these_lengths(
    case: Case, engine: str, batch_first: bool
) -> None:
    ours, plain = case.pair()
    ours.engine, ours.batch_first = engine, batch_first
    x, lengths = case.input(), torch.tensor(LENGTHS)
    state = random_like(ours.initial_state(ROWS))
    expected, last = plain(x, lengths=lengths, state=state)
    given = packed(x)
    output, found = ours(given, state=state)
    assert_close(flat(found), flat(last), rtol=1e-12, atol=1e-12)
    if ours.specification.exchange == "many_to_many":
        assert isinstance(output, PackedSequence)
        assert torch.equal(output.batch_sizes, given.batch_sizes)
        output = pad_packed_sequence(output, total_length=STEPS)[0]
        expected = expected * (torch.arange(STEPS)[:, None, None] < lengths[:, None])
    assert_close(output, expected, rtol=1e-12, atol=1e-12)
    leaves = [x] if x.requires_grad else []
    wanted = dict(plain.named_parameters())
    others = [wanted[name] for name, _ in ours.named_parameters()]
    assert_close(
        gradients((output, found), [*leaves, *ours.parameters()]),
        gradients((expected, last), [*leaves, *others]),
    )


@pytest.mark.parametrize("lengths", [(6, 6, 6), (6, 4, 4), (1,)])
def test_packed_sequences_that_are_sorted_keep_their_order(
    lengths: tuple[int, ...],
) -> None:
    tagger = model("tagger", 11, 3)
    words = torch.randint(11, (lengths[0], len(lengths)))
    given = pack_padded_sequence(words, torch.tensor(lengths))
    output, _ = tagger(given)
    assert output.sorted_indices is None
    expected, _ = tagger(words, lengths=torch.tensor(lengths))
    assert_close(pad_packed_sequence(output)[0], expected)


def test_several_inputs_are_packed_alike() -> None:
    timed = model("timed", 3)
    x = torch.rand(STEPS, ROWS, 3, dtype=torch.float64)
    dt = torch.rand(STEPS, ROWS, dtype=torch.float64)
    output, last = timed(packed(x), packed(dt))
    expected, wanted = timed(x, dt, lengths=torch.tensor(LENGTHS))
    assert_close(pad_packed_sequence(output, total_length=STEPS)[0], expected)
    assert_close(flat(last), flat(wanted))
    with pytest.raises(TypeError, match="dt: expected a PackedSequence, as x is"):
        timed(packed(x), dt)
    with pytest.raises(RuntimeError, match="dt: expected the batch sizes"):
        timed(packed(x), pack_padded_sequence(dt, torch.full((5,), 6)))
    with pytest.raises(TypeError, match=r"dt: expected a torch.Tensor, got torch.nn"):
        timed(x, packed(dt))


def test_losses_of_packed_outputs() -> None:
    tagger = model("tagger", 11, 3)
    words, lengths = torch.randint(11, (STEPS, ROWS)), torch.tensor(LENGTHS)
    target = words % 3
    output, _ = tagger(packed(words))
    loss = tagger.loss(output.data, packed(target).data)
    expected = tagger.loss(tagger(words, lengths=lengths)[0], target, lengths=lengths)
    assert_close(loss, expected)


@pytest.mark.parametrize(
    ("name", "options", "kind", "message"),
    [
        ("last", {"lengths": torch.tensor(LENGTHS)}, ValueError, "lengths: a Packed"),
        ("last", {"mask": torch.ones(6, 5).bool()}, ValueError, "mask: a PackedSeq"),
        ("once", {}, TypeError, "x: expected a torch.Tensor, one step, got a Packed"),
    ],
)
def test_packed_sequences_have_lengths_of_their_own(
    name: str, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    x = torch.zeros(STEPS, ROWS, 3, dtype=torch.float64)
    with pytest.raises(kind, match=re.escape(message)):
        model(name, 3, 4)(packed(x), **options)


@cases
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch_first", [False, True])
def test_a_single_sequence_is_a_batch_of_one(
    case: Case, engine: str, batch_first: bool
) -> None:
    ours, _ = case.pair()
    ours.engine, ours.batch_first = engine, batch_first
    x = case.input(rows=1)
    single = x.detach().squeeze(1).requires_grad_(x.requires_grad)
    state = random_like(ours.initial_state(1))
    without = tree_map(lambda value: value.squeeze(1), state)
    given = x.transpose(0, 1) if batch_first else x
    expected, last = ours(given, state=state)
    output, found = ours(single, state=without)
    has_time = ours.specification.exchange == "many_to_many"
    axis = 1 if has_time and not batch_first else 0
    assert_close(output, expected.squeeze(axis), rtol=0, atol=0)
    wanted = tree_map(lambda value: value.squeeze(1), last)
    assert_close(flat(found), flat(wanted), rtol=0, atol=0)
    begun = ours(single)[0]
    assert_close(begun, ours(given)[0].squeeze(axis), rtol=0, atol=0)
    leaves = list(ours.parameters())
    own, other = ([x], [single]) if x.requires_grad else ([], [])
    found_gradients = gradients((output, found), [*other, *leaves])
    wanted_gradients = gradients((expected, last), [*own, *leaves])
    for one, two in zip(found_gradients, wanted_gradients, strict=True):
        assert_close(one, two.reshape(one.shape))


def test_a_single_sequence_has_a_mask_and_no_lengths() -> None:
    tagger = model("tagger", 11, 3)
    words, mask = torch.randint(11, (STEPS,)), torch.tensor([1, 0, 1, 1, 0, 1]).bool()
    output, _ = tagger(words, mask=mask)
    assert_close(output[mask], tagger(words[mask])[0])
    assert not output[~mask].any()
    loss = tagger.loss(output, words % 3, mask=mask)
    assert_close(loss, tagger.loss(output[mask], words[mask] % 3))
    with pytest.raises(RuntimeError, match="lengths: expected a batch of sequences"):
        tagger(words, lengths=torch.tensor([3]))
    with pytest.raises(RuntimeError, match=re.escape("mask: expected size (6,), one")):
        tagger(words, mask=mask[:4])


def test_inputs_of_a_single_sequence_have_as_many_steps() -> None:
    x = torch.zeros(STEPS, 3, dtype=torch.float64)
    with pytest.raises(RuntimeError, match="dt: expected 6 steps, as x has, got 4"):
        model("timed", 3)(x, x[:4, 0])
    with pytest.raises(ValueError, match="dt: expected a 1-D tensor, got 2-D"):
        model("timed", 3)(x, x)


@streaming
@pytest.mark.parametrize("batch_first", [False, True])
def test_steps_of_a_single_sequence(case: Case, batch_first: bool) -> None:
    ours, _ = case.pair()
    ours.batch_first = batch_first
    x = case.input(rows=1).squeeze(1)
    whole, last = ours(x)
    state: Any = None
    outputs = []
    for t in range(STEPS):
        output, state = ours.step(x[t], state=state)
        outputs.append(output)
    assert_close(flat(state), flat(last))
    assert_close(torch.stack(outputs) if whole.dim() == 2 else outputs[-1], whole)


def test_one_step_alone() -> None:
    once = model("once", 3, 4)
    x = torch.rand(3, dtype=torch.float64)
    output, (h,) = once(x)
    expected, (wanted,) = once(x.unsqueeze(0))
    assert_close(output, expected[0])
    assert_close(h, wanted[:, 0])
    assert_close(once.step(x, state=(h,))[0], once(x, state=(h,))[0])
