"""The printed gradients, computed for one row and one step, against torch's."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from step_values import (
    FEATURE_FUNCTIONS,
    FEATURES,
    FUNCTIONS,
    ZOO,
    assert_same,
    evaluated,
    graph_of,
    leaves,
    sizes_of,
    zoo_graph,
)
from torch import Tensor
from torch.nn import functional
from torch.nn.grad import conv2d_weight

from rnndsl.ir.graph import Input, Parameter, Previous, Size, StepGraph
from rnndsl.symbolic.show_gradients import gradients_text

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

OUTER = re.compile(r"(d_\w+) (\w+)\.T")


def sections(text: str) -> dict[str, str]:
    blocks = text.strip().split("\n\n")[2:]
    return dict(block.split("\n", 1) for block in blocks)


def as_python(equation: str) -> tuple[str, str]:
    """``left = right`` for one row: sums over rows and steps are of one term."""
    text = " ".join(equation.split())
    text = re.sub(
        r"(\w+)\[t(-1)?\]", lambda m: f"{m[1]}__{'old' if m[2] else 'new'}", text
    )
    text = re.sub(r" for each (feature|row)", "", text)
    left, right = text.split(" = ", 1)
    right = right.replace("sum over t, b of ", "").replace("t, b and the", "the")
    right = re.sub(r"^sum over t, b and places of (.*)$", r"(\1).sum((-2, -1))", right)
    right = re.sub(r"\(sum over the features of ([^()]*)\)", r"(\1).sum()", right)
    right = re.sub(r"^sum over the features of (.*)$", r"(\1).sum()", right)
    return left, OUTER.sub(r"torch.outer(\1, \2)", right)


class Convolution:
    """What a kernel does to an image, transposed by its ``T``."""

    def __init__(self, kernel: Tensor, *, is_transposed: bool = False) -> None:
        self._kernel = kernel
        self._is_transposed = is_transposed

    @property
    def T(self) -> Convolution:  # noqa: N802
        return Convolution(self._kernel, is_transposed=True)

    def __matmul__(self, image: Tensor) -> Tensor:
        assert self._is_transposed
        kernel = self._kernel
        padding = kernel.shape[-1] // 2
        return functional.conv_transpose2d(image, kernel, padding=padding)


class Convolve:
    """``conv(K, u, b)``, ``conv(K)``, and ``conv.T(d, u)``: of kernels of 3 x 3."""

    def __call__(self, kernel: Tensor, *operands: Tensor) -> Tensor | Convolution:
        if not operands:
            return Convolution(kernel)
        image, *bias = operands
        return functional.conv2d(image, kernel, *bias, padding="same")

    def T(self, d: Tensor, image: Tensor) -> Tensor:  # noqa: N802
        shape = (len(d), len(image), 3, 3)
        found: Tensor = conv2d_weight(image[None], shape, d[None], padding=1)
        return found


def computed(graph: StepGraph, known: dict[str, Tensor]) -> dict[str, Tensor]:
    """Everything printed, by its name."""
    environment: dict[str, Any] = {"torch": torch}
    environment |= FUNCTIONS | FEATURE_FUNCTIONS
    environment["conv"] = Convolve()
    for name in ("min", "max"):
        environment[name] = lambda *operands, apply=FUNCTIONS[name]: apply(
            *(torch.as_tensor(each, dtype=torch.float64) for each in operands)
        )
    environment |= sizes_of(graph)
    environment |= known
    text = gradients_text(graph)
    for block in sections(text).values():
        for equation in re.split(r"\n  (?! )", f"\n{block}")[1:]:
            left, right = as_python(equation)
            environment[left] = eval(right, environment)
    return environment


SPECS = {"Mixed": MIXED, "Features": FEATURES}


def check(graph: StepGraph) -> None:
    """Compares what is printed with what torch finds."""
    given = leaves(graph, 7)
    varying = [
        node.name
        for node in graph.nodes
        if isinstance(node.operation, Input | Previous)
    ]
    given |= {key: given[key][:1].expand_as(given[key]) for key in varying}
    given = {key: value.detach().requires_grad_() for key, value in given.items()}
    values = evaluated(graph, given)
    arriving = {"d_output": torch.randn(values[graph.output][0].shape).double()}
    for state, new in zip(graph.cell.states, graph.new_states, strict=True):
        arriving[f"d_{state.name}_next"] = torch.randn(values[new][0].shape).double()
    total = sum(
        (values[node][0] * gradient).sum()
        for node, gradient in zip(
            (graph.output, *graph.new_states), arriving.values(), strict=True
        )
    )
    assert isinstance(total, Tensor)
    known = dict(arriving)
    for node in graph.nodes:
        match node.operation:
            case Input(name=item):
                known[f"{item}__new"] = given[node.name][0].detach()
            case Previous(state=item):
                known[f"{item}__old"] = given[node.name][0].detach()
            case Parameter(member=item):
                known[item] = given[node.name].detach()
            case Size(dimension=item):
                known[item] = given[node.name].detach()
    found = computed(graph, known)
    wanted = [
        node
        for node in graph.nodes
        if isinstance(node.operation, Input | Previous | Parameter)
    ]
    expected = torch.autograd.grad(
        total, [given[node.name] for node in wanted], allow_unused=True
    )
    for node, gradient in zip(wanted, expected, strict=True):
        value = found[f"d_{node.name}"]
        if isinstance(value, int):
            assert value == 0
            assert gradient is None or not gradient.any()
        else:
            of_row = gradient if isinstance(node.operation, Parameter) else gradient[0]
            assert_same(value, of_row)


@pytest.mark.parametrize("name", [*ZOO, *SPECS])
def test_computed_as_printed(name: str) -> None:
    check(graph_of(SPECS[name]) if name in SPECS else zoo_graph(name))


ELMAN = """\
cell Elman(I, H)

d_v is the gradient of the loss with respect to v. d_output comes from
the output of this step; d_h_next comes from the step after.

the step
  h_pre = W @ x[t] + b + U @ h[t-1] + d
  h[t] = tanh(h_pre)

from the results back
  d_h = d_output + d_h_next
  d_h_pre = d_h * (1 - h[t]**2)

to the step before
  d_h_prev = U.T @ d_h_pre

of the parameters, over all steps t and rows b
  d_W = sum over t, b of d_h_pre x[t].T
  d_U = sum over t, b of d_h_pre h[t-1].T
  d_b = sum over t, b of d_h_pre
  d_d = sum over t, b of d_h_pre

of the inputs
  d_x = W.T @ d_h_pre
"""


def test_the_text_for_an_elman() -> None:
    assert gradients_text(zoo_graph("Elman")) == ELMAN


def test_what_has_no_gradient_is_said() -> None:
    graph = graph_of(
        "cell Signs(H):\n    input x: [H]\n    state h: [H]\n    param w: [H]\n"
        "    h[t] = sign(w * h[t-1]) + x[t]\n    output h[t]\n"
    )
    text = gradients_text(graph)
    assert "  d_h_prev = 0\n" in text
    assert "  d_w = 0\n" in text
    assert "  d_x = d_h\n" in text


def test_a_long_sum_has_a_term_on_each_line() -> None:
    text = gradients_text(zoo_graph("GRUD"))
    assert (
        "  d_mask_ = V_n.T @ d_n_pre\n"
        "          + V_z.T @ d_z_pre\n"
        "          + V_r.T @ d_r_pre\n"
    ) in text


def test_a_name_that_stands_for_a_gradient_is_kept_apart() -> None:
    graph = graph_of(
        "cell A(H):\n    input x: [H]\n    state h: [H]\n    param d_output: [H, H]\n"
        "    h[t] = tanh(d_output @ h[t-1] + x[t])\n    output h[t]\n"
    )
    text = gradients_text(graph)
    assert "  h_pre = d_output_ @ h[t-1] + x[t]\n" in text
    assert "  d_h = d_output + d_h_next\n" in text
    assert "  d_h_prev = d_output_.T @ d_h_pre\n" in text
    assert "  d_d_output_ = sum over t, b of d_h_pre h[t-1].T\n" in text


def test_sums_over_different_features_stay_apart() -> None:
    graph = graph_of(
        "cell A(I, H):\n    input x: [I], k: []\n    state h: [H]\n"
        "    param W: [H, I]\n"
        "    h[t] = k[t] * h[t-1] + W @ (k[t] * x[t])\n    output h[t]\n"
    )
    assert gradients_text(graph).count("(sum over the features of ") == 2
