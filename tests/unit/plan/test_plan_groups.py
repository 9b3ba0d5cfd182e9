from __future__ import annotations

import pytest
from step_values import ZOO, plan_of, zoo_plan

from rnndsl.plan.groups import ProductGroup
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.stages import Stage
from rnndsl.plan.statements import Compute, Convolve, Join, Multiply, Weight


def of_stage(plan: CellPlan, stage: Stage) -> list[ProductGroup]:
    return [group for group in plan.groups if group.stage is stage]


def test_an_lstm_has_one_product_before_and_one_in_the_loop() -> None:
    plan = zoo_plan("LSTM")
    before, loop = plan.groups
    assert before == ProductGroup(
        target="gates_x",
        operand="x",
        stage=Stage.BEFORE,
        members=("W_i_x", "W_f_x", "W_g_x", "W_o_x"),
        rows=("H",) * 4,
        weight=Weight(("W_i", "W_f", "W_g", "W_o"), "weight_ih", 0, 4),
        bases=("i_bias", "f_bias", "g_bias", "o_bias"),
    )
    assert loop.weight == Weight(("U_i", "U_f", "U_g", "U_o"), "weight_hh", 0, 4)
    assert loop.weight.is_whole
    assert (loop.seed, loop.stage) == ("gates_x", Stage.LOOP)
    (bias,) = (s for s in plan.forward.fixed if isinstance(s, Compute))
    (multiply,) = (s for s in plan.forward.before if isinstance(s, Multiply))
    assert multiply.base == bias.target


def test_a_gru_adds_its_inner_bias_in_the_product() -> None:
    plan = zoo_plan("GRU")
    (loop,) = of_stage(plan, Stage.LOOP)
    assert loop.rows == ("H", "H", "H")
    assert loop.bases == ("d_r", "d_z", "d_n")
    assert loop.seed is None
    assert loop.members[2] == "n_sum"
    (multiply,) = (s for s in plan.forward.loop if isinstance(s, Multiply))
    assert multiply.base == "bias_hh"


def test_a_gru_that_resets_before_has_two_products_in_the_loop() -> None:
    gates, candidate = of_stage(zoo_plan("GRUResetBefore"), Stage.LOOP)
    assert gates.weight == Weight(("U_r", "U_z"), "weight_hh", 0, 3)
    assert not gates.weight.is_whole
    assert candidate.operand == "n_operand"
    assert candidate.weight == Weight(("U_n",), None)


def test_peepholes_stay_outside_the_products() -> None:
    plan = zoo_plan("PeepholeLSTM")
    (loop,) = of_stage(plan, Stage.LOOP)
    assert loop.seed == "gates_x"
    assert loop.rows == ("H",) * 4
    # Only the candidate has no peephole: it is its product.
    assert loop.members == ("U_i_h", "U_f_h", "g_pre", "U_o_h")


def test_matrices_of_different_tensors_are_put_together() -> None:
    before = of_stage(zoo_plan("SCRN"), Stage.BEFORE)
    (group,) = before
    assert group.weight == Weight(("B", "A"), None)
    assert group.rows == ("C", "H")


def test_blocks_are_multiplied_in_the_order_they_are_stored_in() -> None:
    plan = plan_of(
        "cell A(I, H):\n    input x: [I]\n    state h: [H]\n"
        "    param W_{a,b,c}: [H, I]\n"
        "    h[t] = tanh(W_c @ x[t]) * sigmoid(W_a @ x[t]) + (W_b @ x[t]) * h[t-1]\n"
        "    output h[t]\n"
    )
    (group,) = plan.groups
    assert group.weight == Weight(("W_a", "W_b", "W_c"), "W", 0, 3)


def test_a_bias_of_some_members_is_filled_with_zeros() -> None:
    plan = plan_of(
        "cell A(I, H):\n    input x: [I]\n    state h: [H]\n"
        "    param W_{a,b}: [H, I], b: [H]\n"
        "    h[t] = tanh(W_a @ x[t] + b) * h[t-1] + tanh(W_b @ x[t])\n    output h[t]\n"
    )
    (join,) = (s for s in plan.forward.fixed if isinstance(s, Join))
    assert join.parts == ("b", None)


@pytest.mark.parametrize("cell", ZOO)
def test_every_product_is_in_one_group(cell: str) -> None:
    plan = zoo_plan(cell)
    members = [name for group in plan.groups for name in group.members]
    assert len(set(members)) == len(members)
    for group in plan.groups:
        assert len(group.members) == len(group.rows) == len(group.bases)
        if group.seed is not None:
            seeds = [other for other in plan.groups if other.target == group.seed]
            assert [other.members for other in seeds] == [group.bases]
    forward = (*plan.forward.before, *plan.forward.loop, *plan.forward.after)
    products = [s.target for s in forward if isinstance(s, Multiply | Convolve)]
    assert sorted(products) == sorted(group.target for group in plan.groups)
