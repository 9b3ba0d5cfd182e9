from __future__ import annotations

import re

import pytest
from step_values import ZOO, plan_of, zoo_plan

from rnndsl.plan.shapes import all_statements, axes_text, plan_shapes
from rnndsl.plan.show import plan_text
from rnndsl.plan.statement_text import statement_text
from rnndsl.plan.statements import Axis, targets

ELMAN = """\
cell Elman(I, H)

recurrence: dense, through U
Units depend on many old values, not linearly: each step has to wait for the one before.

proved the same as torch.nn.RNN, with
  weight_ih  W
  weight_hh  U
  bias_ih    b
  bias_hh    d

matrix products
  before the loop  [H, I] @ x       W
  in each step     [H, H] @ h_prev  U

forward, once
  h_bias = b + d  [H]

forward, before the loop, for all steps at once
  W_x = W @ x + h_bias  [T, B, H]

forward, in each step
  h_pre = U @ h_prev + W_x  [B, H]
  h = tanh(h_pre)           [B, H]

backward, in each step, from the last to the first
  d_h = d_output + d_h_next   [B, H]
  d_h_pre = d_h * (1 - h**2)  [B, H]
  d_h_prev = U.T @ d_h_pre    [B, H]

backward, after the loop, for all steps at once
  d_W_x_bias = sum over t, b of d_h_pre               [H]
  d_h_pre_weight = sum over t, b of d_h_pre h_prev.T  [H, H]
  d_W_x_weight = sum over t, b of d_h_pre x.T         [H, I]

backward, for the gradients of the inputs alone
  d_x = W.T @ d_h_pre  [T, B, I]

kept for the backward pass
  h_prev  [B, H] of each step
  h       [B, H] of each step
  4*H bytes at float32 for each row and step

gradients
  x          d_x
  first h    d_h_prev
  weight_ih  d_W_x_weight
  weight_hh  d_h_pre_weight
  bias_ih    d_W_x_bias
  bias_hh    d_W_x_bias
"""


def test_the_text_for_an_elman() -> None:
    assert plan_text(zoo_plan("Elman")) == ELMAN


def test_parts_of_products() -> None:
    text = plan_text(zoo_plan("LSTM"))
    assert "  [i_pre; f_pre; g_pre; o_pre] = gates_h  [B, H]\n" in text
    assert "  gates_x = weight_ih @ x + gates_x_bias  [T, B, 4*H]\n" in text
    assert re.search(
        r"d_gates_h = \[d_i_pre; d_f_pre; d_g_pre; d_o_pre\] +\[B, 4\*H\]", text
    )
    assert re.search(r"d_gates_h_weight = .* +\[4\*H, H\]\n", text)
    text = plan_text(zoo_plan("GRUD"))
    assert re.search(r"gates_k = \[U_r; U_z\] @ k +\[B, 2\*H\]", text)
    assert re.search(r"d_k_part = \[U_r; U_z\].T @ d_gates_k +\[B, H\]", text)
    assert "  [_; _; U_n] = weight_hh  [H, H]\n" in text
    text = plan_text(zoo_plan("SCRN"))
    assert "  [B_x; A_x] = gates_x  [T, B, C], [T, B, H]\n" in text


def test_what_is_computed_again_is_said() -> None:
    plan = plan_of(
        "cell A(H):\n    input x: [H]\n    state h: [H]\n"
        "    a = sigmoid(x[t] + h[t-1])\n    b = 2 * a + 1\n"
        "    h[t] = exp(b * tanh(b)) * a\n    output h[t]\n"
    )
    assert plan.kept.recomputed
    text = plan_text(plan)
    for name in plan.kept.recomputed:
        assert re.search(rf"  {name} +computed again instead\n", text)


@pytest.mark.parametrize("cell", ZOO)
def test_every_statement_has_a_shape(cell: str) -> None:
    plan = zoo_plan(cell)
    shapes = plan_shapes(plan)
    text = plan_text(plan)
    for statement in all_statements(plan):
        assert f"  {statement_text(statement)}" in text
        for name in targets(statement):
            assert name in shapes
    for name, value in plan.values.items():
        if value.shape is not None:
            assert shapes[name] == tuple((dim,) for dim in value.shape)


@pytest.mark.parametrize("cell", ZOO)
def test_gradients_have_the_shape_of_their_parameters(cell: str) -> None:
    plan = zoo_plan(cell)
    shapes = plan_shapes(plan)
    for name, gradient in zip(plan.stored, plan.backward.parameters, strict=True):
        if cell.startswith("Hopfield"):
            # Its parameters only choose between values.
            assert gradient is None
            continue
        assert gradient is not None
        assert axes_text(shapes[gradient]) == axes_text(shapes[name])


def test_a_shape_on_each_axis() -> None:
    axes = (("H", "H"), ("I",))
    assert axes_text(axes) == "[2*H, I]"
    assert axes_text(axes, Axis.STEP) == "[B, 2*H, I]"
    assert axes_text((), Axis.SEQUENCE) == "[T, B]"


def test_what_runs_without_a_loop_is_told() -> None:
    heading = "\nwithout a loop, for all steps at once: the engine scan\n"
    shown = {name: plan_text(zoo_plan(name)) for name in ("QRNN", "LSTM", "MinGRU")}
    assert heading not in shown["LSTM"]
    assert shown["QRNN"].endswith(
        "  x_1_kept = x, from x_1_first where a row has ended\n"
        "  x_1_prev[t] = x_1_kept[t-1], from x_1_first\n"
        "  gates_x_1 = weight_lh @ x_1_prev + bias_ih\n"
        "  [V_z_x_1; V_f_x_1; V_o_x_1] = gates_x_1\n"
        "  z_pre = W_z_x + V_z_x_1\n"
        "  z = tanh(z_pre)\n"
        "  f_pre = W_f_x + V_f_x_1\n"
        "  f = sigmoid(f_pre)\n"
        "  o_pre = W_o_x + V_o_x_1\n"
        "  o = sigmoid(o_pre)\n"
        "  a = 1 - f\n"
        "  b = f * z\n"
        "  c[t] = a[t] * c[t-1] + b[t], from c_first\n"
        "  output_value = o * c\n"
    )
    assert heading in shown["MinGRU"]
    assert "\n  h[t] = a[t] * h[t-1] + b[t], from h_first\n" in shown["MinGRU"]
