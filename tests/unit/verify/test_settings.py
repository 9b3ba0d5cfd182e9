"""Cases, sizes and random numbers: the ground that comparisons stand on."""

from __future__ import annotations

from itertools import chain

import pytest
import torch
from handmade_cells import (
    after,
    applied,
    before,
    binary,
    cell,
    elman,
    equation,
    now,
    parameter,
    state,
    stored,
)
from torch import Tensor

from rnndsl.analysis.program import Cell
from rnndsl.verify.case import (
    BATCH,
    STEPS,
    Case,
    can_stack,
    cases_of,
    draw_sizes,
    sizes_of_layers,
)
from rnndsl.verify.compare import TOLERANCES
from rnndsl.verify.differences import DIFFERENCE_TOLERANCE, difference_error
from rnndsl.verify.draw import Draw, draw_case
from rnndsl.verify.oracle import Outcome, interpret, run_stack, weighted_sum
from rnndsl.verify.setting import prepare

SIZES = {"I": 4, "H": 7}


def generator(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tensors(draw: Draw) -> list[Tensor]:
    states = draw.states or {}
    return list(
        chain(
            draw.inputs.values(),
            states.values(),
            draw.parameters.values(),
            [draw.output_weights],
            draw.state_weights.values(),
        )
    )


def with_log() -> Cell:
    """h[t] = log(x[t] + b) + h[t-1], defined for positive inputs alone."""
    return cell(
        inputs={"x": ("H",)},
        states=(state("h", ("H",)),),
        parameters=(stored("b", ("H",), initial=1.0),),
        equations=(
            equation(
                "h",
                binary(
                    applied("log", binary(now("x", "H"), "+", parameter("b", "H"))),
                    "+",
                    before("h", "H"),
                ),
                is_state=True,
            ),
        ),
        output=after("h", "H"),
        dimensions=(("H", "hidden_size"),),
    )


@pytest.mark.parametrize("seed", range(20))
def test_sizes_differ_from_each_other_and_from_batch_and_time(seed: int) -> None:
    spec = cell(
        inputs={"x": ("I",)},
        states=(state("h", ("P",)), state("c", ("H",))),
        parameters=(stored("W", ("H", "I")),),
        equations=(),
        output=after("h", "P"),
        dimensions=(
            ("I", "input_size"),
            ("H", "hidden_size"),
            ("P", "proj_size"),
        ),
    )
    sizes = draw_sizes(spec, generator(seed))
    assert len({*sizes.values(), BATCH, STEPS}) == 5
    assert sizes["P"] < sizes["H"]


def test_cases_cover_layers_directions_lengths_and_bias() -> None:
    cases = cases_of(elman(), SIZES)
    assert len({case.name for case in cases}) == len(cases)
    assert {case.num_layers for case in cases} == {1, 2}
    assert {case.bidirectional for case in cases} == {True, False}
    assert {case.bias for case in cases} == {True, False}
    assert {case.lengths is None for case in cases} == {True, False}
    assert {case.given_state for case in cases} == {True, False}


def test_a_second_layer_reads_both_directions() -> None:
    case = Case(name="", num_layers=2, bidirectional=True)
    assert sizes_of_layers(elman(), SIZES, case) == (SIZES, {"I": 14, "H": 7})


def test_a_cell_whose_input_is_of_its_own_size_stacks_in_one_direction() -> None:
    assert can_stack(with_log(), {"H": 4}, directions=1)
    assert not can_stack(with_log(), {"H": 4}, directions=2)
    assert {case.num_layers for case in cases_of(with_log(), {"H": 4})} == {1, 2}


def test_the_same_seed_draws_the_same_numbers() -> None:
    case = Case(name="one layer", num_layers=2, bidirectional=True)
    first = tensors(draw_case(elman(), SIZES, case, generator()))
    again = tensors(draw_case(elman(), SIZES, case, generator()))
    other = tensors(draw_case(elman(), SIZES, case, generator(6)))
    assert len(first) == 16
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_all_numbers_fit_into_single_precision_and_are_not_tiny() -> None:
    draw = draw_case(elman(), SIZES, Case(name="one layer"), generator())
    for value in tensors(draw):
        assert value.dtype is torch.float64
        assert torch.equal(value, value.float().double())
        assert value.abs().max() > 0.2
    assert list(draw.parameters) == ["W_l0", "U_l0", "b_l0"]
    assert draw.inputs["x"].shape == (STEPS, BATCH, 4)


def test_a_cell_defined_for_positive_inputs_gets_positive_inputs() -> None:
    setting = prepare(with_log(), {"H": 6}, Case(name="one layer"), generator())
    assert setting is not None
    assert (setting.draw.inputs["x"] > 0).all()
    assert torch.isfinite(setting.expected.forward["output"]).all()
    assert setting.allowed == TOLERANCES


def test_a_cell_that_is_nowhere_finite_has_no_setting() -> None:
    spec = cell(
        inputs={"x": ("H",)},
        states=(state("h", ("H",)),),
        parameters=(),
        equations=(
            equation(
                "h",
                applied(
                    "log", binary(now("x", "H"), "-", applied("abs", now("x", "H")))
                ),
                is_state=True,
            ),
        ),
        output=after("h", "H"),
        dimensions=(("H", "hidden_size"),),
    )
    assert prepare(spec, {"H": 6}, Case(name="one layer"), generator()) is None


def differences(outcome: Outcome, draw: Draw, case: Case) -> float:
    def evaluate(moved: Draw) -> Tensor:
        output, last = run_stack(elman(), SIZES, case, moved)
        return weighted_sum(output, last, moved)

    return difference_error(evaluate, draw, outcome, generator())


@pytest.mark.parametrize("tensor_name", ["x", "h[0]", "U_l0", "b_l1_reverse"])
def test_differences_find_a_wrong_gradient(tensor_name: str) -> None:
    case = Case(name="", num_layers=2, bidirectional=True, lengths=(2, 5, 1))
    draw = draw_case(elman(), SIZES, case, generator())
    outcome = interpret(elman(), SIZES, case, draw)
    assert differences(outcome, draw, case) < DIFFERENCE_TOLERANCE
    wrong = dict(outcome.gradients)
    wrong[tensor_name] = wrong[tensor_name] * 1.001
    bent = Outcome(forward=outcome.forward, gradients=wrong)
    assert differences(bent, draw, case) > 10 * DIFFERENCE_TOLERANCE
