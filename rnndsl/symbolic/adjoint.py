"""The adjoint graph: how the gradient of the loss flows back through one step.

For each value v of the step, d_v is the gradient of the loss with respect to it, the
sum of what its readers send back. Reverse accumulation as in Griewank and Walther,
Evaluating Derivatives (2008), section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from rnndsl.formulas.formula import Formula, Symbol
from rnndsl.ir.graph import (
    Across,
    Convolution,
    Elementwise,
    Expand,
    Input,
    Parameter,
    Previous,
    Product,
    Size,
    StepGraph,
    Widen,
    is_one_hot,
)
from rnndsl.ir.naming import Names
from rnndsl.symbolic.derivative import adjoints


@dataclass(frozen=True, slots=True)
class Flow:
    """An elementwise formula over adjoints and values; ``reader`` sends it, None for
    the gradient that arrives from outside the step."""

    reader: str | None
    formula: Formula


@dataclass(frozen=True, slots=True)
class ThroughMatrix:
    """``matrix.T @ arriving``, sent by the product ``reader``."""

    reader: str
    matrix: str
    arriving: str


@dataclass(frozen=True, slots=True)
class OuterProduct:
    """``arriving`` times ``operand`` transposed: a product's gradient of its matrix."""

    reader: str
    arriving: str
    operand: str


@dataclass(frozen=True, slots=True)
class ThroughKernel:
    """The transposed convolution of ``arriving``: what goes to the image."""

    reader: str
    kernel: str
    arriving: str


@dataclass(frozen=True, slots=True)
class OverPlaces:
    """``operand`` times ``arriving``, at the places that a kernel's entry joins."""

    reader: str
    arriving: str
    operand: str


@dataclass(frozen=True, slots=True)
class OverImage:
    """The sum of ``arriving`` over the places of a channel: what goes to its bias."""

    reader: str
    arriving: str


@dataclass(frozen=True, slots=True)
class OverFeatures:
    """The sum of ``arriving`` over the features: what widening sends to its scalar."""

    reader: str
    arriving: str


@dataclass(frozen=True, slots=True)
class ThroughFeatures:
    """What the function over features ``reader`` sends to its operand."""

    reader: str
    arriving: str


Contribution: TypeAlias = (
    Flow
    | ThroughMatrix
    | OuterProduct
    | ThroughKernel
    | OverPlaces
    | OverImage
    | OverFeatures
    | ThroughFeatures
)


@dataclass(frozen=True, slots=True)
class Adjoint:
    """``name`` is the gradient of ``node``: the sum of the contributions. For a node
    that is the same in all rows and steps, it is summed over these as well."""

    node: str
    name: str
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjointGraph:
    """Adjoints in the order they can be computed in, from the results to the operands.

    ``arriving`` names, for each state, the gradient that comes from the step after;
    ``d_output`` is the one of this step's output, ``emitted`` those of what is put out
    beside it. Nodes no gradient reaches are absent.
    """

    adjoints: tuple[Adjoint, ...]
    arriving: tuple[str, ...]
    emitted: tuple[str, ...]
    names: Names

    def name(self, node: str) -> str | None:
        """The gradient of a node; None where there is none."""
        return next((a.name for a in self.adjoints if a.node == node), None)


def adjoint_graph(graph: StepGraph, names: Names) -> AdjointGraph:
    """Differentiates a step. ``names`` must hold the names of its nodes already."""
    arriving = tuple(names.take(f"d_{s.name}_next") for s in graph.cell.states)
    received: dict[str, list[Contribution]] = {node.name: [] for node in graph.nodes}
    received[graph.output].append(Flow(None, Symbol("d_output")))
    emitted = tuple(names.take(f"d_{name}_emitted") for name in graph.emitted)
    for node_name, gradient in zip(graph.emitted, emitted, strict=True):
        received[node_name].append(Flow(None, Symbol(gradient)))
    for new_state, gradient in zip(graph.new_states, arriving, strict=True):
        received[new_state].append(Flow(None, Symbol(gradient)))
    # Unit vectors are given as whole numbers, which have no gradient.
    whole = [i.name for i in graph.nodes if is_one_hot(graph, i)]
    found: list[Adjoint] = []
    for node in reversed(graph.nodes):
        contributions = received[node.name]
        if not contributions:
            continue
        name = names.take(f"d_{node.name}")
        found.append(Adjoint(node.name, name, tuple(contributions)))
        match node.operation:
            case Input() | Previous() | Parameter() | Size():
                continue
            case Product(matrix=matrix, operand=operand, base=base):
                if operand not in whole:
                    received[operand].append(ThroughMatrix(node.name, matrix, name))
                received[matrix].append(OuterProduct(node.name, name, operand))
                if base is not None:
                    received[base].append(Flow(node.name, Symbol(name)))
            case Convolution(kernel=kernel, operand=operand, bias=bias):
                received[operand].append(ThroughKernel(node.name, kernel, name))
                received[kernel].append(OverPlaces(node.name, name, operand))
                if bias is not None:
                    received[bias].append(OverImage(node.name, name))
            case Elementwise(formula=formula):
                for reached, sent in adjoints(formula, node.name, name).items():
                    received[reached].append(Flow(node.name, sent))
            case Across(operand=operand):
                received[operand].append(ThroughFeatures(node.name, name))
            case Widen(operand=operand):
                received[operand].append(OverFeatures(node.name, name))
            case Expand(value=value):
                if isinstance(value, str):
                    received[value].append(Flow(node.name, Symbol(name)))
            case _:
                assert_never(node.operation)
    return AdjointGraph(
        adjoints=tuple(found), arriving=arriving, emitted=emitted, names=names
    )
