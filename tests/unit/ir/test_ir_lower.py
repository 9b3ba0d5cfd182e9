from __future__ import annotations

from types import SimpleNamespace

import pytest
from step_values import (
    ZOO,
    arguments,
    assert_same,
    evaluated,
    graph_of,
    leaves,
    module_of,
    zoo_graph,
)

from rnndsl.formulas.formula import Apply, Number, Symbol
from rnndsl.ir.graph import (
    Elementwise,
    Expand,
    Node,
    Previous,
    Product,
    StepGraph,
    Widen,
)
from rnndsl.ir.notation import author_names, notation
from rnndsl.ir.varying import varying

HEAD = """
cell A(I, H):
    input x: [I], dt: []
    state h: [H]
    param W: [H, I], U: [H, H], u: [H], k: []
"""


def lowered(*lines: str) -> StepGraph:
    return graph_of(HEAD + "".join(f"    {line}\n" for line in lines))


def operation(graph: StepGraph, name: str) -> object:
    return graph.node(name).operation


@pytest.mark.parametrize("cell", ZOO)
def test_values_are_those_of_the_generated_step(cell: str) -> None:
    graph = zoo_graph(cell)
    given = leaves(graph, 11)
    values = evaluated(graph, given)
    step = getattr(module_of(cell), cell).specification.step
    output, new_state = step(*arguments(graph, given))
    assert_same(values[graph.output], output)
    for name, expected in zip(graph.new_states, new_state, strict=True):
        assert_same(values[name], expected)


def test_the_nodes_of_a_gate() -> None:
    graph = zoo_graph("LSTM")
    assert operation(graph, "W_i_x") == Product("W_i", "x")
    assert operation(graph, "U_i_h") == Product("U_i", "h_prev")
    terms = [Symbol(name) for name in ("W_i_x", "b_i", "U_i_h", "d_i")]
    assert operation(graph, "i_pre") == Elementwise(
        terms[0] + terms[1] + terms[2] + terms[3]
    )
    assert operation(graph, "i") == Elementwise(Apply("sigmoid", (Symbol("i_pre"),)))
    assert graph.node("i").equation == 0
    assert graph.node("x").equation is None
    assert (graph.new_states, graph.output) == (("h", "c"), "h")


def test_the_same_computation_is_one_node() -> None:
    graph = lowered(
        "a = tanh(W @ x[t] + u)",
        "b = a * tanh(W @ x[t] + u)",
        "h[t] = b + sigmoid(U @ h[t-1]) * sigmoid(U @ h[t-1])",
        "output h[t]",
    )
    products = [n.name for n in graph.nodes if isinstance(n.operation, Product)]
    assert products == ["W_x", "U_h"]
    assert operation(graph, "b") == Elementwise(Symbol("a") * Symbol("a"))


def test_what_is_not_used_is_left_out() -> None:
    graph = lowered("a = tanh(U @ h[t-1])", "h[t] = W @ x[t]", "output h[t]")
    assert [node.name for node in graph.nodes] == ["x", "h_prev", "W", "h"]


def test_a_scalar_of_each_row_is_widened_beside_vectors() -> None:
    graph = lowered("h[t] = dt[t] * u * k + W @ x[t]", "output h[t]")
    assert operation(graph, "dt_wide") == Widen("dt")
    assert graph.node("dt_wide").shape == ("H",)
    assert operation(graph, "h") == Elementwise(
        Symbol("dt_wide") * Symbol("u") * Symbol("k") + Symbol("W_x")
    )


def test_what_is_the_same_for_all_rows_is_expanded() -> None:
    graph = graph_of(
        "cell A(H):\n    input x: [H]\n    state h: [H], n: [H]\n"
        "    param u: [H]\n    h[t] = x[t] * h[t-1]\n    n[t] = exp(u)\n"
        "    output u\n"
    )
    rows = {n.name: n.operation for n in graph.nodes if isinstance(n.operation, Expand)}
    assert rows == {"n_rows": Expand("n"), "output_rows": Expand("u")}
    assert graph.new_states == ("h", "n_rows")
    assert graph.output == "output_rows"


def test_a_function_of_numbers_is_a_number() -> None:
    graph = lowered("h[t] = exp(0) * h[t-1] + sqrt(4) * (W @ x[t])", "output h[t]")
    formula = Number(1.0) * Symbol("h_prev") + Number(2.0) * Symbol("W_x")
    assert operation(graph, "h") == Elementwise(formula)


def test_a_state_may_be_passed_on() -> None:
    graph = graph_of(
        "cell A(H):\n    input x: [H]\n    state h: [H], g: [H]\n"
        "    h[t] = x[t]\n    g[t] = h[t-1]\n    output g[t]\n"
    )
    assert graph.new_states == ("x", "h_prev")
    assert graph.output == "h_prev"


def test_the_author_has_the_first_choice_of_names() -> None:
    graph = lowered("h_prev = W @ x[t]", "h[t] = h_prev + h[t-1]", "output h[t]")
    assert operation(graph, "h_prev") == Product("W", "x")
    assert operation(graph, "h_prev_") == Previous("h")
    assert list(author_names(graph)) == ["h_prev", "h"]


def test_names_of_generated_code_are_not_used() -> None:
    graph = lowered("steps = W @ x[t]", "h[t] = tanh(steps + h[t-1])", "output h[t]")
    assert operation(graph, "steps_") == Product("W", "x")
    assert list(author_names(graph)) == ["steps_", "h"]
    assert notation(graph)["steps_"].text == "steps"
    assert notation(graph)["h"].text == "h[t]"


@pytest.mark.parametrize("cell", ZOO)
def test_names_are_distinct_and_in_order(cell: str) -> None:
    graph = zoo_graph(cell)
    names = [node.name for node in graph.nodes]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


def test_a_graph_out_of_order_is_refused() -> None:
    first = Node(name="a", shape=("H",), operation=Elementwise(-Symbol("b")))
    second = Node(name="b", shape=("H",), operation=Previous("h"))
    cell = SimpleNamespace()
    with pytest.raises(ValueError, match="a is out of order"):
        StepGraph(cell=cell, nodes=(first, second), new_states=("a",), output="a")
    with pytest.raises(ValueError, match="b is out of order or repeated"):
        StepGraph(cell=cell, nodes=(second, second), new_states=("b",), output="b")
    graph = StepGraph(cell=cell, nodes=(second,), new_states=("b",), output="b")
    with pytest.raises(KeyError):
        graph.node("a")


def test_what_varies() -> None:
    graph = lowered(
        "a = sigmoid(k) / sqrt(H)", "h[t] = a * u + (W @ x[t]) * a", "output h[t]"
    )
    found = varying(graph)
    assert [name for name in found if found[name]] == ["x", "h_prev", "W_x", "h"]
