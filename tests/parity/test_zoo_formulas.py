"""The zoo's specs, walked by the interpreter, against the same cells in plain torch."""

from __future__ import annotations

import pytest
import torch
from zoo_formulas import FORMULAS
from zoo_programs import zoo_cell

from rnndsl import zoo
from rnndsl.verify.case import STEPS, Case, draw_sizes
from rnndsl.verify.compare import largest_difference
from rnndsl.verify.draw import draw_case
from rnndsl.verify.oracle import differentiable, interpret, outcome_of


def test_every_cell_of_the_zoo_has_a_formula() -> None:
    assert tuple(FORMULAS) == zoo.cell_names()


@pytest.mark.parametrize("name", FORMULAS)
def test_spec_agrees_with_the_formula(name: str) -> None:
    cell = zoo_cell(name)
    generator = torch.Generator().manual_seed(20)
    sizes = draw_sizes(cell, generator)
    case = Case(name="one layer")
    draw = draw_case(cell, sizes, case, generator, positive=True)

    live = differentiable(draw, torch.float64)
    parameters = {n.removesuffix("_l0"): v for n, v in live.stored.items()}
    assert live.states is not None
    state = {n: value[0] for n, value in live.states.items()}
    outputs = []
    for t in range(STEPS):
        inputs = {n: value[t] for n, value in live.inputs.items()}
        output, state = FORMULAS[name](inputs, state, parameters)
        outputs.append(output)
    last = {n: value.unsqueeze(0) for n, value in state.items()}
    written = outcome_of(torch.stack(outputs), last, live)

    found = interpret(cell, sizes, case, draw)
    assert largest_difference(found.forward, written.forward).error < 1e-13
    assert largest_difference(found.gradients, written.gradients).error < 1e-12
