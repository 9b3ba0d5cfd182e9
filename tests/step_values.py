"""Step graphs of the zoo and of specs, and their values, computed with torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import assert_never

import torch
from torch import Tensor
from torch.nn import functional

import rnndsl
from rnndsl import zoo
from rnndsl.analysis.program import Dim, Shape
from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source
from rnndsl.formulas.formula import (
    Apply,
    Binary,
    Compare,
    Formula,
    Negate,
    Number,
    Power,
    Symbol,
)
from rnndsl.formulas.functions import BACKWARD
from rnndsl.ir.graph import (
    Across,
    Convolution,
    Elementwise,
    Expand,
    Input,
    Node,
    Parameter,
    Previous,
    Product,
    Size,
    StepGraph,
    Widen,
)
from rnndsl.plan.plan import CellPlan
from rnndsl.runtime import clip_gradient

ZOO = zoo.cell_names()
ROWS = 2

FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softplus": lambda u: torch.logaddexp(u, torch.zeros_like(u)),
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "abs": torch.abs,
    "sign": torch.sign,
    "sin": torch.sin,
    "cos": torch.cos,
    "erf": torch.erf,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "elu": functional.elu,
    "leaky_relu": functional.leaky_relu,
    "selu": functional.selu,
    "softsign": functional.softsign,
    "hard_sigmoid": functional.hardsigmoid,
    "hard_tanh": functional.hardtanh,
    "log_sigmoid": functional.logsigmoid,
    "min": torch.minimum,
    "max": torch.maximum,
    "clamp": torch.clamp,
    "clip_gradient": clip_gradient,
    "where": torch.where,
}
"""The functions of the language, as torch has them."""

FEATURE_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "sum": lambda u: u.sum(-1),
    "mean": lambda u: u.mean(-1),
    "largest": lambda u: u.amax(-1),
    "smallest": lambda u: u.amin(-1),
    "softmax": lambda u: functional.softmax(u, -1),
    "log_softmax": lambda u: functional.log_softmax(u, -1),
    "layer_norm": lambda u, e: functional.layer_norm(u, u.shape[-1:], eps=e),
    "rms_norm": lambda u, e: functional.rms_norm(u, u.shape[-1:], eps=e),
}
"""The functions over features, as torch has them."""

FEATURES = """
cell Features(I, H):
    input x: [I], u: []
    state h: [H], s: [], c: [H]
    param W: [H, I], U: [H, H], v: [H], g: [H]

    a = softmax(W @ x[t] + U @ h[t-1])
    m = largest(c[t-1]) - smallest(h[t-1]) * s[t-1]
    c[t] = g * layer_norm(U @ h[t-1]) + rms_norm(c[t-1] + m, 0.1) * softmax(v)
    h[t] = tanh(log_softmax(c[t]) + mean(x[t])) + a * sum(v)
    s[t] = sin(mean(c[t]) + sum(h[t-1]) * u[t])
    output a * h[t]
"""
"""All functions over features, of parameters, inputs, states and other values."""

COMPARISONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "<": torch.lt,
    "<=": torch.le,
    ">": torch.gt,
    ">=": torch.ge,
    "==": torch.eq,
    "!=": torch.ne,
}


@cache
def compilation_of(cell: str) -> Compilation:
    return Compilation(Source(zoo.path(cell).name, zoo.read(cell)), None)


@cache
def module_of(cell: str) -> ModuleType:
    """The module that the spec of a cell of the zoo compiles to."""
    return rnndsl.load(zoo.path(cell), name=f"module_of_{cell}")


def _index(cell: str) -> int:
    names = [each.name for each in compilation_of(cell).program.cells]
    return names.index(cell)


def zoo_graph(cell: str) -> StepGraph:
    return compilation_of(cell).graphs[_index(cell)]


def zoo_plan(cell: str) -> CellPlan:
    return compilation_of(cell).plans[_index(cell)]


def graph_of(text: str) -> StepGraph:
    (graph,) = Compilation(Source("spec.rnn", text), None).graphs
    return graph


def plan_of(text: str) -> CellPlan:
    (plan,) = Compilation(Source("spec.rnn", text), None).plans
    return plan


def sizes_of(graph: StepGraph, first: int = 3) -> dict[str, int]:
    """A size of its own for each dimension."""
    return {d.name: first + i for i, d in enumerate(graph.cell.dimensions)}


def numbers(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    def size(dim: Dim) -> int:
        return dim if isinstance(dim, int) else sizes[dim]

    return tuple(map(size, shape))


def leaves(graph: StepGraph, seed: int) -> dict[str, Tensor]:
    """Random inputs and states of a few rows, random parameters, in float64."""
    generator = torch.Generator().manual_seed(seed)
    sizes = sizes_of(graph)
    found: dict[str, Tensor] = {}
    for node in graph.nodes:
        shape = numbers(node.shape, sizes)
        match node.operation:
            case Input():
                # Positive, as a time that has passed must be.
                found[node.name] = torch.rand(
                    (ROWS, *shape), generator=generator, dtype=torch.float64
                )
            case Previous():
                found[node.name] = torch.randn(
                    (ROWS, *shape), generator=generator, dtype=torch.float64
                )
            case Parameter():
                found[node.name] = torch.randn(
                    shape, generator=generator, dtype=torch.float64
                )
            case Size(dimension=dimension):
                found[node.name] = torch.tensor(
                    float(sizes[dimension]), dtype=torch.float64
                )
            case _:
                continue
    return found


def evaluated(graph: StepGraph, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Every value of a step, from its leaves."""
    values = dict(given)
    sizes = sizes_of(graph)
    for node in graph.nodes:
        if node.name not in values:
            values[node.name] = _value(node, values, sizes)
    return values


def _value(
    node: Node, values: Mapping[str, Tensor], sizes: Mapping[str, int]
) -> Tensor:
    match node.operation:
        case Elementwise(formula=formula):
            return formula_value(formula, values)
        case Product(matrix=matrix, operand=operand, base=base):
            product = values[operand] @ values[matrix].T
            return product if base is None else product + values[base]
        case Convolution(kernel=kernel, operand=operand, bias=bias):
            image, weights = values[operand], values[kernel]
            convolve = functional.conv1d if weights.dim() == 3 else functional.conv2d
            added = None if bias is None else values[bias]
            return convolve(image, weights, added, padding="same")
        case Across(function=name, operand=operand, constants=constants):
            return FEATURE_FUNCTIONS[name](values[operand], *constants)
        case Widen(operand=operand):
            shape = numbers(node.shape, sizes)
            return values[operand][:, None].expand(ROWS, *shape)
        case Expand(value=value):
            shape = (ROWS, *numbers(node.shape, sizes))
            if isinstance(value, str):
                return values[value].expand(shape)
            return torch.full(shape, value, dtype=torch.float64)
        case Input() | Previous() | Parameter() | Size():
            raise KeyError(node.name)
        case _:
            assert_never(node.operation)


def formula_value(formula: Formula, values: Mapping[str, Tensor]) -> Tensor:
    """A formula with tensors for its symbols; adjoints are computed as written out."""
    like = next(iter(values.values()))
    match formula:
        case Number(value=value):
            return torch.tensor(value, dtype=like.dtype)
        case Symbol(name=name):
            return values[name]
        case Binary(operator=operator, left=left, right=right):
            a, b = formula_value(left, values), formula_value(right, values)
            return {
                "+": torch.add,
                "-": torch.sub,
                "*": torch.mul,
                "/": torch.div,
            }[operator](a, b)
        case Negate(operand=operand):
            return -formula_value(operand, values)
        case Power(base=base, exponent=exponent):
            return formula_value(base, values) ** exponent
        case Compare(operator=comparison, left=left, right=right):
            a, b = formula_value(left, values), formula_value(right, values)
            return COMPARISONS[comparison](a, b)
        case Apply(function=name) if name in BACKWARD:
            return formula_value(BACKWARD[name](*formula.operands), values)
        case Apply(function="sum" | "mean" as name, operands=(operand,)):
            value = formula_value(operand, values)
            return FEATURE_FUNCTIONS[name](value).unsqueeze(-1)
        case Apply(function=name, operands=operands, constants=constants):
            arguments = [formula_value(operand, values) for operand in operands]
            return FUNCTIONS[name](*arguments, *constants)
        case _:
            assert_never(formula)


def arguments(
    graph: StepGraph, given: Mapping[str, Tensor]
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Inputs, states and stored parameters, as generated functions take them."""
    found = {
        node.operation: given[node.name] for node in graph.nodes if node.name in given
    }
    cell = graph.cell
    return (
        tuple(found[Input(item.name)] for item in cell.inputs),
        tuple(found[Previous(state.name)] for state in cell.states),
        tuple(
            torch.cat([found[Parameter(member.name)] for member in parameter.members])
            if parameter.member_shape
            else found[Parameter(parameter.members[0].name)]
            for parameter in cell.parameters
        ),
    )


def assert_same(found: Tensor, expected: Tensor, tolerance: float = 1e-12) -> None:
    """Equal up to rounding of float64, whatever the size of the numbers."""
    assert found.shape == expected.shape
    scale = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
    error = float((found - expected).abs().max()) if expected.numel() else 0.0
    assert math.isfinite(error)
    assert error <= tolerance * scale
