from __future__ import annotations

import re

import pytest
from step_values import ZOO, graph_of, zoo_graph

from rnndsl.ir.mermaid import step_flowchart, unrolled_flowchart

NODE = re.compile(r'^ +(\w+)(?:\(\["([^"]*)"\]\)|\["([^"]*)"\])$')
EDGE = re.compile(r'^ +(\w+) (?:-->|-\. "next step" \.->|-- "[^"]*" -->) (\w+)$')
LAST = re.compile(r'^ +(\w+) --> (\w+)\(\["([^"]*)"\]\)$')
OTHER = re.compile(
    r'^(flowchart (BT|LR)| +(direction BT|end|subgraph (\w+)\["t = \d+"\]))$'
)


def parts(text: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Labels of nodes and edges; every line must be one or the other, or known."""
    nodes: dict[str, str] = {}
    edges: list[tuple[str, str]] = []
    for line in text.splitlines():
        if node := NODE.match(line):
            assert node[1] not in nodes
            nodes[node[1]] = node[2] or node[3]
        elif last := LAST.match(line):
            nodes[last[2]] = last[3]
            edges.append((last[1], last[2]))
        elif edge := EDGE.match(line):
            edges.append((edge[1], edge[2]))
        else:
            other = OTHER.match(line)
            assert other, line
            if other[4]:
                nodes[other[4]] = ""
    return nodes, edges


STEP = """\
flowchart BT
  input0(["x[t] [I]"])
  state0(["h[t-1] [H]"])
  equation0["h[t] = tanh(W @ x[t] + b + U @ h[t-1] + d)"]
  output(["output h[t]"])
  input0 --> equation0
  state0 --> equation0
  equation0 --> output
  equation0 -. "next step" .-> state0
"""


def test_one_step_of_an_elman() -> None:
    assert step_flowchart(zoo_graph("Elman").cell) == STEP


UNROLLED = """\
flowchart LR
  first(["first h"])
  subgraph step1["t = 1"]
    direction BT
    input1_0(["x[1]"])
    input1_0 --> cell1
    cell1["Elman"]
    cell1 --> output1(["output[1]"])
  end
  subgraph step2["t = 2"]
    direction BT
    input2_0(["x[2]"])
    input2_0 --> cell2
    cell2["Elman"]
    cell2 --> output2(["output[2]"])
  end
  last(["last h"])
  first -- "h" --> step1
  step1 -- "h" --> step2
  step2 -- "h" --> last
"""


def test_an_elman_unrolled() -> None:
    assert unrolled_flowchart(zoo_graph("Elman").cell, 2) == UNROLLED


@pytest.mark.parametrize("cell", ZOO)
def test_edges_join_nodes_and_states_loop_back(cell: str) -> None:
    resolved = zoo_graph(cell).cell
    nodes, edges = parts(step_flowchart(resolved))
    assert all(end in nodes for edge in edges for end in edge)
    assert len(set(edges)) == len(edges)
    back = [edge for edge in edges if edge[1].startswith("state")]
    assert [target for _, target in back] == [
        f"state{i}" for i in range(len(resolved.states))
    ]
    for (source, _), state in zip(back, resolved.states, strict=True):
        assert nodes[source].startswith(f"{state.name}[t] =")
    assert len(nodes) == 1 + sum(
        map(len, (resolved.inputs, resolved.states, resolved.equations))
    )


@pytest.mark.parametrize("cell", ZOO)
@pytest.mark.parametrize("steps", [1, 4])
def test_unrolled_every_step_is_there(cell: str, steps: int) -> None:
    resolved = zoo_graph(cell).cell
    nodes, edges = parts(unrolled_flowchart(resolved, steps))
    assert all(end in nodes for edge in edges for end in edge)
    assert len(nodes) == 2 + steps * (3 + len(resolved.inputs))
    assert len(edges) == steps + 1 + steps * (1 + len(resolved.inputs))


def test_labels_are_escaped() -> None:
    graph = graph_of(
        "cell A(H):\n    input end: [H]\n    state h: [H]\n"
        "    h[t] = where(end[t] < h[t-1], end[t] ** 2, h[t-1]**3)\n    output h[t]\n"
    )
    text = step_flowchart(graph.cell)
    nodes, _ = parts(text)
    assert nodes["equation0"] == (
        "h[t] = where(end[t] #lt; h[t-1], end[t] #42;#42; 2, h[t-1]#42;#42;3)"
    )
    assert nodes["input0"] == "end[t] [H]"
    assert "  end" not in text
