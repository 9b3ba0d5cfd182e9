from __future__ import annotations

import pytest
from step_values import ZOO, plan_of, zoo_plan

from rnndsl.ir.graph import Input
from rnndsl.plan.statements import Statement, reads, targets


def test_an_lstm_keeps_its_gates() -> None:
    kept = zoo_plan("LSTM").kept
    assert kept.steps == ("h_prev", "c_prev", "i", "f", "g", "o", "tanh_c")
    assert (kept.sequences, kept.recomputed) == ((), ())


def test_what_two_operations_give_is_computed_again() -> None:
    plan = plan_of(
        "cell A(I, H):\n    input x: [I]\n    state h: [H]\n"
        "    param W: [H, I], U: [H, H]\n"
        "    a = sigmoid(W @ x[t] + U @ h[t-1])\n"
        "    b = 2 * a + 1\n"
        "    c = tanh(b)\n"
        "    h[t] = exp(b * c) * a\n"
        "    output h[t]\n"
    )
    assert "b" in plan.kept.recomputed
    assert "b" not in plan.kept.steps
    assert {"a", "c"} <= {*plan.kept.steps}
    again = [s for s in plan.backward.loop if "b" in targets(s)]
    assert len(again) == 1


def test_what_is_long_or_a_function_is_kept() -> None:
    plan = plan_of(
        "cell A(H):\n    input x: [H]\n    state h: [H]\n    param u: [H]\n"
        "    a = sigmoid(x[t] + h[t-1])\n"
        "    b = u * a + x[t] * a - a\n"
        "    h[t] = exp(b) * b\n    output h[t]\n"
    )
    assert plan.kept.recomputed == ()
    assert {"a", "b"} <= {*plan.kept.steps}


def test_values_of_all_steps_are_kept_as_one() -> None:
    kept = zoo_plan("MinGRU").kept
    assert kept.steps == ("h_prev",)
    assert "z" in kept.sequences


@pytest.mark.parametrize("cell", ZOO)
def test_all_that_the_backward_pass_reads_is_there(cell: str) -> None:
    plan = zoo_plan(cell)
    backward = plan.backward
    known = {
        *plan.kept.steps,
        *plan.kept.sequences,
        *plan.stored,
        *backward.arriving,
        "d_output",
        *(n.name for n in plan.graph.nodes if isinstance(n.operation, Input)),
    }
    regions: tuple[tuple[Statement, ...], ...] = (
        backward.fixed,
        backward.before,
        backward.loop,
        backward.after,
        backward.for_inputs,
    )
    for region in regions:
        for statement in region:
            assert {*reads(statement)} <= known
            known.update(targets(statement))
    results = (*backward.leaving, *backward.inputs, *backward.parameters)
    assert {name for name in results if name is not None} <= known


@pytest.mark.parametrize("cell", ZOO)
def test_nothing_is_kept_in_vain(cell: str) -> None:
    plan = zoo_plan(cell)
    backward = plan.backward
    regions = (backward.before, backward.loop, backward.after, backward.for_inputs)
    read = {name for region in regions for s in region for name in reads(s)}
    assert {*plan.kept.steps, *plan.kept.sequences} <= read
    assert not {*plan.kept.recomputed} & {*plan.kept.steps}
