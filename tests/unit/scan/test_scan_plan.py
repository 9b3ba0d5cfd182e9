"""Which cells have a scan, why others have none, and what is written."""

from __future__ import annotations

import pytest
from scan_cases import ZOO, text_of
from step_values import graph_of

from rnndsl import zoo
from rnndsl.formulas.formula import Symbol
from rnndsl.formulas.text import written
from rnndsl.ir.graph import Elementwise
from rnndsl.plan.plan import ScanPlan
from rnndsl.plan.planner import plan_cell
from rnndsl.symbolic.linear import linear_in

HEAD = """
cell A(I, H):
    input x: [I]
    state h: [H], s: [H]
    param W: [H, I], U: [H, H], g: [H], k: []
"""


def scan_of(*equations: str) -> ScanPlan | str:
    body = "".join(f"    {line}\n" for line in equations)
    return plan_cell(graph_of(f"{HEAD}{body}    output h[t] + s[t]\n")).scan


def function_of(cell: str) -> str:
    """The function for all steps at once, without its docstring."""
    name = "chain" if cell == "Chain" else zoo.path(cell).stem
    _, _, behind = text_of(cell).partition(f"def {name}_scan(")
    body = behind.partition("\n\n\n")[0]
    return body.split('"""')[2].strip("\n")


@pytest.mark.parametrize(
    ("right", "coefficient", "rest"),
    [
        ("h[t-1]", "1", None),
        ("(1 - g) * h[t-1] + g * s[t-1]", "1 - g", "g * s_prev"),
        ("h[t-1] + g * (s[t-1] - h[t-1])", "1 - g", "g * s_prev"),
        ("(g * h[t-1] + s[t-1]) / (k + g)", "g / (k + g)", "s_prev / (k + g)"),
        ("g - k * -h[t-1] * 2", "k * 2", "g"),
        ("-(g - h[t-1])", "1", "-g"),
        ("h[t-1] * h[t-1]", None, None),
        ("g / h[t-1]", None, None),
        ("h[t-1] ** 2 + g", None, None),
    ],
)
def test_linear_parts(right: str, coefficient: str | None, rest: str | None) -> None:
    graph = graph_of(
        f"{HEAD}    h[t] = {right}\n    s[t] = W @ x[t]\n    output h[t] * s[t]\n"
    )
    operation = graph.node(graph.new_states[0]).operation
    formula = (
        operation.formula if isinstance(operation, Elementwise) else Symbol("h_prev")
    )
    found = linear_in(formula, "h_prev")
    if coefficient is None:
        assert found is None
        return
    assert found is not None
    assert found.coefficient is not None
    assert written(found.coefficient, {}).text == coefficient
    text = None if found.rest is None else written(found.rest, {}).text
    assert text == rest


def test_the_zoo() -> None:
    has_scan = [
        name
        for name in zoo.cell_names()
        if isinstance(plan_cell(graph_of(zoo.read(name))).scan, ScanPlan)
    ]
    assert tuple(sorted(has_scan)) == ZOO


@pytest.mark.parametrize(
    ("equations", "reason"),
    [
        (
            ("h[t] = tanh(U @ h[t-1] + W @ x[t])", "s[t] = h[t]"),
            "has a recurrence that is dense, through U",
        ),
        (
            ("h[t] = U @ h[t-1] + W @ x[t]", "s[t] = h[t]"),
            "has a recurrence that is matrix linear, through U",
        ),
        (
            ("h[t] = tanh(g * h[t-1] + W @ x[t])", "s[t] = h[t]"),
            "has a recurrence that is diagonal nonlinear",
        ),
        (
            ("h[t] = where(k > 0, 0, h[t-1]) + W @ x[t]", "s[t] = h[t]"),
            "has a recurrence that is diagonal nonlinear",
        ),
        (
            ("h[t] = g * s[t-1] + W @ x[t]", "s[t] = h[t-1] + s[t-1]"),
            "has states that wait for each other",
        ),
    ],
)
def test_why_there_is_none(equations: tuple[str, ...], reason: str) -> None:
    assert scan_of(*equations) == reason


@pytest.mark.parametrize(
    "equations",
    [
        ("h[t] = W @ x[t]", "s[t] = h[t-1]"),
        ("h[t] = h[t-1] + W @ x[t]", "s[t] = sigmoid(U @ h[t]) * s[t-1] + g"),
        ("h[t] = softmax(U @ s[t-1]) * h[t-1]", "s[t] = g * s[t-1] + W @ x[t]"),
        ("h[t] = s[t-1] * h[t-1] + k", "s[t] = s[t-1]"),
        ("h[t] = g * h[t-1] + W @ x[t]", "s[t] = h[t]"),
    ],
)
def test_states_one_after_the_other(equations: tuple[str, ...]) -> None:
    """A state may have any function of another that is found before it."""
    assert isinstance(scan_of(*equations), ScanPlan)


def test_the_text_of_a_scan_and_a_delay() -> None:
    assert (
        function_of("QRNN")
        == """\
    (x,) = inputs
    weight_ih, weight_lh, bias_ih = parameters
    c_first, x_1_first = state
    gates_x = F.linear(x, weight_ih)
    W_z_x, W_f_x, W_o_x = gates_x.chunk(3, -1)
    x_1_kept = kept_steps(x, x_1_first, mask)
    x_1_prev = steps_before(x_1_kept, x_1_first)
    gates_x_1 = F.linear(x_1_prev, weight_lh, bias_ih)
    V_z_x_1, V_f_x_1, V_o_x_1 = gates_x_1.chunk(3, -1)
    # spec.rnn:14  z = tanh(W_z @ x[t] + V_z @ x[t-1] + b_z)
    z_pre = W_z_x + V_z_x_1
    z = torch.tanh(z_pre)
    # spec.rnn:15  f = sigmoid(W_f @ x[t] + V_f @ x[t-1] + b_f)
    f_pre = W_f_x + V_f_x_1
    f = torch.sigmoid(f_pre)
    # spec.rnn:16  o = sigmoid(W_o @ x[t] + V_o @ x[t-1] + b_o)
    o_pre = W_o_x + V_o_x_1
    o = torch.sigmoid(o_pre)
    # spec.rnn:17  c[t] = f * z + (1 - f) * c[t-1]
    a = 1 - f
    b = f * z
    c = linear_scan(a, b, c_first, mask)
    output_value = o * c
    last_state = (c[-1].clone(), x_1_kept[-1].clone())
    return output_value, last_state"""
    )


def test_the_text_of_a_chain() -> None:
    """In the order in which the states are found."""
    found = [
        line.strip()
        for line in function_of("Chain").splitlines()
        if "_scan(" in line or "steps_before(" in line or ".expand(" in line
    ]
    assert found == [
        "s = linear_scan(a_s, dt, s_first, mask)",
        "s_prev = steps_before(s, s_first)",
        "h = linear_scan(f, b_h, h_first, mask)",
        "h_prev = steps_before(h, h_first)",
        "k = linear_scan(a_k, b_k, k_first, mask)",
        "M = linear_scan(a_M, b_M, M_first, mask)",
        "start_prev = start_first.expand(steps, *start_first.shape)",
    ]
