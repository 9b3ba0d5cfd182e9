from __future__ import annotations

import pytest
from step_values import (
    ZOO,
    assert_same,
    evaluated,
    graph_of,
    leaves,
    zoo_graph,
    zoo_plan,
)

from rnndsl.formulas.formula import Compare, Formula, Symbol, children, symbols
from rnndsl.ir.graph import Elementwise, Product, StepGraph
from rnndsl.plan.hoist import hoist
from rnndsl.plan.stages import Stage, stages

SPECS = {
    "sums": """
cell Sums(I, H):
    input x: [I]
    state h: [H], c: [H]
    param W_{a,b}: [H, I], U_{a,b}: [H, H], u: [H], k: []
    bias b_{a,b}: [H]

    a = tanh(u + W_a @ x[t] - b_a - U_a @ h[t-1] + k + u * u)
    b = sigmoid(b_b - (W_b @ x[t] + U_b @ h[t-1]) * 2 - k * c[t-1])
    c[t] = a * (1 + k) - b * (u - c[t-1]) + (k - u * k) * (W_a @ x[t] + 1)
    h[t] = a - (k + u) + b / (k ** 2 + 1) - -c[t]
    output h[t] + U_a @ c[t] + u
""",
    "shared products": """
cell Shared(I, H):
    input x: [I]
    state h: [H]
    param W: [H, I], U: [H, H], V: [H, H]
    bias b: [H]

    v = U @ h[t-1]
    a = tanh(W @ x[t] + v + b)
    c = sigmoid(W @ x[t] + V @ h[t-1] + b + v)
    h[t] = a * c + V @ (a - v) + b
    output h[t]
""",
}


def compare(graph: StepGraph, found: StepGraph) -> None:
    given = leaves(graph, 13)
    expected, values = evaluated(graph, given), evaluated(found, given)
    for name in (*graph.new_states, graph.output):
        assert_same(values[name], expected[name], 1e-11)
    # What keeps its name keeps its value; only sums are regrouped.
    for node in graph.nodes:
        known = node.name in values and isinstance(node.operation, Elementwise)
        if known and not isinstance(found.node(node.name).operation, Product):
            assert_same(values[node.name], expected[node.name], 1e-11)


@pytest.mark.parametrize("cell", ZOO)
def test_the_values_stay_the_same(cell: str) -> None:
    compare(zoo_graph(cell), zoo_plan(cell).graph)


@pytest.mark.parametrize("name", SPECS)
def test_the_values_stay_the_same_however_sums_are_written(name: str) -> None:
    graph = graph_of(SPECS[name])
    compare(graph, hoist(graph))


def test_an_lstm_starts_from_what_needs_no_state() -> None:
    graph = zoo_plan("LSTM").graph
    operation = {node.name: node.operation for node in graph.nodes}
    for gate in "ifgo":
        bias = Elementwise(Symbol(f"b_{gate}") + Symbol(f"d_{gate}"))
        assert operation[f"{gate}_bias"] == bias
        assert operation[f"W_{gate}_x"] == Product(f"W_{gate}", "x", f"{gate}_bias")
        assert operation[f"{gate}_pre"] == Product(f"U_{gate}", "h_prev", f"W_{gate}_x")


def test_a_bias_goes_with_the_product_before_it() -> None:
    graph = zoo_plan("GRU").graph
    assert graph.node("n_sum").operation == Product("U_n", "h_prev", "d_n")
    assert graph.node("W_n_x").operation == Product("W_n", "x", "b_n")


@pytest.mark.parametrize("cell", ZOO)
def test_the_loop_is_left_with_what_needs_a_state(cell: str) -> None:
    """No operation inside a formula of the loop could run before it. A comparison is no
    value of its own: it runs where it chooses."""
    graph = zoo_plan(cell).graph
    stage = stages(graph)

    def early_parts(formula: Formula) -> list[Formula]:
        inside = children(formula)
        names = symbols(formula)
        if isinstance(formula, Compare):
            return [part for child in inside for part in early_parts(child)]
        if inside and names and all(stage[name] <= Stage.BEFORE for name in names):
            return [formula]
        return [part for child in inside for part in early_parts(child)]

    for node in graph.nodes:
        if stage[node.name] is Stage.LOOP and isinstance(node.operation, Elementwise):
            assert early_parts(node.operation.formula) == []


def test_fixed_parts_run_once() -> None:
    graph = hoist(
        graph_of(
            "cell A(H):\n    input x: [H]\n    state h: [H]\n    param u: [H], k: []\n"
            "    h[t] = sigmoid(u) * k * h[t-1] + x[t] * (1 - exp(-k))\n"
            "    output h[t]\n"
        )
    )
    stage = stages(graph)
    fixed = [
        node.name
        for node in graph.nodes
        if stage[node.name] is Stage.FIXED and isinstance(node.operation, Elementwise)
    ]
    assert len(fixed) == 5
    (formula,) = (
        node.operation.formula
        for node in graph.nodes
        if node.name == "h" and isinstance(node.operation, Elementwise)
    )
    assert len(symbols(formula)) == 3
