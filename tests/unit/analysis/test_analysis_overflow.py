"""Formulas that overflow, and the functions that they are."""

from __future__ import annotations

import pytest
from analysis_specs import cell, report_on

FORMS = {
    "1 / (1 + exp(-used))": "sigmoid(used)",
    "1 / (exp(-(W @ x[t])) + 1.0)": "sigmoid(W @ x[t])",
    "1 / (1 + exp(used))": "sigmoid(-used)",
    "1 / (1 + exp(used - w))": "sigmoid(-(used - w))",
    "1 / (1 + exp(used * w))": "sigmoid(-used * w)",
    "1 / (1 + exp(-(used + w) * (w + 1)))": "sigmoid((used + w) * (w + 1))",
    "(1 + exp(-used)) ** -1": "sigmoid(used)",
    "exp(used) / (1 + exp(used))": "sigmoid(used)",
    "exp(used) / sum(exp(used))": "softmax(used)",
    "(exp(used) - exp(-used)) / (exp(used) + exp(-used))": "tanh(used)",
    "log(1 + exp(used))": "softplus(used)",
    "log(sigmoid(used))": "log_sigmoid(used)",
    "log(softmax(used))": "log_softmax(used)",
}
OTHERS = (
    "1 / (2 + exp(-used))",
    "2 / (1 + exp(-used))",
    "1 / (1 - exp(-used))",
    "(1 + exp(-used)) ** -2",
    "exp(used) / (1 + exp(w))",
    "exp(used) / sum(exp(w))",
    "exp(used) / sum(used)",
    "(exp(w) - exp(-used)) / (exp(w) + exp(-used))",
    "(exp(used) + exp(-used)) / (exp(used) - exp(-used))",
    "(exp(w) - exp(used)) / (exp(w) + exp(used))",
    "log(2 + exp(used))",
    "log(1 - exp(used))",
    "log(exp(used))",
    "exp(1 + exp(used))",
    "log(tanh(used))",
)


@pytest.mark.parametrize(("formula", "stable"), FORMS.items())
def test_a_formula_that_overflows(formula: str, stable: str) -> None:
    (found,) = report_on(cell(f"h[t] = w * ({formula})"))
    assert (found.code, found.severity.value) == ("RNN077", "warning")
    assert found.span.text.strip("()") == formula.strip("()")
    assert found.message.endswith(" overflows for large numbers")
    assert found.help == f"write `{stable}`, the same function, finite for all numbers"


@pytest.mark.parametrize("formula", OTHERS)
def test_formulas_that_look_alike(formula: str) -> None:
    assert report_on(cell(f"h[t] = w * ({formula})")) == ()


def test_in_a_function_it_is_reported_once() -> None:
    text = "def gate(u) = 1 / (1 + exp(-u))\n" + cell("h[t] = gate(used) * gate(w)")
    (found,) = report_on(text)
    assert (found.span.line, found.span.text) == (1, "1 / (1 + exp(-u))")
    assert found.help.startswith("write `sigmoid(...)`")
