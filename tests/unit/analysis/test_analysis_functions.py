"""User functions: what they see, where their errors are shown, how they expand."""

from __future__ import annotations

import time

import pytest
from analysis_specs import cell, cell_of, found, report_on
from test_analysis_program import written

from rnndsl.syntax.limits import MAX_DEPTH


def value_of_h(spec: str) -> str:
    (equation,) = (e for e in cell_of(spec).equations if e.target == "h")
    return written(equation.value)


def test_arguments_take_the_place_of_parameters() -> None:
    spec = "def mix(z, a, b) = z * a + (1 - z) * b\n" + cell(
        "h[t] = mix(k, used, c[t-1] * two)"
    )
    assert value_of_h(spec) == (
        "((k.param * used.local) + ((1 - k.param) * (c.old * two)))"
    )


def test_functions_call_one_another_in_any_order() -> None:
    spec = "def f(u) = g(u) + 1\ndef g(u) = tanh(u)\n" + cell("h[t] = f(used)")
    assert value_of_h(spec) == "(tanh(used.local) + 1)"


def test_shapes_numbers_biases_and_matrices_pass_through() -> None:
    spec = """\
def affine(M, u, d) = M @ u + d
def raised(u, n) = u ** n
def choose(cond, u) = where(cond, u, 0)
""" + cell("h[t] = choose(used > 0, raised(affine(W, x[t], b), two))")
    assert value_of_h(spec) == (
        "where((used.local > 0), (((W.param @ x.input) + b.param) ** 2), 0)"
    )


def test_error_in_a_body_names_the_call() -> None:
    spec = "def add(u, v) = u + v\n" + cell("h[t] = add(used, x[t])")
    (diagnostic,) = report_on(spec)
    assert (diagnostic.code, diagnostic.span.text) == ("RNN021", "v")
    assert diagnostic.span.line == 1
    labels = [(label.span.text, label.message) for label in diagnostic.labels]
    assert labels == [
        ("x", "declared here"),
        ("used", "computed here"),
        ("add(used, x[t])", "in this call of `add`"),
    ]


FUNCTIONS = {
    "unknown name in a body": ("def f(u) = u + w", "f(used)", ["RNN020 w"]),
    "unknown function in a body": ("def f(u) = thna(u)", "f(used)", ["RNN044 thna"]),
    "wrong count in a body": ("def f(u) = max(u)", "f(used)", ["RNN045 max"]),
    "wrong count in a call": ("def f(u) = u", "f(used, used)", ["RNN045 f"]),
    "function of nothing": ("def f() = 0.5", "used * f()", []),
    "index in a body": ("def f(u) = u[t-1]", "f(used)", ["RNN073 [t-1]"]),
    "parameter twice": ("def f(u, u) = u", "f(used, used)", ["RNN022 u"]),
    "reserved parameter": ("def f(pi) = pi", "f(used)", ["RNN023 pi"]),
    "unused parameter": ("def f(u, v) = u", "f(used, w)", ["RNN024 v"]),
    "function of the language": ("def tanh(u) = u", "tanh(used)", ["RNN023 tanh"]),
    "name of a value": ("def used(u) = u", "used(w)", ["RNN022 used"]),
    "two that call one another": (
        "def f(u) = g(u)\ndef g(u) = f(u)",
        "f(used)",
        ["RNN059 f", "RNN059 g"],
    ),
    "defined twice": ("def f(u) = u\ndef f(v) = v", "f(used)", ["RNN022 f"]),
    "bias that is not added": ("def f(u) = tanh(u)", "f(b) + used", ["RNN050 u"]),
    "matrix that is added": ("def f(u) = u + 1", "f(U) @ used", ["RNN025 f(U)"]),
    "exponent from outside": ("def f(u, n) = u ** n", "f(used, k)", ["RNN046 n"]),
    "division by an argument": ("def f(u) = 1 / u", "used * f(0)", ["RNN047 u"]),
    "wrong argument": ("def f(u) = u + 1", "f(q)", ["RNN020 q"]),
}


@pytest.mark.parametrize(
    ("definitions", "value", "expected"), FUNCTIONS.values(), ids=FUNCTIONS.keys()
)
def test_functions(definitions: str, value: str, expected: list[str]) -> None:
    assert found(f"{definitions}\n" + cell(f"h[t] = {value}")) == expected


def test_long_sum() -> None:
    terms = MAX_DEPTH - 10
    spec = cell("h[t] = " + " + ".join(["used"] * terms))
    assert value_of_h(spec).count("used.local") == terms


def test_expansion_is_bounded_where_results_stay_small() -> None:
    lines = ["def f0(u) = u"]
    lines.extend(f"def f{i}(u) = f{i - 1}(f{i - 1}(u))" for i in range(1, 60))
    spec = "\n".join(lines) + "\n" + cell("h[t] = used * f59(used)")
    assert found(spec) == ["RNN062 f59(used)"]


def test_expansion_is_bounded_where_results_grow() -> None:
    lines = ["def f0(u) = u + u"]
    lines.extend(f"def f{i}(u) = f{i - 1}(f{i - 1}(u))" for i in range(1, 60))
    spec = "\n".join(lines) + "\n" + cell("h[t] = f59(used)\nc[t] = f59(w)")
    assert found(spec) == ["RNN062 f59(used)"]


def test_chain_of_functions_does_not_exhaust_the_stack() -> None:
    lines = ["def f0(u) = tanh(u)"]
    lines.extend(f"def f{i}(u) = f{i - 1}(u)" for i in range(1, 1500))
    spec = "\n".join(lines) + "\n" + cell("h[t] = f1499(used)")
    assert found(spec) == ["RNN062 f1499(used)"]


def test_deep_result_of_functions_is_refused() -> None:
    half = " + ".join(["u"] * (MAX_DEPTH // 2 + 5))
    spec = f"def f(u) = {half}\n" + cell("h[t] = f(f(used))")
    assert found(spec) == ["RNN062 f(f(used))"]


def test_ten_thousand_nodes_are_answered_soon() -> None:
    equation = " + ".join(["used * w"] * 45)
    count = 54
    lines = [f"n{i} = {equation}" for i in range(count)]
    lines.append("h[t] = " + " + ".join(f"n{i}" for i in range(count)))
    spec = cell("\n".join(lines))
    start = time.process_time()
    assert found(spec) == []
    assert time.process_time() - start < 5


def test_many_errors_are_answered_soon() -> None:
    names = [f"q{i}" for i in range(4000)]
    lines = [f"n{i} = {' + '.join(names[i * 40 : i * 40 + 40])}" for i in range(100)]
    start = time.process_time()
    assert len(found(cell("\n".join(lines)))) == len(names)
    assert time.process_time() - start < 5


REDUCTION = "over features there are `sum`, `mean`, `largest` and `smallest`"
PRODUCT = "a matrix times a vector is written `W @ u`"
POWER = "a power is written `**`, as in `u ** 2`"
ADVICE = {
    "cumsum": REDUCTION,
    "argmax": REDUCTION,
    "Softmax": "did you mean `softmax`?",
    "LogSoftmax": "did you mean `log_softmax`?",
    "LayerNorm": "did you mean `layer_norm`?",
    "average": "did you mean `mean`?",
    "amax": "did you mean `largest`?",
    "norm": "write `sqrt(sum(u ** 2))`",
    "softmin": "write `softmax(-u)`",
    "BatchNorm": (
        "a cell sees one row: `layer_norm(u)` and `rms_norm(u)` work within it"
    ),
    "sigma": "did you mean `sigmoid`?",
    "sig": "did you mean `sigmoid`?",
    "logistic": "did you mean `sigmoid`?",
    "Sigmoid": "did you mean `sigmoid`?",
    "ReLU": "did you mean `relu`?",
    "Tanh": "did you mean `tanh`?",
    "swish": "did you mean `silu`?",
    "hardtanh": "did you mean `hard_tanh`?",
    "hardsigmoid": "did you mean `hard_sigmoid`?",
    "LogSigmoid": "did you mean `log_sigmoid`?",
    "LeakyReLU": "did you mean `leaky_relu`?",
    "maximum": "did you mean `max`?",
    "minimum": "did you mean `min`?",
    "clip": "did you mean `clamp`?",
    "pow": POWER,
    "square": "write `u ** 2`",
    "matmul": PRODUCT,
    "concat": "vectors are not joined: write two products, `W @ x[t] + U @ h[t-1]`",
    "transpose": "declare the parameter with its dimensions the other way round",
    "tnah": "did you mean `tanh`?",
    "quux": "define it: `def name(u) = ...`",
}


@pytest.mark.parametrize(("name", "help"), ADVICE.items())
def test_what_to_write_instead_of_an_unknown_function(name: str, help: str) -> None:
    (diagnostic,) = report_on(cell(f"h[t] = {name}(used)"))
    assert (diagnostic.code, diagnostic.span.text) == ("RNN044", name)
    assert diagnostic.help == help
