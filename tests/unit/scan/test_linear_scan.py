"""``linear_scan`` against a loop, forward and backward, and where it is stable."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import hessian, jacrev, vmap
from torch.testing import assert_close

from rnndsl.runtime.engines.linear_scan import (
    PAIRED_STEPS,
    PAIRED_WIDTH,
    LinearScan,
    kept_steps,
    linear_scan,
    steps_before,
)
from rnndsl.runtime.engines.traced_scan import traced_scan

STEPS = (1, 2, 3, 4, 5, 16, 31, 32, 33, 66, 129)


def drawn(steps: int, *sizes: int, grad: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    a = torch.randn(steps, *sizes, dtype=torch.float64, requires_grad=grad)
    b = torch.randn(steps, *sizes, dtype=torch.float64, requires_grad=grad)
    return a, b, torch.randn(sizes, dtype=torch.float64, requires_grad=grad)


def plain(a: Tensor, b: Tensor, first: Tensor, mask: Tensor | None = None) -> Tensor:
    states, state = [], first
    for t in range(b.shape[0]):
        new = a[t] * state + b[t]
        if mask is not None:
            new = torch.where(mask[t].unsqueeze(-1), new, state)
        state = new
        states.append(state)
    return torch.stack(states)


@pytest.mark.parametrize("width", [3, PAIRED_WIDTH // 2 + 1])
@pytest.mark.parametrize("steps", STEPS)
def test_the_states_are_those_of_a_loop(steps: int, width: int) -> None:
    """One by one and in pairs, forward and in reverse, and as it is traced."""
    a, b, first = drawn(steps, 2, width)
    expected = plain(a, b, first)
    assert_close(linear_scan(a, b, first), expected, rtol=1e-11, atol=1e-11)
    assert_close(traced_scan(a, b, first), expected, rtol=1e-11, atol=1e-11)
    rows = LinearScan.apply(a.flip(0), b.flip(0), first, True)
    assert_close(rows[:-1].flip(0), expected, rtol=1e-11, atol=1e-11)
    assert torch.equal(rows[-1], first)


def test_both_forms_are_tried() -> None:
    assert any(steps >= PAIRED_STEPS for steps in STEPS)
    assert any(1 < steps < PAIRED_STEPS for steps in STEPS)


@pytest.mark.parametrize("steps", [1, 7, 40])
def test_rows_that_have_ended_keep_their_state(steps: int) -> None:
    a, b, first = drawn(steps, 3, 2)
    mask = torch.rand(steps, 3) > 0.4
    a[~mask] = torch.nan
    b[~mask] = torch.inf
    assert_close(linear_scan(a, b, first, mask), plain(a, b, first, mask))


@pytest.mark.parametrize("steps", [5, 40])
def test_coefficients_that_are_the_same_in_all_steps(steps: int) -> None:
    _, b, first = drawn(steps, 3, 2)
    for a in (torch.tensor([0.3, -1.1]).double(), torch.rand(steps, 3, 1).double()):
        expected = plain(a.expand_as(b), b, first)
        assert_close(linear_scan(a, b, first), expected)


def test_zeros_and_ones_are_exact() -> None:
    _, b, first = drawn(70, 2, 3)
    assert torch.equal(linear_scan(torch.zeros_like(b), b, first), b)
    held = linear_scan(torch.ones_like(b), torch.zeros_like(b), first)
    assert torch.equal(held, first.expand_as(b))


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
@pytest.mark.parametrize("steps", [6, 50])
def test_what_is_not_finite_stays_in_its_row(steps: int, wrong: float) -> None:
    a, b, first = drawn(steps, 4, 3)
    expected = linear_scan(a, b, first)
    b[steps // 2, 1, 2] = wrong
    found = linear_scan(a, b, first)
    assert not found[steps // 2, 1, 2].isfinite()
    found[steps // 2 :, 1, 2] = expected[steps // 2 :, 1, 2]
    assert torch.equal(found, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_types_are_accumulated_in_single_precision(dtype: torch.dtype) -> None:
    """In half precision a sum of ones would stop at 256, or at 2048."""
    ones = torch.ones(4000, 1, 2, dtype=dtype)
    found = linear_scan(ones, ones, torch.zeros(1, 2, dtype=dtype))
    assert found.dtype == dtype
    expected = torch.arange(1, 4001).to(dtype)[:, None, None].expand_as(found)
    assert torch.equal(found, expected)


@pytest.mark.parametrize(("steps", "rows"), [(0, 2), (3, 0), (0, 0), (40, 0)])
def test_no_steps_and_no_rows(steps: int, rows: int) -> None:
    a, b, first = drawn(steps, rows, 3, grad=True)
    found = linear_scan(a, b, first)
    assert found.shape == (steps, rows, 3)
    for gradient in torch.autograd.grad(found.sum(), (a, b, first)):
        assert not gradient.any()


@pytest.mark.parametrize("steps", [1, 3, 33])
def test_derivatives(steps: int) -> None:
    """First ones, in both modes and batched."""
    mask = torch.rand(steps, 2) > 0.3
    assert gradcheck(
        lambda a, b, first: linear_scan(a, b, first, mask),
        drawn(steps, 2, 2, grad=True),
        check_forward_ad=True,
        check_batched_grad=True,
        check_batched_forward_grad=True,
    )


@pytest.mark.parametrize("steps", [3, 32])
def test_second_derivatives(steps: int) -> None:
    arguments = drawn(steps, 1, 2, grad=True)
    assert gradgradcheck(linear_scan, arguments, check_fwd_over_rev=True)


def test_third_derivatives() -> None:
    a, b, first = drawn(4, 1, 2)

    def cubes(scan: str) -> Tensor:
        function = linear_scan if scan == "scan" else plain
        third = jacrev(hessian(lambda a: function(a, b, first).pow(3).sum()))
        found: Tensor = third(a)
        return found

    assert_close(cubes("scan"), cubes("plain"))


def test_side_by_side() -> None:
    """Any of the arguments may be batched."""
    a, b, first = drawn(40, 2, 3)
    many, firsts = torch.stack((a, 2 * a, -a), 1), torch.stack((first, -first, first))
    found = vmap(linear_scan, in_dims=(1, None, 0))(many, b, firsts)
    for index in range(3):
        assert_close(found[index], plain(many[:, index], b, firsts[index]))
    found = vmap(lambda b: linear_scan(a, b, first))(torch.stack((b, 3 * b)))
    assert_close(found[1], plain(a, 3 * b, first))


def test_steps_before_and_kept_steps() -> None:
    values, first = torch.arange(10.0).view(5, 2, 1), torch.full((2, 1), -1.0)
    mask = torch.tensor([[1, 0], [1, 0], [0, 1], [0, 0], [1, 1]], dtype=torch.bool)
    kept = kept_steps(values, first, mask)
    assert kept.squeeze(-1).T.tolist() == [[0, 2, 2, 2, 8], [-1, -1, 5, 5, 9]]
    before = steps_before(kept, first)
    assert before.squeeze(-1).T.tolist() == [[-1, 0, 2, 2, 2], [-1, -1, -1, 5, 5]]
    assert kept_steps(values, first, None) is values
