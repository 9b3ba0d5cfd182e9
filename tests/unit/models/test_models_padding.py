"""What stands in the padding, or in another row, reaches nothing."""

from __future__ import annotations

import pytest
import torch
from model_cases import CASES, ENGINES, LENGTHS, ROWS, STEPS, Case, flat, gradients
from model_specs import model
from torch import Tensor
from torch.testing import assert_close

cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
NOT_NUMBERS = [float("nan"), float("inf")]


def spoilt(x: Tensor, value: float) -> Tensor:
    """x with padding that is no number, or no token."""
    spoilt = x.detach().clone()
    for row, length in enumerate(LENGTHS):
        spoilt[length:, row] = value if x.is_floating_point() else -7
    return spoilt.requires_grad_(x.requires_grad)


@cases
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_padding_reaches_no_output_and_no_gradient(
    case: Case, engine: str, value: float
) -> None:
    ours, _ = case.pair()
    ours.engine = engine
    x, lengths = case.input(), torch.tensor(LENGTHS)
    other = spoilt(x, value)
    expected, result = ours(x, lengths=lengths), ours(other, lengths=lengths)
    assert_close(flat(result), flat(expected), rtol=0, atol=0)
    leaves = list(ours.parameters())
    own, others = ([x], [other]) if x.requires_grad else ([], [])
    wanted = gradients(expected, [*own, *leaves])
    found = gradients(result, [*others, *leaves])
    assert_close(found, wanted, rtol=0, atol=0)
    if own:
        for row, length in enumerate(LENGTHS):
            assert not found[0][length:, row].any()


@pytest.mark.parametrize("name", ["tagger", "stack", "timed", "binary"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_padding_of_targets_and_outputs_reaches_no_loss(
    name: str, batch_first: bool
) -> None:
    ours = model(name, *{"tagger": (9, 4), "stack": (3, 4, 2)}.get(name, (3,)))
    ours.batch_first = batch_first
    lengths = torch.tensor(LENGTHS)
    width = {"tagger": 4, "stack": 2, "timed": 2, "binary": 3}[name]
    output = torch.randn(STEPS, ROWS, width, dtype=torch.float64)
    target = torch.rand_like(output)
    if name == "tagger":
        target = torch.randint(width, (STEPS, ROWS))
    bad_output, bad_target = spoilt(output, float("nan")), spoilt(target, float("nan"))
    if batch_first:
        pairs = [v.transpose(0, 1) for v in (output, target, bad_output, bad_target)]
        output, target, bad_output, bad_target = pairs
    output.requires_grad_()
    bad_output.requires_grad_()
    expected = ours.loss(output, target, lengths=lengths)
    result = ours.loss(bad_output, bad_target, lengths=lengths)
    assert_close(result, expected, rtol=0, atol=0)
    (wanted,) = torch.autograd.grad(expected, output)
    (found,) = torch.autograd.grad(result, bad_output)
    assert_close(found, wanted, rtol=0, atol=0)


@cases
def test_a_row_that_is_no_number_reaches_no_other_row(case: Case) -> None:
    ours, _ = case.pair()
    x, lengths = case.input(), torch.tensor(LENGTHS)
    if not x.is_floating_point():
        return
    expected = ours(x, lengths=lengths)[0]
    bad = x.detach().clone()
    bad[:, 2] = float("nan")
    bad.requires_grad_()
    result = ours(bad, lengths=lengths)[0]
    rows = [0, 1, 3, 4]
    axis = 0 if expected.dim() == 2 else 1
    kept = result.index_select(axis, torch.tensor(rows))
    assert_close(kept, expected.index_select(axis, torch.tensor(rows)))
    (found,) = torch.autograd.grad(kept.sum(), bad)
    assert found[:, rows].isfinite().all()


@cases
def test_a_row_of_no_steps_keeps_its_state_and_gives_zeros(case: Case) -> None:
    ours, _ = case.pair()
    x, lengths = case.input(), torch.tensor(LENGTHS)
    lengths[3] = 0
    state = tuple(
        torch.rand_like(s) if isinstance(s, Tensor) else tuple(map(torch.rand_like, s))
        for s in ours.initial_state(ROWS)
    )
    bad = x.detach().clone()
    bad[:, 3] = float("nan") if bad.is_floating_point() else -7
    output, last = ours(bad, lengths=lengths, state=state)
    for before, after in zip(flat(state), flat(last), strict=True):
        assert_close(after[:, 3], before[:, 3], rtol=0, atol=0)
    if ours.specification.exchange == "many_to_many":
        assert not output[:, 3].any()
    else:
        assert_close(output[3], ours.head.bias)
    assert all(g.isfinite().all() for g in gradients(output, list(ours.parameters())))


def test_a_gap_of_zero_steps_is_not_divided_by() -> None:
    timed = model("timed", 3)
    x = torch.randn(STEPS, 2, 3, dtype=torch.float64)
    dt = torch.rand(STEPS, 2, dtype=torch.float64)
    lengths = torch.tensor([2, 4])
    bad = dt.clone()
    bad[2:, 0] = -torch.e
    bad[4:, 1] = float("nan")
    expected, result = timed(x, dt, lengths=lengths), timed(x, bad, lengths=lengths)
    assert_close(flat(result), flat(expected), rtol=0, atol=0)
    leaves = list(timed.parameters())
    assert_close(gradients(result, leaves), gradients(expected, leaves))
