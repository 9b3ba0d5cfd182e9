"""Rules about equations, in the forms beyond those of ``tests/rules``."""

from __future__ import annotations

import pytest
from analysis_specs import cell, found, report_on

EQUATIONS = {
    "accepted: usual declarations": ("", []),
    "accepted: scalar with vector": ("h[t] = k * used + two", []),
    "accepted: bias subtracted": ("h[t] = used - b", []),
    "accepted: sum of biases": ("h[t] = used * (b + b)", []),
    "accepted: matrix in brackets": ("h[t] = (U) @ used", []),
    "accepted: chained products": ("h[t] = U @ (U @ used)", []),
    "accepted: product then gate": ("h[t] = U @ used * used", []),
    "accepted: comparison of scalars": ("h[t] = where(k > 0, used, c[t-1])", []),
    "accepted: power by constant": ("h[t] = used ** (two - 0.5)", []),
    "accepted: dimension as number": ("h[t] = used / sqrt(H)", []),
    "accepted: pi": ("h[t] = sin(pi * used)", []),
    "accepted: defaults": ("h[t] = elu(used) + leaky_relu(used, 0.2)", []),
    "accepted: new value below": ("c[t] = used\nh[t] = tanh(c[t])", []),
    "unknown once": ("h[t] = used + q * q + q", ["RNN020 q"]),
    "unknown function as value": ("h[t] = used + tanh", ["RNN020 tanh"]),
    "difference": ("h[t] = used - x[t]", ["RNN021 x[t]"]),
    "left one is to blame": ("h[t] = x[t] * (used + w)", ["RNN021 x[t]"]),
    "shorter one is to blame": (
        "h[t] = exp(x[t]) + tanh(used + w)",
        ["RNN021 exp(x[t])"],
    ),
    "later of two alike is to blame": (
        "h[t] = sin(used) + exp(x[t])",
        ["RNN021 exp(x[t])"],
    ),
    "divisor": ("h[t] = used / x[t]", ["RNN021 x[t]"]),
    "comparison": ("h[t] = where(used < x[t], used, w)", ["RNN021 x[t]"]),
    "operands of where": ("h[t] = where(w < used, used, x[t])", ["RNN021 x[t]"]),
    "operand behind a scalar": ("h[t] = where(k < 0, x[t], used)", ["RNN021 used"]),
    "operands of max": ("h[t] = max(x[t], used)", ["RNN021 used"]),
    "vector times vector": ("h[t] = used @ used", ["RNN025 used"]),
    "scalar parameter times vector": ("h[t] = k @ used", ["RNN025 k"]),
    "call times vector": ("h[t] = tanh(used) @ used", ["RNN025 tanh(used)"]),
    "input times vector": ("h[t] = x[t] @ used", ["RNN025 x[t]"]),
    "product of product": ("h[t] = U @ U @ used", ["RNN025 U @ U"]),
    "matrix times scalar": ("h[t] = U @ k", ["RNN026 k"]),
    "matrix times sum": ("h[t] = U @ (x[t] + x[t])", ["RNN026 (x[t] + x[t])"]),
    "input without index": ("h[t] = W @ x", ["RNN027 x"]),
    "state without index on the left": ("h = used", ["RNN027 h"]),
    "parameter with index": ("h[t] = U[t] @ used", ["RNN028 [t]"]),
    "constant with index": ("h[t] = two[t-1] * used", ["RNN028 [t-1]"]),
    "dimension with index": ("h[t] = used / H[t]", ["RNN028 [t]"]),
    "state in the future": ("h[t] = used + c[t+1]", ["RNN029 [t+1]"]),
    "state of long ago": ("h[t] = used + c[t-65]", ["RNN029 [t-65]"]),
    "own new value": ("h[t] = used + h[t]", ["RNN031 h[t]"]),
    "own local": ("a = used + a\nh[t] = a", ["RNN031 a"]),
    "input assigned": ("x[t] = used", ["RNN036 x[t]"]),
    "constant assigned": ("two = used", ["RNN036 two"]),
    "dimension assigned": ("H = used", ["RNN036 H"]),
    "zero times": ("h[t] = used * 0.0", ["RNN043 used * 0.0"]),
    "zero over": ("h[t] = 0 / used + used", ["RNN043 0 / used"]),
    "difference with itself": ("h[t] = used + (w - w)", ["RNN043 (w - w)"]),
    "same product": (
        "h[t] = used + (U @ used - U @ used)",
        ["RNN043 (U @ used - U @ used)"],
    ),
    "over itself": ("h[t] = used + used / used", ["RNN043 used / used"]),
    "power zero": ("h[t] = used + used ** 0", ["RNN043 used ** 0"]),
    "value called": ("h[t] = used(w)", ["RNN044 used"]),
    "missing operand": ("h[t] = max(used)", ["RNN045 max"]),
    "no operand": ("h[t] = used + tanh()", ["RNN045 tanh"]),
    "three settings": ("h[t] = elu(used, 1, 2)", ["RNN045 elu"]),
    "exponent is a dimension": ("h[t] = used ** H", ["RNN046 H"]),
    "setting is a parameter": ("h[t] = clamp(used, -1, k)", ["RNN046 k"]),
    "division by zero": ("h[t] = used / 0", ["RNN047 0"]),
    "division by a zero result": ("h[t] = used / (two - 2)", ["RNN047 (two - 2)"]),
    "logarithm of a negative": ("h[t] = used * log(-1)", ["RNN047 log(-1)"]),
    "root of a negative": ("h[t] = used * sqrt(-two)", ["RNN047 sqrt(-two)"]),
    "complex power": ("h[t] = used * (-8) ** 0.5", ["RNN047 (-8) ** 0.5"]),
    "huge product": ("h[t] = used * (1e200 * 1e200)", ["RNN047 (1e200 * 1e200)"]),
    "exponential": ("h[t] = used * exp(1000)", ["RNN047 exp(1000)"]),
    "bounds in disorder": ("h[t] = clamp(used, 1, -1)", ["RNN047 1, -1"]),
    "comparison stored": ("m = used > 0\nh[t] = used", ["RNN048 used > 0"]),
    "comparison in a call": ("h[t] = tanh(used > 0)", ["RNN048 used > 0"]),
    "comparison chosen": (
        "h[t] = where(k > 0, used > 0, used)",
        ["RNN048 used > 0"],
    ),
    "bias alone": ("h[t] = used\nc[t] = b", ["RNN050 b"]),
    "bias negated": ("h[t] = used + -b", ["RNN050 b"]),
    "bias in a call": ("h[t] = used + tanh(b)", ["RNN050 b"]),
    "bias behind a matrix": ("h[t] = used + U @ b", ["RNN050 b"]),
    "bias raised": ("h[t] = used + b ** 2", ["RNN050 b"]),
    "bias compared": ("h[t] = where(b > 0, used, w)", ["RNN050 b"]),
    "matrix added": ("h[t] = used + U", ["RNN071 U"]),
    "matrix stored": ("m = U\nh[t] = used", ["RNN071 U"]),
    "matrix in a call": ("h[t] = tanh(U) + used", ["RNN071 U"]),
    "matrix on both sides": ("h[t] = U @ U", ["RNN071 U"]),
    "reserved local": ("tanh = used\nh[t] = used", ["RNN023 tanh"]),
    "module attribute": ("forward = used\nh[t] = used", ["RNN023 forward"]),
    "scalar for a vector state": ("h[t] = used\nc[t] = k", ["RNN076 k"]),
}


@pytest.mark.parametrize(
    ("equations", "expected"), EQUATIONS.values(), ids=EQUATIONS.keys()
)
def test_equations(equations: str, expected: list[str]) -> None:
    assert found(cell(equations)) == expected


def test_three_independent_errors_in_one_run() -> None:
    spec = cell(
        "a = used + x[t]\nd = tnah(used)\nh[t] = a + d + used ** k\nc[t] = a * d"
    )
    assert found(spec) == ["RNN021 x[t]", "RNN044 tnah", "RNN046 k"]


def test_unknown_operand_causes_nothing_else() -> None:
    spec = cell("a = tanh(q) + x[t]\nd = where(a > 0, a, used)\nh[t] = d @ a + W @ d")
    assert found(spec) == ["RNN020 q"]


def test_wrong_declaration_is_not_reported_where_it_is_read() -> None:
    spec = cell("h[t] = used + v * u[t]", "param v: [K]\ninput u\nconst m = 1 / 0")
    assert found(spec) == ["RNN056 K", "RNN069 u", "RNN047 0"]


def test_undeclared_state_is_reported_once() -> None:
    spec = cell("s[t] = s[t-1] + used\nh[t] = tanh(s[t])")
    assert found(spec) == ["RNN074 s[t]"]


def test_errors_keep_warnings_back() -> None:
    spec = cell("h[t] = used + q", "param spare: [H]")
    assert found(spec) == ["RNN020 q"]


def test_warnings_of_a_cell_without_errors() -> None:
    spec = cell("a = used\nd = a", "param spare: [H]\nstate s: [H]").replace(
        "    output", "    s[t] = used\n    output"
    )
    assert found(spec) == ["RNN024 spare", "RNN024 s", "RNN042 a", "RNN042 d"]


def test_long_cycle_is_printed_from_its_first_equation() -> None:
    (diagnostic,) = report_on(cell("a = d\nd = used + c[t]\nh[t] = a\nc[t] = a * 2"))
    assert diagnostic.message == (
        "these equations need one another: a -> d -> c[t] -> a"
    )
    assert [label.message for label in diagnostic.labels] == [
        "`d` needs `c[t]`",
        "`c[t]` needs `a`",
    ]


def test_order_of_two_states_is_free_where_nothing_is_read_early() -> None:
    assert found(cell("h[t] = used + c[t-1]\nc[t] = used + h[t]")) == []


SUGGESTIONS = {
    "name": ("h[t] = usde", "did you mean `used`?"),
    "other case": ("h[t] = Used", "did you mean `used`?"),
    "function": ("h[t] = sigmod(used)", "did you mean `sigmoid`?"),
    "group": (
        "h[t] = used + V",
        "a group is read by member: `V_a`, `V_b`",
    ),
    "call of a function": (
        "h[t] = tanh",
        "`tanh` is a function: call it, as in `tanh(...)`",
    ),
    "call of a value": (
        "h[t] = w(used)",
        "`w` is a value; write `*` to multiply by it",
    ),
    "nothing near": ("h[t] = zzzzz", ""),
    "brackets around a product": (
        "h[t] = used * U @ used",
        "write `used * (U @ used)`",
    ),
    "brackets around a right side": (
        "h[t] = (k + 1) * U @ (w * used)",
        "write `(k + 1) * (U @ (w * used))`",
    ),
    "projection": (
        "h[t] = used + x[t]",
        "project it with a parameter: `P @ x[t]`, `param P: [H, I]`",
    ),
    "settings": ("h[t] = clamp(used)", "write `clamp(u, low, high)`"),
    "defaults": ("h[t] = elu()", "write `elu(u, alpha=1)`"),
}


@pytest.mark.parametrize(("line", "help"), SUGGESTIONS.values(), ids=SUGGESTIONS.keys())
def test_help(line: str, help: str) -> None:
    (diagnostic,) = report_on(cell(line, "param V_{a,b}: [H]"))
    assert diagnostic.help == help


HELP = {
    "h = used": "write `h[t] = ...`",
    "h[t+1] = tanh(h[t])": "write `h[t] = ...`, and `h[t-1]` for the old value",
    "h[t-1] = used": "write `h[t] = ...`",
    "h[t] = used + c": "write `c[t-1]` for the old value, `c[t]` for the new one",
    "h[t] = W @ x": "write `x[t]`",
}


@pytest.mark.parametrize(("equation", "help"), HELP.items())
def test_what_to_write_instead(equation: str, help: str) -> None:
    first, *_ = report_on(cell(equation))
    assert first.help == help


def test_cell_written_one_step_ahead_is_reported_once() -> None:
    spec = """\
cell A(I, H):
    input x: [I]
    state h: [H]
    param W: [H, I], U: [H, H]
    bias b: [H]

    h[t+1] = tanh(W @ x[t+1] + U @ h[t] + b)
    output h[t+1]
"""
    assert found(spec) == ["RNN075 [t+1]"]


def test_other_mistakes_of_a_cell_one_step_ahead_are_reported() -> None:
    spec = cell("s[t+1] = s[t] * w + x[t-1]\nh[t] = used * h[t]", "state s: [H]")
    assert found(spec) == ["RNN075 [t+1]", "RNN021 x[t-1]", "RNN031 h[t]"]


def test_bias_that_is_not_added_says_why() -> None:
    (diagnostic,) = report_on(cell("h[t] = used * b"))
    assert diagnostic.notes == (
        "a module made with `bias=False` leaves its biases out, as if zero",
    )
    assert diagnostic.help == "declare it as `param` to use it in another way"
