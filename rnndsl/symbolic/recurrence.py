"""The class of a recurrence, from how the new states depend on the old ones."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import sympy

from rnndsl.formulas.formula import Apply, Formula, children, symbols
from rnndsl.ir.graph import (
    Elementwise,
    Node,
    Parameter,
    Previous,
    Product,
    StepGraph,
    operands,
)
from rnndsl.symbolic.convert import to_sympy


class RecurrenceClass(Enum):
    """From the easiest to run in parallel over time to the hardest."""

    NONE = "none"
    DIAGONAL_LINEAR = "diagonal linear"
    MATRIX_LINEAR = "matrix linear"
    DIAGONAL_NONLINEAR = "diagonal nonlinear"
    DENSE = "dense"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """``through`` names the matrices on the way from old states to new ones."""

    kind: RecurrenceClass
    through: tuple[str, ...]


def recurrence(graph: StepGraph) -> Recurrence:
    """Classifies a step by the values between its old and its new states.

    Linear: every such value is of degree one in the old states, with coefficients that
    do not depend on them. Diagonal: no matrix product lies between.
    """
    from_state = _reached_from_states(graph)
    to_state = dict.fromkeys(graph.new_states)
    for node in reversed(graph.nodes):
        if node.name in to_state:
            to_state.update(dict.fromkeys(operands(node.operation)))
    path = [n for n in graph.nodes if n.name in from_state and n.name in to_state]
    through = tuple(
        _member(graph, node.operation.matrix)
        for node in path
        if isinstance(node.operation, Product)
    )
    linear = all(_is_linear(node, from_state) for node in path)
    reaches = any(name in from_state for name in graph.new_states)
    match (reaches, bool(through), linear):
        case (False, _, _):
            kind = RecurrenceClass.NONE
        case (True, False, True):
            kind = RecurrenceClass.DIAGONAL_LINEAR
        case (True, True, True):
            kind = RecurrenceClass.MATRIX_LINEAR
        case (True, False, False):
            kind = RecurrenceClass.DIAGONAL_NONLINEAR
        case _:
            kind = RecurrenceClass.DENSE
    return Recurrence(kind=kind, through=through)


def _reached_from_states(graph: StepGraph) -> dict[str, None]:
    found: dict[str, None] = {}
    for node in graph.nodes:
        reads = operands(node.operation)
        if isinstance(node.operation, Previous) or any(n in found for n in reads):
            found[node.name] = None
    return found


def _member(graph: StepGraph, name: str) -> str:
    operation = graph.node(name).operation
    assert isinstance(operation, Parameter)
    return operation.member


def _is_linear(node: Node, from_state: dict[str, None]) -> bool:
    """Whether a value is of degree one in those it reads that depend on old states."""
    if not isinstance(node.operation, Elementwise):
        return True
    formula = node.operation.formula
    if _function_of_state(formula, from_state):
        return False
    expression = to_sympy(formula)
    states = [
        sympy.Symbol(name, real=True) for name in symbols(formula) if name in from_state
    ]
    return all(
        sympy.diff(expression, one, other) == 0
        for one in states
        for other in states
    )


def _function_of_state(formula: Formula, from_state: dict[str, None]) -> bool:
    if isinstance(formula, Apply):
        return any(name in from_state for name in symbols(formula))
    return any(_function_of_state(part, from_state) for part in children(formula))
