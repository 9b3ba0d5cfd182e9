"""Layers that start anew within a sequence, at the steps that a call marks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close
from variant_specs import (
    ENGINES,
    LENGTHS,
    ROWS,
    STEPS,
    build,
    gradients,
    spec,
    vectors,
)

from rnndsl.runtime import ArgumentTypeError, DtypeError, ShapeError

OWN = """
cell Own(I, H):
    input  x: [I]
    state  h: [H] = h0, n: [] = 1
    param  W: [H, I], U: [H, H], h0: [H]
    n[t] = n[t-1] + 1
    h[t] = tanh(W @ x[t] + U @ h[t-1] / n[t])
    output h[t] + n[t-1]

model M(I):
    input x: [I]
    reset
    layer Own(4), bidirectional
"""
SPECS = {
    "lstm": spec("reset", "layer LSTM(4)"),
    "both": spec("reset", "layer LSTM(4), bidirectional"),
    "stack": spec("reset", "layer GRU(4), reverse", "layer parallel(GRU(3), LSTM(2))"),
    "learned": spec("reset", "layer LSTM(4), state learned, bidirectional(sum)"),
    "own": OWN,
}


def marks() -> Tensor:
    """Marks at some steps, (T, B): also at the first, and behind a row's end."""
    marked = torch.zeros(STEPS, ROWS, dtype=torch.bool)
    for step, row in ((2, 0), (0, 1), (1, 1), (5, 1), (3, 2), (0, 2), (2, 3)):
        marked[step, row] = True
    return marked


def in_pieces(model: Any, x: Tensor, marked: Tensor) -> Tensor:
    """The output of a model that is called for each piece between marks, and row."""
    rows = []
    for row, length in enumerate(LENGTHS):
        ends = [t for t in range(1, length) if marked[t, row]]
        pieces = [
            model(x[start:end, row])[0]
            for start, end in zip([0, *ends], [*ends, length], strict=True)
        ]
        whole = torch.cat(pieces)
        rest = whole.new_zeros(STEPS - length, whole.shape[-1])
        rows.append(torch.cat((whole, rest)))
    return torch.stack(rows, 1)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SPECS)
def test_each_piece_is_a_sequence_of_its_own(name: str, engine: str) -> None:
    model = build(SPECS[name], 3)
    model.engine = engine
    x = vectors(3)
    output, _ = model(x, lengths=torch.tensor(LENGTHS), reset=marks())
    wanted = in_pieces(model, x, marks())
    assert_close(output, wanted, rtol=0, atol=1e-12)
    leaves = [x, *model.parameters()]
    for found, other in zip(
        gradients(output, leaves), gradients(wanted, leaves), strict=True
    ):
        assert_close(found, other, rtol=0, atol=1e-11)


@pytest.mark.parametrize("engine", ENGINES)
def test_without_marks_as_the_plain_cell(engine: str) -> None:
    model = build(SPECS["lstm"], 3)
    plain = build(SPECS["lstm"].replace("    reset\n", ""), 3)
    plain.load_state_dict(model.state_dict())
    model.engine = engine
    x = vectors(3)
    state = ((torch.randn(1, ROWS, 4).double(), torch.randn(1, ROWS, 4).double()),)
    for given in (None, state):
        found, wanted = model(x, state=given), plain(x, state=given)
        assert_close(found, wanted, rtol=0, atol=1e-12)


def test_a_mark_at_the_first_step_leaves_the_given_state() -> None:
    model = build(OWN.replace(", bidirectional", ""), 3)
    x = vectors(3)
    state = ((torch.randn(1, ROWS, 4).double(), torch.randn(1, ROWS).double()),)
    marked = torch.zeros(STEPS, ROWS, dtype=torch.bool)
    marked[0, 2] = True
    output, _ = model(x, state=state, reset=marked)
    others = [0, 1, 3]
    assert_close(output[:, others], model(x, state=state)[0][:, others])
    assert_close(output[:, 2], model(x)[0][:, 2], rtol=0, atol=1e-12)


def test_learned_values_are_parameters_of_the_cell() -> None:
    model = build(spec("reset", "layer LSTM(4), state learned"), 3)
    names = dict(model.named_parameters())
    assert {"layer_1.h_first_l0", "layer_1.c_first_l0"} <= set(names)
    (state,) = model.initial_state(2)
    assert_close(state[0][0, 1], names["layer_1.h_first_l0"])
    fresh = type(model)(3)
    assert not fresh.layer_1.h_first_l0.any()
    marked = torch.zeros(STEPS, ROWS, dtype=torch.bool)
    marked[3] = True
    output, _ = model(vectors(3), reset=marked)
    found = torch.autograd.grad(output[3:].sum(), names["layer_1.h_first_l0"])
    assert found[0].abs().min() > 0


def test_in_the_form_of_the_inputs() -> None:
    model = build(SPECS["both"], 3)
    first = build(SPECS["both"], 3, batch_first=True)
    first.load_state_dict(model.state_dict())
    x, lengths, marked = vectors(3), torch.tensor(LENGTHS), marks()
    wanted, _ = model(x, lengths=lengths, reset=marked)
    swapped, _ = first(x.transpose(0, 1), lengths=lengths, reset=marked.t())
    assert_close(swapped.transpose(0, 1), wanted, rtol=0, atol=1e-12)
    x_packed, marks_packed = (
        pack_padded_sequence(value, lengths, enforce_sorted=False)
        for value in (x, marked)
    )
    packed, _ = model(x_packed, reset=marks_packed)
    assert_close(pad_packed_sequence(packed)[0], wanted, rtol=0, atol=1e-12)
    single, _ = model(x[:4, 0], reset=marked[:4, 0])
    assert_close(single, wanted[:4, 0], rtol=0, atol=1e-12)


def test_a_mark_at_a_step_that_is_missing_belongs_to_the_next() -> None:
    model = build(SPECS["both"], 3)
    x = vectors(3)
    there = torch.tensor([True, False, True, True, False, False])
    marked = torch.zeros(STEPS, ROWS, dtype=torch.bool)
    marked[1, 0] = marked[3, 1] = marked[4, 2] = True
    output, _ = model(x, mask=there.unsqueeze(1).expand(-1, ROWS), reset=marked)
    short = torch.zeros(3, ROWS, dtype=torch.bool)
    short[1, 0] = short[2, 1] = True
    wanted, _ = model(x[there], reset=short)
    assert_close(output[there], wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("exchange", ["many_to_many", "many_to_one"])
def test_a_step_at_a_time(exchange: str) -> None:
    text = spec("reset", "layer LSTM(4)", "layer GRU(3), emit(z)", f"io {exchange}")
    model = build(text, 3)
    x, marked = vectors(3), marks()
    whole, last, emitted = model(x, reset=marked)
    state, found = None, []
    for t in range(STEPS):
        output, state, values = model.step(x[t], state=state, reset=marked[t])
        found.append(values["layer_2.z"])
    assert_close(torch.stack(found), emitted["layer_2.z"], rtol=0, atol=1e-12)
    assert_close(state, last, rtol=0, atol=1e-12)
    assert_close(output, whole[-1] if whole.dim() == 3 else whole, rtol=0, atol=1e-12)
    one, _, _ = model.step(x[0, 0], reset=torch.tensor(True))
    assert one.shape == (3,)


def test_together_with_a_state_that_is_kept() -> None:
    model = build(spec("reset", "stateful", "layer GRU(4)"), 3).eval()
    x, marked = vectors(3).detach(), marks()
    once, _ = model(x, reset=marked)
    model.reset_state()
    first, _ = model(x[:3], reset=marked[:3])
    second, _ = model(x[3:], reset=marked[3:])
    assert_close(torch.cat((first, second)), once, rtol=0, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_not_a_number_ends_at_a_mark(engine: str) -> None:
    model = build(SPECS["both"], 3)
    model.engine = engine
    x = vectors(3).detach()
    x[2, 1] = torch.nan
    x.requires_grad_()
    marked = torch.zeros(STEPS, ROWS, dtype=torch.bool)
    marked[2, 1] = marked[3, 1] = True
    output, _ = model(x, reset=marked)
    clean = torch.ones(STEPS, ROWS, dtype=torch.bool)
    clean[2, 1] = False
    assert output[clean].isfinite().all()
    (d_x,) = torch.autograd.grad(output[clean].sum(), x)
    assert d_x[clean].isfinite().all()


@pytest.mark.parametrize("engine", ENGINES)
def test_differentiated_twice(engine: str) -> None:
    model = build(SPECS["learned"], 2)
    model.engine = engine
    marked = torch.tensor([[False, True], [True, False], [False, False]])
    x = vectors(2, 3, 2)
    assert torch.autograd.gradgradcheck(lambda x: model(x, reset=marked)[0], (x,))


def test_marks_that_are_none() -> None:
    model = build(SPECS["lstm"], 3)
    x, marked = vectors(3), marks()
    with pytest.raises(DtypeError, match=r"reset: expected torch.bool, got torch.int"):
        model(x, reset=marked.long())
    with pytest.raises(ShapeError, match=r"reset: expected size \(6, 4\), a mark"):
        model(x, reset=marked.t())
    with pytest.raises(ArgumentTypeError, match="reset: expected a torch"):
        model(x, reset=[True] * STEPS)
    packed = pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False)
    with pytest.raises(ArgumentTypeError, match="reset"):
        model(packed, reset=marked)
