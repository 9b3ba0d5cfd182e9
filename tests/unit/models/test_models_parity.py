"""Compiled models compute what the same layers of torch.nn compute."""

from __future__ import annotations

import pytest
import torch
from model_cases import (
    CASES,
    ENGINES,
    LENGTHS,
    ROWS,
    STEPS,
    Case,
    flat,
    gradients,
    random_like,
)
from model_specs import model
from plain_models import PlainOnce
from torch.testing import assert_close

cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@cases
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("given", [False, True], ids=["own start", "given state"])
def test_ragged_batches(case: Case, engine: str, given: bool) -> None:
    ours, theirs = case.pair()
    ours.engine = engine
    x, lengths = case.input(), torch.tensor(LENGTHS)
    state = random_like(ours.initial_state(ROWS)) if given else None
    result = ours(x, lengths=lengths, state=state)
    expected = theirs(x, lengths=lengths, state=state)
    assert_close(flat(result), flat(expected))
    leaves = [x] if x.requires_grad else []
    found = gradients(result, [*leaves, *ours.parameters()])
    wanted = gradients(expected, [*leaves, *theirs.parameters()])
    own_names = ["x" for _ in leaves] + [n for n, _ in ours.named_parameters()]
    names = ["x" for _ in leaves] + [n for n, _ in theirs.named_parameters()]
    assert_close(
        dict(zip(own_names, found, strict=True)), dict(zip(names, wanted, strict=True))
    )


@cases
@pytest.mark.parametrize(("steps", "rows"), [(STEPS, ROWS), (1, 3), (4, 1), (1, 1)])
def test_batches_without_padding(case: Case, steps: int, rows: int) -> None:
    ours, theirs = case.pair()
    x, full = case.input(steps, rows), torch.full((rows,), steps)
    expected = theirs(x, lengths=full, state=None)
    assert_close(flat(ours(x)), flat(expected))
    assert_close(flat(ours(x, lengths=full)), flat(expected))


@cases
def test_batch_first(case: Case) -> None:
    time_first, _ = case.pair()
    batch_first = model(case.name, *case.sizes, batch_first=True)
    batch_first.load_state_dict(time_first.state_dict(), strict=True)
    x, lengths = case.input(), torch.tensor(LENGTHS)
    expected, state = time_first(x, lengths=lengths)
    if time_first.specification.exchange == "many_to_many":
        expected = expected.transpose(0, 1)
    output, last = batch_first(x.transpose(0, 1), lengths=lengths)
    assert_close(output, expected)
    assert_close(flat(last), flat(state))


def test_one_to_one() -> None:
    ours, theirs = model("once", 3, 4), PlainOnce(3, 4)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    for state in (None, (torch.randn(1, 5, 5, dtype=torch.float64),)):
        result, expected = ours(x, state=state), theirs(x, state=state)
        assert_close(flat(result), flat(expected))
        found = gradients(result, [x, *ours.parameters()])
        assert_close(found, gradients(expected, [x, *theirs.parameters()]))
        assert_close(flat(ours.step(x, state=state)), flat(expected))


def test_a_further_input_goes_to_the_cells_that_have_it() -> None:
    timed = model("timed", 3)
    x = torch.randn(STEPS, 2, 3, dtype=torch.float64)
    dt = torch.rand(STEPS, 2, dtype=torch.float64)
    lengths = torch.tensor([3, STEPS])
    torch.nn.init.normal_(timed.layer_1_state.h)
    output, _ = timed(x, dt, lengths=lengths)
    # The second layer by hand: each row alone, turned, with its own gaps.
    for row, length in enumerate(lengths.tolist()):
        part, gaps = x[:length, row : row + 1], dt[:length, row : row + 1]
        start = tuple(
            value.unsqueeze(1)
            for value in (timed.layer_1_state.h, timed.layer_1_state.c)
        )
        y, _ = timed.layer_1(part, gaps, start)
        z, _ = timed.layer_2(y.flip(0), gaps.flip(0))
        assert_close(output[:length, row], timed.head(z.flip(0))[:, 0])
    assert not output[3:, 0].any()
