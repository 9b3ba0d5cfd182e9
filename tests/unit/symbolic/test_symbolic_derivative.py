from __future__ import annotations

import pytest
import torch
from step_values import assert_same, formula_value

from rnndsl.formulas.formula import Apply, Formula, Negate, Number, Power, Symbol
from rnndsl.symbolic.derivative import adjoints

f, c, i, g = (Symbol(name) for name in "fcig")

ARITHMETIC: dict[str, Formula] = {
    "cell state": f * c + i * g,
    "convex": (1 - f) * c + f * g,
    "quotient": (f + c) / (1 + i * i),
    "powers": Power(f * c, 3) - Power(1 + i * i, -0.5),
    "same value twice": f * f * c - f,
    "signs": -(f - c) - (-i),
}


@pytest.mark.parametrize("formula", ARITHMETIC.values(), ids=ARITHMETIC)
def test_arithmetic(formula: Formula) -> None:
    generator = torch.Generator().manual_seed(0)
    values = {
        name: torch.randn(7, generator=generator, dtype=torch.float64).requires_grad_()
        for name in "fcig"
    }
    result = formula_value(formula, values)
    arriving = torch.linspace(-1, 2, 7, dtype=torch.float64)
    leaving = adjoints(formula, "y", "d")
    for name, sent in leaving.items():
        (expected,) = torch.autograd.grad(
            result, values[name], arriving, retain_graph=True
        )
        found = formula_value(sent, {**values, "d": arriving}).detach()
        assert_same(found, expected)


def test_the_form_of_a_cell_state() -> None:
    d = Symbol("d")
    assert adjoints(ARITHMETIC["cell state"], "y", "d") == {
        "f": d * c,
        "c": d * f,
        "i": d * g,
        "g": d * i,
    }
    assert adjoints(f - c, "y", "d") == {"f": d, "c": d * Number(-1)}


def test_functions_use_their_result() -> None:
    d, y = Symbol("d"), Symbol("y")
    assert adjoints(Apply("tanh", (f,)), "y", "d") == {
        "f": Apply("tanh_backward", (d, y))
    }
    assert adjoints(Apply("exp", (f,)), "y", "d") == {"f": d * y}


def test_one_value_as_both_operands() -> None:
    leaving = adjoints(Apply("max", (f, f)), "y", "d")
    values = {"f": torch.ones(3), "d": torch.full((3,), 2.5)}
    assert formula_value(leaving["f"], values).tolist() == [2.5, 2.5, 2.5]


def test_what_cancels_is_left_out() -> None:
    assert adjoints(f - f + c, "y", "d") == {"c": Symbol("d")}
    assert adjoints(Apply("sign", (f,)), "y", "d") == {}
    assert adjoints(Negate(Number(2)), "y", "d") == {}
