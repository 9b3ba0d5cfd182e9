from __future__ import annotations

import operator
import random

import pytest

from rnndsl.columns import aligned
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
)
from rnndsl.formulas.sum_text import Term, equation_lines, signed
from rnndsl.formulas.text import Binding, Written, matrix_product, written

ARITHMETIC = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
a, b, c = Symbol("a"), Symbol("b"), Symbol("c")


def random_formula(draw: random.Random, depth: int) -> Formula:
    if depth == 0:
        number = Number(draw.choice((2, -3, 0.25, -0.5)))
        return draw.choice((a, b, c, number))
    match draw.randrange(7):
        case 0:
            return Negate(random_formula(draw, depth - 1))
        case 1:
            return Power(random_formula(draw, depth - 1), draw.choice((2, 3)))
        case _:
            left, right = (random_formula(draw, depth - 1) for _ in range(2))
            return Binary(draw.choice(("+", "-", "*", "/")), left, right)


def value(formula: Formula, values: dict[str, float]) -> float:
    parts = [value(part, values) for part in children(formula)]
    match formula:
        case Number(value=number):
            return number
        case Symbol(name=name):
            return values[name]
        case Negate():
            return -parts[0]
        case Power(exponent=exponent):
            return float(parts[0] ** exponent)
        case Binary(operator=sign):
            return float(ARITHMETIC[sign](*parts))
        case _:
            raise AssertionError(formula)


@pytest.mark.parametrize("seed", range(200))
def test_the_text_means_the_formula(seed: int) -> None:
    draw = random.Random(seed)
    formula = random_formula(draw, 4)
    values = {name: draw.uniform(1, 2) for name in "abc"}
    try:
        expected = value(formula, values)
    except ZeroDivisionError:
        return
    text = written(formula, {}).text
    assert eval(text, {}, values) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (a - (b - c), "a - (b - c)"),
        (a - b - c, "a - b - c"),
        (a * (b + c) / 2, "a * (b + c) / 2"),
        (a / (b * c), "a / (b * c)"),
        (a + -b, "a - b"),
        (a + -(b * c), "a - b * c"),
        (a + Number(-1.5), "a - 1.5"),
        (-(a + b), "-(a + b)"),
        (-(a * b), "-a * b"),
        (c * -(a * b), "c * (-a * b)"),
        (Power(-a, 2), "(-a)**2"),
        (-Power(a, 2), "-a**2"),
        (Power(a * b, -0.5), "(a * b)**-0.5"),
        (Apply("clamp", (a + b,), (-1.0, 0.5)), "clamp(a + b, -1, 0.5)"),
        (
            Apply("where", (Compare(">=", a, b - c), a, Number(0))),
            "where(a >= b - c, a, 0)",
        ),
        (a * 0.050000000000000044, "a * 0.05"),
        (a * 1e-9, "a * 1e-09"),
        (a * 1e30, "a * 1e30"),
        (a * 123456789.0, "a * 123456789"),
    ],
)
def test_the_form_of_the_text(formula: Formula, text: str) -> None:
    assert written(formula, {}).text == text


def test_products_of_matrices() -> None:
    values = {"a": Written("x[t]"), "b": matrix_product("W", Written("x[t]"))}
    assert written(a * b + b, values).text == "x[t] * (W @ x[t]) + W @ x[t]"
    sum_of = written(a + b, values)
    assert matrix_product("U", sum_of).text == "U @ (x[t] + W @ x[t])"
    assert matrix_product("U", Written("tanh(a)", Binding.CALL)).text == "U @ tanh(a)"


def test_sums_with_signs() -> None:
    product = written(a * b, {})
    total = written(a - b, {})
    assert signed([Term(product), Term(total, negative=True), Term(total)]) == [
        "a * b",
        "- (a - b)",
        "+ a - b",
    ]
    assert signed([Term(product, negative=True)]) == ["-a * b"]


def test_a_sum_that_does_not_fit_is_broken_between_terms() -> None:
    terms = ["a" * 30, "+ " + "b" * 30, "- " + "c" * 30]
    assert equation_lines("v", terms[:2]) == [f"v = {terms[0]} {terms[1]}"]
    assert equation_lines("v", terms) == [
        f"v = {terms[0]}",
        f"  {terms[1]}",
        f"  {terms[2]}",
    ]


def test_columns() -> None:
    rows = [("a", "bb", "1"), ("aaa", "b", "100"), ("a", "bbbbbbb")]
    assert aligned(rows, right=(2,)) == [
        "  a    bb    1",
        "  aaa  b   100",
        "  a    bbbbbbb",
    ]
    assert aligned([("a", ""), ("b",)], indent="") == ["a", "b"]
    assert aligned([]) == []
