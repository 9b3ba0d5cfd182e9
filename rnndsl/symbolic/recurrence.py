"""The class of a recurrence, from how the new states depend on the old ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

import sympy

from rnndsl.formulas.formula import Apply, Formula, children, symbols
from rnndsl.ir.graph import (
    Across,
    Convolution,
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
    """``through`` names the matrices and kernels, and the functions over features, on
    the way from old states to new ones.

    ``known`` are the states that no recurrence is needed for: their new values need no
    old state, or only old values of such states, as in a delay of the input. The class
    is that of the other states.
    """

    kind: RecurrenceClass
    through: tuple[str, ...]
    known: tuple[str, ...]


def recurrence(graph: StepGraph) -> Recurrence:
    """Classifies a step by the values between its old and its new states.

    Linear: every such value is of degree one in the old states, with coefficients that
    do not depend on them. Diagonal: no matrix product, no convolution and no function
    over features lies between; the latter is not looked into, and makes the class
    dense.
    """
    new_states = {
        state.name: name
        for state, name in zip(graph.cell.states, graph.new_states, strict=True)
    }
    known = _known(graph, new_states)
    unknown = {state: new for state, new in new_states.items() if state not in known}
    from_state = _reached_from(graph, unknown)
    to_state = dict.fromkeys(unknown.values())
    for node in reversed(graph.nodes):
        if node.name in to_state:
            to_state.update(dict.fromkeys(operands(node.operation)))
    path = [n for n in graph.nodes if n.name in from_state and n.name in to_state]
    through = tuple(_through(graph, path))
    linear = all(_is_linear(node, from_state) for node in path)
    match (bool(unknown), bool(through), linear):
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
    return Recurrence(kind=kind, through=through, known=tuple(known))


def _known(graph: StepGraph, new_states: dict[str, str]) -> dict[str, None]:
    """The states whose new values need no old value but those of such states."""
    known: dict[str, None] = {}
    before = -1
    while len(known) > before:
        before = len(known)
        others = [state for state in new_states if state not in known]
        reached = _reached_from(graph, others)
        known |= {state: None for state in others if new_states[state] not in reached}
    return {state: None for state in new_states if state in known}


def _reached_from(graph: StepGraph, states: Iterable[str]) -> dict[str, None]:
    """The values that depend on the old value of one of the states."""
    found: dict[str, None] = {}
    old = dict.fromkeys(Previous(state) for state in states)
    for node in graph.nodes:
        reads = operands(node.operation)
        if node.operation in old or any(name in found for name in reads):
            found[node.name] = None
    return found


def _through(graph: StepGraph, path: Iterable[Node]) -> Iterator[str]:
    """What mixes the units on a path, each function over features once."""
    seen: dict[str, None] = {}
    for node in path:
        match node.operation:
            case Product(matrix=matrix):
                yield _member(graph, matrix)
            case Convolution(kernel=kernel):
                yield _member(graph, kernel)
            case Across(function=function) if function not in seen:
                seen[function] = None
                yield function


def _member(graph: StepGraph, name: str) -> str:
    operation = graph.node(name).operation
    assert isinstance(operation, Parameter)
    return operation.member


def _is_linear(node: Node, from_state: dict[str, None]) -> bool:
    """Whether a value is of degree one in those it reads that depend on old states."""
    if not isinstance(node.operation, Elementwise):
        return not isinstance(node.operation, Across)
    formula = node.operation.formula
    if _function_of_state(formula, from_state):
        return False
    expression = to_sympy(formula)
    states = [
        sympy.Symbol(name, real=True) for name in symbols(formula) if name in from_state
    ]
    return all(
        sympy.diff(expression, one, other) == 0 for one in states for other in states
    )


def _function_of_state(formula: Formula, from_state: dict[str, None]) -> bool:
    if isinstance(formula, Apply):
        return any(name in from_state for name in symbols(formula))
    return any(_function_of_state(part, from_state) for part in children(formula))
