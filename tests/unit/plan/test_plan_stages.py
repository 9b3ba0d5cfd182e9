from __future__ import annotations

import pytest
from step_values import ZOO, graph_of, zoo_graph

from rnndsl.ir.graph import StepGraph, operands
from rnndsl.plan.stages import Stage, stages


def of_stage(graph: StepGraph, stage: Stage) -> list[str]:
    leaves = {"x", "dt", "h_prev", "c_prev", "W", "U", "V", "u", "k"}
    found = stages(graph)
    return [name for name in found if found[name] is stage and name not in leaves]


def test_each_value_is_as_early_as_it_can_be() -> None:
    graph = graph_of(
        "cell A(I, H, O):\n    input x: [I], dt: []\n    state h: [H]\n"
        "    param W: [H, I], U: [H, H], V: [O, H], u: [H], k: []\n"
        "    a = sigmoid(k) * u\n"
        "    b = a * dt[t] + W @ x[t]\n"
        "    c = U @ h[t-1]\n"
        "    d = tanh(c)\n"
        "    h[t] = b + c\n"
        "    output V @ (d + h[t])\n"
    )
    assert of_stage(graph, Stage.FIXED) == ["sigmoid_k", "a"]
    assert of_stage(graph, Stage.BEFORE) == ["dt_wide", "W_x", "b"]
    assert of_stage(graph, Stage.LOOP) == ["c", "h"]
    assert of_stage(graph, Stage.AFTER) == ["d", "output_operand", graph.output]


def test_what_only_the_output_needs_runs_after_the_loop() -> None:
    found = stages(zoo_graph("RWKV"))
    assert found["y"] is Stage.AFTER
    assert found["r"] is Stage.BEFORE
    assert found["decayed"] is Stage.LOOP
    assert found["exp_w"] is Stage.FIXED


@pytest.mark.parametrize("cell", ZOO)
def test_no_value_is_earlier_than_what_it_reads(cell: str) -> None:
    graph = zoo_graph(cell)
    found = stages(graph)
    for node in graph.nodes:
        for name in operands(node.operation):
            assert found[name] <= found[node.name]
    loop_states = [n for n in graph.new_states if found[n] is Stage.AFTER]
    assert not loop_states
