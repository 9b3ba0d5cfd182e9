"""The adjoint graph of a step, computed, against torch's automatic differentiation."""

from __future__ import annotations

from typing import assert_never

import pytest
import torch
from step_values import (
    FEATURES,
    ZOO,
    assert_same,
    evaluated,
    formula_value,
    graph_of,
    leaves,
    zoo_graph,
)
from torch import Tensor
from torch.nn import functional
from torch.nn.grad import conv2d_weight

from rnndsl.formulas.features import FEATURE_FUNCTIONS
from rnndsl.ir.graph import Across, Input, Parameter, Previous, StepGraph
from rnndsl.ir.naming import Names
from rnndsl.symbolic.adjoint import (
    Adjoint,
    AdjointGraph,
    Contribution,
    Flow,
    OuterProduct,
    OverFeatures,
    OverImage,
    OverPlaces,
    ThroughFeatures,
    ThroughKernel,
    ThroughMatrix,
    adjoint_graph,
)

MIXED = """
cell Mixed(I, H):
    input x: [I], u: []
    state h: [H], s: [], m: []
    param W: [H, I], v: [H], k: [], n: []

    q = k * v + n
    w = sigmoid(s[t-1]) * m[t-1]
    h[t] = tanh(W @ x[t] + q * h[t-1]) * w - s[t-1]
    s[t] = sigmoid(s[t-1] * k + u[t])
    m[t] = max(w, m[t-1]) ** 2 + abs(n)
    output where(h[t] > 0, h[t] / sqrt(H), min(h[t], -h[t-1]))
"""


def differentiated(graph: StepGraph) -> AdjointGraph:
    names = Names()
    for node in graph.nodes:
        names.take(node.name)
    return adjoint_graph(graph, names)


SPECS = {"Mixed": MIXED, "Features": FEATURES}


def sent(
    item: Contribution, values: dict[str, Tensor], like: Tensor, graph: StepGraph
) -> Tensor:
    """A contribution, summed over the axes that its receiver does not have."""
    match item:
        case Flow(formula=formula):
            found = formula_value(formula, values)
            while found.dim() > like.dim():
                found = found.sum(0)
            return found
        case ThroughMatrix(matrix=matrix, arriving=arriving):
            return values[arriving] @ values[matrix]
        case OuterProduct(arriving=arriving, operand=operand):
            return values[arriving].T @ values[operand]
        case ThroughKernel(kernel=kernel, arriving=arriving):
            padding = values[kernel].shape[-1] // 2
            transposed = functional.conv_transpose2d
            return transposed(values[arriving], values[kernel], padding=padding)
        case OverPlaces(arriving=arriving, operand=operand):
            sizes, padding = like.shape, like.shape[-1] // 2
            images, arrived = values[operand], values[arriving]
            gradient: Tensor = conv2d_weight(images, sizes, arrived, padding=padding)
            return gradient
        case OverImage(arriving=arriving):
            return values[arriving].sum((0, 2, 3))
        case OverFeatures(arriving=arriving):
            return values[arriving].sum(-1)
        case ThroughFeatures(reader=reader, arriving=arriving):
            operation = graph.node(reader).operation
            assert isinstance(operation, Across)
            function = FEATURE_FUNCTIONS[operation.function]
            size, constants = like.shape[-1], operation.constants
            formula = function.gradient("d", "y", "u", size, constants)
            found = {"d": values[arriving], "y": values[reader], "u": like}
            if function.is_reduction:
                found |= {name: found[name].unsqueeze(-1) for name in "dy"}
            return formula_value(formula, found).expand(like.shape)
        case _:
            assert_never(item)


def computed(
    adjoints: tuple[Adjoint, ...], values: dict[str, Tensor], graph: StepGraph
) -> dict[str, Tensor]:
    """The gradient of every node."""
    values = dict(values)
    found: dict[str, Tensor] = {}
    for item in adjoints:
        like = values[item.node]
        total = sum(sent(each, values, like, graph) for each in item.contributions)
        assert isinstance(total, Tensor)
        found[item.node] = values[item.name] = total
    return found


@pytest.mark.parametrize("name", [*ZOO, *SPECS])
def test_gradients_are_those_of_torch(name: str) -> None:
    graph = graph_of(SPECS[name]) if name in SPECS else zoo_graph(name)
    given = {k: v.requires_grad_() for k, v in leaves(graph, 3).items()}
    values = evaluated(graph, given)
    adjoint = differentiated(graph)
    generator = torch.Generator().manual_seed(4)
    results = (graph.output, *graph.new_states)
    arriving = {
        gradient: torch.randn(values[node].shape, generator=generator).double()
        for gradient, node in zip(("d_output", *adjoint.arriving), results, strict=True)
    }
    total = sum(
        (values[node] * gradient).sum()
        for node, gradient in zip(results, arriving.values(), strict=True)
    )
    assert isinstance(total, Tensor)
    wanted = [
        node.name
        for node in graph.nodes
        if isinstance(node.operation, Input | Previous | Parameter)
    ]
    expected = torch.autograd.grad(
        total, [given[node] for node in wanted], allow_unused=True
    )
    known = {k: v.detach() for k, v in (values | arriving).items()}
    found = computed(adjoint.adjoints, known, graph)
    for node, gradient in zip(wanted, expected, strict=True):
        if gradient is None:
            assert adjoint.name(node) is None
        else:
            assert_same(found[node], gradient)


@pytest.mark.parametrize("name", ZOO)
def test_adjoints_come_after_what_they_read(name: str) -> None:
    graph = zoo_graph(name)
    adjoint = differentiated(graph)
    order = {item.node: index for index, item in enumerate(adjoint.adjoints)}
    for item in adjoint.adjoints:
        for each in item.contributions:
            if each.reader is not None:
                assert order[each.reader] < order[item.node]
    names = [item.name for item in adjoint.adjoints]
    taken = [node.name for node in graph.nodes]
    assert len({*names, *taken, *adjoint.arriving}) == len(
        [*names, *taken, *adjoint.arriving]
    )


def test_no_gradient_where_none_flows() -> None:
    graph = graph_of(
        "cell Signs(H):\n    input x: [H]\n    state h: [H]\n    param w: [H]\n"
        "    h[t] = sign(w * h[t-1]) + x[t]\n    output h[t]\n"
    )
    adjoint = differentiated(graph)
    assert adjoint.name("h_prev") is None
    assert adjoint.name("w") is None
    assert adjoint.name("x") == "d_x"


def test_a_name_the_author_took_is_left_alone() -> None:
    adjoint = differentiated(zoo_graph("LSTM"))
    assert (adjoint.name("i"), adjoint.name("d_i")) == ("d_i_", "d_d_i")
