"""Loops over kernels compute what loops of torch operations compute, forward and
backward: their source runs on the CPU, behind a shim."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from cpu_kernels import cpu_kernels, needs_compiler
from kernel_cases import (
    Case,
    cells_with_kernels,
    draw,
    largest_error,
    run_fused,
    run_kernels,
    specification,
    written,
)
from torch import Tensor

pytestmark = needs_compiler
CELLS = cells_with_kernels()
SOURCE = "\n".join(written(specification(name)).source for name in CELLS)
"""All kernels of the zoo, so that each dtype is compiled once."""


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize("name", CELLS)
def test_kernels_are_exact(name: str, masked: bool) -> None:
    cell = specification(name)
    for dtype, allowed in ((torch.float64, 1e-12), (torch.float32, 5e-6)):
        case = draw(cell, dtype, masked=masked, seed=len(name))
        found = run_kernels(cell, case, SOURCE)
        exact = run_fused(cell, in_double(case))
        rounded = [None if e is None else e.to(dtype) for e in exact]
        assert largest_error(found, rounded) < allowed


def in_double(case: Case) -> Case:
    return replace(
        case,
        inputs=tuple(value.double() for value in case.inputs),
        state=tuple(value.double() for value in case.state),
        parameters=tuple(value.double() for value in case.parameters),
        d_output=case.d_output.double(),
        d_state=tuple(value.double() for value in case.d_state),
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", CELLS)
def test_half_types_err_no_more_than_torch_does(name: str, dtype: torch.dtype) -> None:
    """Kernels round what they store, torch every operation."""
    cell = specification(name)
    case = draw(cell, dtype, masked=True, seed=3)
    exact = [
        None if e is None else e.to(dtype) for e in run_fused(cell, in_double(case))
    ]
    mine = largest_error(run_kernels(cell, case, SOURCE), exact)
    step = torch.finfo(dtype).eps
    assert mine < max(2 * largest_error(run_fused(cell, case), exact), 16 * step)


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize("name", CELLS)
def test_inference_keeps_nothing_and_gives_the_same(name: str, masked: bool) -> None:
    cell = specification(name)
    case = draw(cell, torch.float64, masked=masked, seed=5)
    kernels = cpu_kernels(SOURCE, torch.float64)
    arguments = (case.inputs, case.state, case.parameters, case.mask)
    forward = written(cell).forward
    output, last, little = forward(kernels, *arguments, False)
    expected, expected_last, kept = forward(kernels, *arguments, True)
    assert largest_error([output, *last], [expected, *expected_last]) < 1e-14
    assert sum(v.numel() for v in little) < sum(v.numel() for v in kept)


@pytest.mark.parametrize("name", CELLS)
def test_arguments_may_lie_anyhow(name: str) -> None:
    """Batch before time, states that are expanded, gradients that are."""
    cell = specification(name)
    case = draw(cell, torch.float64, masked=True, seed=7)
    assert case.mask is not None
    strange = replace(
        case,
        inputs=tuple(
            v.transpose(0, 1).contiguous().transpose(0, 1) for v in case.inputs
        ),
        state=tuple(v[:1].expand_as(v) for v in case.state),
        parameters=tuple(
            v.t().contiguous().t() if v.dim() == 2 else v for v in case.parameters
        ),
        mask=case.mask.t().contiguous().t(),
        d_output=case.d_output[:1, :1, :1].expand_as(case.d_output),
        d_state=tuple(v[..., :1].expand_as(v) for v in case.d_state),
    )
    plain = replace(
        strange,
        inputs=case.inputs,
        state=tuple(v.contiguous() for v in strange.state),
        parameters=case.parameters,
        mask=case.mask,
        d_output=strange.d_output.contiguous(),
        d_state=tuple(v.contiguous() for v in strange.d_state),
    )
    before = [v.clone() for v in (*strange.inputs, *strange.state, *strange.d_state)]
    found = run_kernels(cell, strange, SOURCE)
    assert largest_error(found, run_fused(cell, plain)) < 1e-12
    after = (*strange.inputs, *strange.state, *strange.d_state)
    assert all(map(torch.equal, before, after))


@pytest.mark.parametrize(("steps", "rows"), [(1, 3), (4, 1), (3, 0)])
@pytest.mark.parametrize("name", CELLS)
def test_the_smallest_sizes(name: str, steps: int, rows: int) -> None:
    cell = specification(name)
    case = draw(cell, torch.float64, masked=False, steps=steps, rows=rows)
    error = largest_error(run_kernels(cell, case, SOURCE), run_fused(cell, case))
    assert error < 1e-12


@pytest.mark.parametrize("name", ["LSTM", "GRU", "MGU", "SRU", "LSTMP"])
def test_what_is_not_a_number_stays_in_its_row(name: str) -> None:
    cell = specification(name)
    case = draw(cell, torch.float64, masked=True, seed=11)
    spoilt = tuple(v.clone() for v in case.inputs)
    spoilt[0][2, 0] = float("nan")
    outcomes: list[tuple[Tensor, ...]] = []
    for inputs in (case.inputs, spoilt):
        arguments = (inputs, case.state, case.parameters, case.mask)
        kernels = cpu_kernels(SOURCE, torch.float64)
        output, last, saved = written(cell).forward(kernels, *arguments, True)
        d_inputs, d_first, _ = written(cell).backward(
            kernels, case.d_output, case.d_state, *arguments, saved, True
        )
        assert d_inputs[0] is not None
        first = [value for value in d_first if value is not None]
        outcomes.append((output, d_inputs[0], *(v[None] for v in (*last, *first))))
    for clean, other in zip(*outcomes, strict=True):
        assert torch.equal(clean[:, 1:], other[:, 1:])
    assert torch.isnan(outcomes[1][0][2:, 0]).any()


def test_the_last_state_is_not_a_view_of_all_states() -> None:
    cell = specification("LSTM")
    case = draw(cell, torch.float64, masked=False)
    kernels = cpu_kernels(SOURCE, torch.float64)
    _, last, _ = written(cell).forward(
        kernels, case.inputs, case.state, case.parameters, None, True
    )
    for value in last:
        assert value.untyped_storage().nbytes() == value.numel() * 8
