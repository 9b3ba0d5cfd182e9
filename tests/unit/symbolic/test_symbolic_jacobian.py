"""The printed derivatives of states, computed, against torch's of the real step."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from step_values import (
    COMPARISONS,
    FEATURE_FUNCTIONS,
    FEATURES,
    FUNCTIONS,
    ZOO,
    arguments,
    assert_same,
    evaluated,
    graph_of,
    leaves,
    module_of,
    zoo_graph,
)
from torch import Tensor
from torch.nn import functional

from rnndsl.analysis.program import Shape
from rnndsl.formulas.formula import Formula
from rnndsl.ir.graph import StepGraph
from rnndsl.ir.notation import notation
from rnndsl.symbolic.derivative import adjoints
from rnndsl.symbolic.jacobian import derivatives
from rnndsl.symbolic.show_jacobian import jacobian_text

LABEL = re.compile(r"d(\w+)(\[t\])?/d(\w+)\[t-1\]")
SCALARS = """
cell Scalars(I, H):
    input x: [I], u: []
    state h: [H], s: [], m: []
    param W: [H, I], U: [H, H], v: [H], k: [], n: []

    w = sigmoid(s[t-1]) * m[t-1]
    a = tanh(w * s[t-1] * m[t-1]) - abs(m[t-1] * k) * exp(n - s[t-1] ** 2)
    b = sin(a) * cos(a) + silu(a - w) * gelu(a) + tanh(a) * softplus(w)
    c = sin(b) * cos(b) + silu(b - w) * gelu(b) + tanh(b) * softplus(w)
    h[t] = tanh(W @ x[t] + U @ (v * h[t-1] * c)) * w - s[t-1]
    s[t] = c
    m[t] = -w * m[t-1] + u[t]
    output h[t]
"""


class Scaling:
    """``diag`` of a number, which leaves the size open."""

    def __init__(self, factor: Tensor) -> None:
        self.factor = factor

    def __matmul__(self, other: Tensor) -> Tensor:
        return self.factor * other

    def __rmatmul__(self, other: Tensor) -> Tensor:
        return other * self.factor

    def __neg__(self) -> Scaling:
        return Scaling(-self.factor)

    def __add__(self, other: Tensor) -> Tensor:
        return self.whole(len(other)) + other

    def __sub__(self, other: Tensor) -> Tensor:
        return self.whole(len(other)) - other

    def whole(self, size: int) -> Tensor:
        return self.factor * torch.eye(size, dtype=torch.float64)


def diag(value: Any) -> Tensor | Scaling:
    factor = torch.as_tensor(value, dtype=torch.float64)
    return torch.diag(factor) if factor.dim() else Scaling(factor)


def convolution_matrix(kernel: Tensor, image: torch.Size | None) -> Tensor:
    """What takes the entries of an image with the kernel's channels to another's."""
    assert image is not None
    entries = torch.zeros(kernel.shape[1], *image[1:], dtype=torch.float64)
    found = torch.autograd.functional.jacobian(
        lambda u: functional.conv2d(u, kernel, padding="same"), entries
    )
    assert isinstance(found, Tensor)
    return found.reshape(-1, entries.numel())


def names_in(text: str) -> str:
    """The notation for values as names of Python, ``f'`` as ``f__prime``."""
    text = re.sub(r"(\w+)'\(", r"\1__prime(", text)
    text = LABEL.sub(lambda m: f"D_{m[1]}{'__t' if m[2] else ''}_by_{m[3]}", text)
    return re.sub(
        r"(\w+)\[t(-1)?\]", lambda m: f"{m[1]}__{'old' if m[2] else 't'}", text
    )


def computed(graph: StepGraph, given: dict[str, Tensor]) -> dict[str, Tensor]:
    """All printed derivatives for one row, by their names.

    ``current``: the size of the value that an equation is about, and the number of axes
    of the state.
    """
    values = evaluated(graph, given)
    environment: dict[str, Any] = {}
    shape_of: dict[str, torch.Size] = {}
    for node in graph.nodes:
        value = values[node.name]
        batched = value.dim() > len(node.shape)
        name = names_in(notation(graph)[node.name].text)
        value = value[0] if batched else value
        shape_of[name] = value.shape
        # An image is the vector of its entries.
        environment[name] = value.flatten() if value.dim() == 3 else value
    for state, new in zip(graph.cell.states, graph.new_states, strict=True):
        name = names_in(notation(graph)[new].text)
        environment[f"{state.name}__t"] = environment[name]
    shapes = {name: tuple(value.shape) for name, value in environment.items()}
    current: list[int] = []

    def number(value: Any) -> Tensor:
        return torch.as_tensor(value, dtype=torch.float64)

    def functions(name: str) -> Any:
        def apply(*arguments: Any) -> Tensor:
            condition = [a for a in arguments if getattr(a, "dtype", 0) == torch.bool]
            rest = [number(a) for a in arguments[len(condition) :]]
            return FUNCTIONS[name](*condition, *rest)

        return apply

    def column(value: Any) -> Tensor:
        found = number(value)
        found = found if found.dim() else found.expand(current[0])
        return found.unsqueeze(-1) if current[1] else found

    def prime(name: str) -> Any:
        def derivative(u: Tensor, *constants: float) -> Tensor:
            found = torch.autograd.functional.jacobian(
                lambda value: FEATURE_FUNCTIONS[name](value, *constants), u
            )
            assert isinstance(found, Tensor)
            return found.reshape(-1, len(u))

        return derivative

    environment |= {name: functions(name) for name in FUNCTIONS}
    environment |= FEATURE_FUNCTIONS
    environment |= {f"{name}__prime": prime(name) for name in FEATURE_FUNCTIONS}
    environment["diag"] = diag
    image = next((shape for shape in shape_of.values() if len(shape) == 3), None)
    environment["conv"] = lambda kernel: convolution_matrix(kernel, image)
    environment["column"] = column
    text = jacobian_text(graph).partition("\n\n")[2].partition("\n\n")[0]
    equations = re.split(r"\n(?=  d)", text)
    found: dict[str, Tensor] = {}
    for equation in equations:
        left, right = names_in(equation).split(" = ", 1)
        label = left.strip()
        value_name = label.removeprefix("D_").partition("_by_")[0]
        old = shapes[f"{label.partition('_by_')[2]}__old"]
        current[:] = (*(shapes[value_name] or (1,)), len(old))
        code = " ".join(right.split())
        value = eval(code, environment)
        value = value.whole(current[0]) if isinstance(value, Scaling) else number(value)
        found[label] = environment[label] = value
    return found


def expected(
    cell: str, graph: StepGraph, given: dict[str, Tensor]
) -> dict[tuple[str, str], Tensor]:
    """torch's derivatives of the generated step, for one row."""
    specification = getattr(module_of(cell), cell).specification
    inputs, states, parameters = arguments(graph, given)
    inputs = tuple(each[:1] for each in inputs)
    states = tuple(each[:1] for each in states)

    def step(*state: Tensor) -> tuple[Tensor, ...]:
        new: tuple[Tensor, ...] = specification.step(inputs, state, parameters)[1]
        return tuple(each[0] for each in new)

    rows = torch.autograd.functional.jacobian(step, states)
    return {
        (new.name, old.name): matrix(rows[i][j].select(len(new.shape), 0), new.shape)
        for i, new in enumerate(graph.cell.states)
        for j, old in enumerate(graph.cell.states)
    }


def matrix(found: Tensor, shape: Shape) -> Tensor:
    """A derivative of an image as that of the vector of its entries."""
    if len(shape) < 3:
        return found
    return found.flatten(0, len(shape) - 1).flatten(1)


@pytest.mark.parametrize("cell", ZOO)
@pytest.mark.parametrize("seed", [1, 2])
def test_computed_as_printed(cell: str, seed: int) -> None:
    graph = zoo_graph(cell)
    given = leaves(graph, seed)
    found = computed(graph, given)
    for (new, old), jacobian in expected(cell, graph, given).items():
        value = found[f"D_{new}__t_by_{old}"]
        if value.dim() == 0:
            assert value == 0
            assert not jacobian.any()
        else:
            assert_same(value, jacobian)


@pytest.mark.parametrize("text", [SCALARS, FEATURES], ids=["scalars", "features"])
def test_scalars_as_printed(text: str) -> None:
    graph = graph_of(text)
    given = leaves(graph, 5)
    found = computed(graph, given)
    names = [state.name for state in graph.cell.states]

    def step(*state: Tensor) -> tuple[Tensor, ...]:
        old = {f"{name}_prev": value for name, value in zip(names, state, strict=True)}
        values = evaluated(graph, {**given, **old})
        return tuple(values[new][0] for new in graph.new_states)

    old = tuple(given[f"{name}_prev"] for name in names)
    rows = torch.autograd.functional.jacobian(step, old)
    for i, new in enumerate(names):
        for j, before in enumerate(names):
            is_vector = bool(graph.node(f"{before}_prev").shape)
            jacobian = rows[i][j][..., 0, :] if is_vector else rows[i][j][..., 0]
            value = found[f"D_{new}__t_by_{before}"]
            if value.dim() > jacobian.dim():
                value = value.squeeze(0)
            assert_same(value.expand(jacobian.shape), jacobian)


LSTM = """\
cell LSTM(I, H)

  dc[t]/dh[t-1] = diag(c[t-1] * f * (1 - f)) @ U_f
                + diag(g * i * (1 - i)) @ U_i
                + diag(i * (1 - g**2)) @ U_g
  dc[t]/dc[t-1] = diag(f)
  dh[t]/dh[t-1] = diag(tanh_c * o * (1 - o)) @ U_o
                + diag(o * (1 - tanh_c**2)) @ dc[t]/dh[t-1]
  dh[t]/dc[t-1] = diag(o * (1 - tanh_c**2) * f)

where
  tanh_c = tanh(c[t])

recurrence: dense, through U_i, U_f, U_g, U_o
Units depend on many old values, not linearly: each step has to wait for the one before.
"""


def test_the_text_for_an_lstm() -> None:
    assert jacobian_text(zoo_graph("LSTM")) == LSTM


def test_a_product_within_a_product() -> None:
    text = jacobian_text(zoo_graph("GRUResetBefore"))
    assert "@ U_n @ (diag(r) + diag(h[t-1] * r * (1 - r)) @ U_r)" in text


def test_zero_is_printed_as_zero() -> None:
    text = jacobian_text(zoo_graph("QRNN"))
    assert "  dx_1[t]/dc[t-1] = 0\n" in text


def test_the_size_does_not_grow_with_the_ways_through_a_step() -> None:
    chain = "".join(f"    q{i + 1} = sin(q{i}) * cos(q{i})\n" for i in range(60))
    graph = graph_of(
        "cell Chain(H):\n    input x: [H]\n    state h: [H]\n    param U: [H, H]\n"
        f"    q0 = U @ h[t-1] + x[t]\n{chain}    h[t] = q60\n    output h[t]\n"
    )
    assert len(jacobian_text(graph)) < 30_000
    assert len(derivatives(graph)) > 10


def test_comparisons_are_those_of_the_language() -> None:
    assert set(COMPARISONS) == {"<", "<=", ">", ">=", "==", "!="}


def test_a_value_is_differentiated_for_the_states_it_depends_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count = 40
    states = ", ".join(f"s{k}: [H]" for k in range(count))
    equations = "".join(
        f"    s{k}[t] = tanh(s{(k + 1) % count}[t-1] + x[t])\n" for k in range(count)
    )
    spec = f"cell Ring(H):\n    input x: [H]\n    state {states}\n{equations}"
    differentiated: list[str] = []

    def counted(formula: Formula, node: str, adjoint: str) -> dict[str, Formula]:
        differentiated.append(node)
        return adjoints(formula, node, adjoint)

    monkeypatch.setattr("rnndsl.symbolic.jacobian.adjoints", counted)
    found = derivatives(graph_of(f"{spec}    output s0[t]\n"))
    assert len([item for item in found if not item.map.is_zero]) == count
    assert 0 < len(differentiated) <= 2 * count
