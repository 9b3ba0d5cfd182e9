"""The step of a cell as a graph of typed operations.

A node is one value of one time step. Elementwise nodes are either plain arithmetic over
other nodes, which SymPy differentiates, or one function of the table over other nodes,
whose derivative the table gives. Equal computations are one node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from rnndsl.analysis.program import Cell, Shape
from rnndsl.formulas.formula import Formula, symbols


@dataclass(frozen=True, slots=True)
class Input:
    """``x[t]``."""

    name: str


@dataclass(frozen=True, slots=True)
class Previous:
    """``h[t-1]``."""

    state: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A member of a stored parameter."""

    member: str


@dataclass(frozen=True, slots=True)
class Size:
    """A dimension, used as a number."""

    dimension: str


@dataclass(frozen=True, slots=True)
class Product:
    """``matrix @ operand``, plus ``base`` where the plan accumulates into it."""

    matrix: str
    operand: str
    base: str | None = None


@dataclass(frozen=True, slots=True)
class Convolution:
    """A kernel over an image, zero around it, plus a bias for each channel."""

    kernel: str
    operand: str
    bias: str | None


@dataclass(frozen=True, slots=True)
class Elementwise:
    """A formula over the names of other nodes."""

    formula: Formula


@dataclass(frozen=True, slots=True)
class Across:
    """A function over the features of a vector, to a scalar or a vector."""

    function: str
    operand: str
    constants: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Widen:
    """A scalar of each batch row, made to stand beside vectors."""

    operand: str


@dataclass(frozen=True, slots=True)
class Expand:
    """A value that is the same in every row and step, given the batch axes it lacks."""

    value: str | float


Operation: TypeAlias = (
    Input
    | Previous
    | Parameter
    | Size
    | Product
    | Convolution
    | Elementwise
    | Across
    | Widen
    | Expand
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """``equation`` is the index of the equation this node was lowered from."""

    name: str
    shape: Shape
    operation: Operation
    equation: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepGraph:
    """Nodes in an order in which each follows what it reads.

    ``new_states`` names, for each state of the cell, the node of its new value, and
    ``emitted`` the nodes that are put out beside the output.
    """

    cell: Cell
    nodes: tuple[Node, ...]
    new_states: tuple[str, ...]
    output: str
    emitted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        seen: dict[str, None] = {}
        for node in self.nodes:
            missing = [name for name in operands(node.operation) if name not in seen]
            if missing or node.name in seen:
                raise ValueError(f"node {node.name} is out of order or repeated")
            seen[node.name] = None

    def node(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)


def is_one_hot(graph: StepGraph, node: Node) -> bool:
    """Whether a node is an input that is given as the place of the 1 in it."""
    if not isinstance(node.operation, Input):
        return False
    one_hot = [item.name for item in graph.cell.inputs if item.one_hot]
    return node.operation.name in one_hot


def operands(operation: Operation) -> tuple[str, ...]:
    """The nodes an operation reads, the matrix of a product included, in order."""

    def names() -> Iterator[str]:
        match operation:
            case Input() | Previous() | Parameter() | Size():
                return
            case Product(matrix=matrix, operand=operand, base=base):
                yield matrix
                yield operand
                if base is not None:
                    yield base
            case Convolution(kernel=kernel, operand=operand, bias=bias):
                yield kernel
                yield operand
                if bias is not None:
                    yield bias
            case Elementwise(formula=formula):
                yield from symbols(formula)
            case Across(operand=operand) | Widen(operand=operand):
                yield operand
            case Expand(value=value):
                if isinstance(value, str):
                    yield value
            case _:
                assert_never(operation)

    return tuple(names())
