from __future__ import annotations

import random

import pytest
import sympy
import torch
from step_values import assert_same, formula_value

from rnndsl.formulas.formula import (
    Apply,
    Binary,
    Compare,
    Formula,
    Negate,
    Number,
    Power,
    Symbol,
    children,
    symbols,
)
from rnndsl.symbolic.convert import from_sympy, to_sympy

NAMES = ("beta", "S", "N", "E", "I", "x_prev")


def random_formula(draw: random.Random, depth: int) -> Formula:
    """Arithmetic over positive symbols; divisors and bases cannot be zero."""
    if depth == 0 or draw.random() < 0.2:
        if draw.random() < 0.3:
            return Number(draw.choice((2, 3, 0.5, 0.1, 1.25, -1, -0.75)))
        return Symbol(draw.choice(NAMES))
    match draw.randrange(5):
        case 0:
            return Negate(random_formula(draw, depth - 1))
        case 1:
            return Power(Symbol(draw.choice(NAMES)), draw.choice((2, 3, -1, 0.5, -1.5)))
        case 2:
            below = Symbol(draw.choice(NAMES)) + draw.choice((0.5, 2))
            return random_formula(draw, depth - 1) / below
        case _:
            left, right = (random_formula(draw, depth - 1) for _ in range(2))
            return Binary(draw.choice(("+", "-", "*")), left, right)


@pytest.mark.parametrize("seed", range(60))
def test_there_and_back_is_the_same_number(seed: int) -> None:
    draw = random.Random(seed)
    formula = random_formula(draw, 5)
    values = {
        name: torch.tensor(draw.uniform(0.5, 2), dtype=torch.float64) for name in NAMES
    }
    back = from_sympy(to_sympy(formula))
    assert set(symbols(back)) <= set(symbols(formula))
    assert_same(formula_value(back, values), formula_value(formula, values), 1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_names_that_sympy_knows_are_plain_symbols(name: str) -> None:
    expression = to_sympy(Symbol(name))
    assert type(expression) is sympy.Symbol
    assert from_sympy(expression) == Symbol(name)


def test_whole_numbers_stay_exact() -> None:
    assert to_sympy(Number(3.0)) == sympy.Integer(3)
    assert from_sympy(sympy.Integer(-4)) == Number(-4)
    assert from_sympy(sympy.Rational(1, 3) * sympy.Symbol("x")) == Number(
        1 / 3
    ) * Symbol("x")


def test_a_float_keeps_all_its_digits() -> None:
    for value in (0.1, 1 / 3, 1.6732632423543772, 1e-300, 2.0**60):
        assert from_sympy(to_sympy(Number(value))) == Number(value)


def test_a_difference_opens_with_what_is_added() -> None:
    n, z = Symbol("n"), Symbol("z")
    assert from_sympy(to_sympy(-n + z)) == z - n
    assert from_sympy(to_sympy(-n - z)) == Negate(n + z)


def test_a_quotient_stays_a_quotient() -> None:
    a, b = Symbol("a"), Symbol("b")
    assert from_sympy(to_sympy(a / (a + b))) == a / (a + b)


def test_functions_are_opaque() -> None:
    formula = Apply("sigmoid", (Symbol("u"),))
    expression = to_sympy(formula * formula)
    assert expression == sympy.Function("sigmoid")(sympy.Symbol("u", real=True)) ** 2


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="comparison"):
        to_sympy(Compare("<", Symbol("u"), Number(0)))


@pytest.mark.parametrize(
    "expression", [sympy.sin(sympy.Symbol("x")), sympy.Symbol("x") ** sympy.Symbol("y")]
)
def test_what_has_no_formula_is_refused(expression: sympy.Expr) -> None:
    with pytest.raises(ValueError, match="no formula"):
        from_sympy(expression)


def test_the_authors_formula_is_not_simplified() -> None:
    """Conversion is for derivatives; it does not even multiply out."""
    a, b = Symbol("a"), Symbol("b")
    back = from_sympy(to_sympy((a + b) * (a + b) * (a - b)))
    assert {type(part) for part in children(back)} != {Symbol}
    assert to_sympy(back) == to_sympy((a + b) * (a + b) * (a - b))
    assert not to_sympy(back).is_Add
