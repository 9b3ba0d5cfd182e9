"""How the new states of a step depend on its old states: dh[t]/dh[t-1] and its like.

The derivative of a value with respect to an old state is a linear map. Accumulated
forward through the step (Griewank and Walther, Evaluating Derivatives, section 3.1), it
is a sum of maps that scale each unit, of products with the parameters' matrices, and of
derivatives of other values that have a name of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from rnndsl.formulas.formula import (
    Apply,
    Formula,
    Number,
    children,
    substitute,
    symbols,
)
from rnndsl.formulas.functions import FUNCTIONS
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
from rnndsl.ir.notation import author_names
from rnndsl.symbolic.derivative import adjoints
from rnndsl.symbolic.expansion import expanded, times

ONE = Number(1)
SHORT = 3
LONG = 40
"""Operations a derivative is written with, before it is referred to instead."""


@dataclass(frozen=True, slots=True)
class Through:
    """``diag(coefficient) @ matrix @ operand``; of a kernel, the matrix by which it
    takes an image to another."""

    coefficient: Formula
    matrix: str
    operand: LinearMap


@dataclass(frozen=True, slots=True)
class Along:
    """``diag(coefficient)`` times the derivative of the value ``node``."""

    coefficient: Formula
    node: str


@dataclass(frozen=True, slots=True)
class Column:
    """The derivative of a vector with respect to a scalar: the coefficient of each
    unit, times the derivative of the scalar ``node`` if there is one."""

    coefficient: Formula
    node: str | None = None


@dataclass(frozen=True, slots=True)
class OverFeatures:
    """``diag(coefficient) @ derivative @ operand``, with the derivative of the function
    over features whose result is ``node``: a matrix, or a row for a reduction."""

    coefficient: Formula
    node: str
    operand: LinearMap


Part: TypeAlias = Through | Along | Column | OverFeatures


@dataclass(frozen=True, slots=True)
class LinearMap:
    """``diag(diagonal)``, None for nothing, plus the parts."""

    diagonal: Formula | None = None
    parts: tuple[Part, ...] = ()

    @property
    def is_zero(self) -> bool:
        return self.diagonal is None and not self.parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivative:
    """The derivative of the value ``node`` with respect to an old state."""

    node: str
    state: str
    map: LinearMap


def derivatives(graph: StepGraph) -> tuple[Derivative, ...]:
    """Those of each new state with respect to each old one, after the derivatives of
    other values that they refer to.

    A value with a name is referred to where its derivative is long; a new state or an
    operand of a product also where it is more than a short diagonal; the result of a
    reduction always. So the result grows with the cell and not with the number of ways
    through it.
    """
    by_state = [_Accumulation(graph, state.name) for state in graph.cell.states]
    return tuple(
        Derivative(node=node.name, state=accumulation.state, map=found)
        for node in graph.nodes
        for accumulation in by_state
        if (found := accumulation.shown(node.name)) is not None
    )


class _Accumulation:
    """The derivatives of all values with respect to one old state."""

    def __init__(self, graph: StepGraph, state: str) -> None:
        self.state = state
        self._named = author_names(graph)
        self._new_states = graph.new_states
        self._multiplied = {
            node.operation.operand
            for node in graph.nodes
            if isinstance(node.operation, Product | Convolution)
        }
        self._maps: dict[str, LinearMap] = {}
        self._referred: dict[str, LinearMap] = {}
        self._used: dict[str, None] = {}
        for node in graph.nodes:
            found = self._of(node)
            if self._is_referred_to(node, found):
                self._referred[node.name] = found
                found = LinearMap(parts=(Along(ONE, node.name),))
            self._maps[node.name] = found
        for name in (*reversed(self._referred), *graph.new_states):
            if name in self._used or name in graph.new_states:
                self._used.update(dict.fromkeys(_along(self.whole(name))))

    def whole(self, node: str) -> LinearMap:
        return self._referred.get(node, self._maps[node])

    def shown(self, node: str) -> LinearMap | None:
        """The derivative of a new state, or of what others refer to."""
        wanted = node in self._new_states or node in self._used
        return self.whole(node) if wanted else None

    def _is_referred_to(self, node: Node, found: LinearMap) -> bool:
        if isinstance(node.operation, Across) and node.shape == ():
            return bool(found.parts)
        if node.name not in self._named:
            return False
        size = _size(found)
        if node.name in self._multiplied or node.name in self._new_states:
            return bool(found.parts) or size > SHORT
        return size > LONG

    def _of(self, node: Node) -> LinearMap:
        match node.operation:
            case Previous(state=state):
                return LinearMap(ONE if state == self.state else None)
            case Input() | Parameter() | Size():
                return LinearMap()
            case Elementwise(formula=formula):
                if _alters_gradient(formula):
                    (name,) = symbols(formula)
                    return self._maps[name]
                total = LinearMap()
                # With many states most values depend on few: none is differentiated
                # for those that it does not.
                if all(self._maps[name].is_zero for name in symbols(formula)):
                    return total
                for name, sent in adjoints(formula, node.name, "").items():
                    partial = expanded(substitute(sent, {"": ONE}))
                    total = _sum(total, _scaled(partial, self._maps[name]))
                return total
            case Product(matrix=matrix, operand=operand, base=base):
                inner = self._maps[operand]
                product = LinearMap(
                    parts=() if inner.is_zero else (Through(ONE, matrix, inner),)
                )
                return product if base is None else _sum(product, self._maps[base])
            case Convolution(kernel=kernel, operand=operand):
                inner = self._maps[operand]
                return LinearMap(
                    parts=() if inner.is_zero else (Through(ONE, kernel, inner),)
                )
            case Across(operand=operand):
                inner = self._maps[operand]
                return LinearMap(
                    parts=()
                    if inner.is_zero
                    else (OverFeatures(ONE, node.name, inner),)
                )
            case Widen(operand=operand):
                return LinearMap(parts=tuple(_columns(self._maps[operand])))
            case Expand(value=value):
                return self._maps[value] if isinstance(value, str) else LinearMap()
            case _:
                assert_never(node.operation)


def _alters_gradient(formula: Formula) -> bool:
    """Whether it is the identity, whose gradient alone is another."""
    if not isinstance(formula, Apply):
        return False
    return FUNCTIONS[formula.function].alters_gradient


def _scaled(factor: Formula, inner: LinearMap) -> LinearMap:
    diagonal = None if inner.diagonal is None else times(factor, inner.diagonal)
    return LinearMap(
        diagonal,
        tuple(
            replace(part, coefficient=times(factor, part.coefficient))
            for part in inner.parts
        ),
    )


def _sum(one: LinearMap, other: LinearMap) -> LinearMap:
    """The sum; parts that differ in their coefficient alone become one."""
    if one.diagonal is None or other.diagonal is None:
        diagonal = one.diagonal or other.diagonal
    else:
        diagonal = one.diagonal + other.diagonal
    parts = {replace(part, coefficient=ONE): part for part in one.parts}
    for part in other.parts:
        key = replace(part, coefficient=ONE)
        known = parts.get(key)
        parts[key] = (
            part
            if known is None
            else replace(part, coefficient=known.coefficient + part.coefficient)
        )
    return LinearMap(diagonal, tuple(parts.values()))


def _columns(scalar: LinearMap) -> Iterator[Column]:
    """The derivative of a vector whose entries are all that scalar."""
    if scalar.diagonal is not None:
        yield Column(scalar.diagonal)
    for part in scalar.parts:
        assert isinstance(part, Along)
        yield Column(part.coefficient, part.node)


def _along(found: LinearMap) -> Iterator[str]:
    """The values whose derivatives it refers to."""
    for part in found.parts:
        match part:
            case Along(node=node) | Column(node=str(node)):
                yield node
            case Through(operand=operand) | OverFeatures(operand=operand):
                yield from _along(operand)
            case Column():
                continue
            case _:
                assert_never(part)


def _size(found: LinearMap) -> int:
    """The number of operations it is written with."""
    size = 0 if found.diagonal is None else _operations(found.diagonal)
    for part in found.parts:
        size += _operations(part.coefficient)
        if isinstance(part, Through | OverFeatures):
            size += _size(part.operand)
    return size


def _operations(formula: Formula) -> int:
    inside = children(formula)
    return bool(inside) + sum(_operations(part) for part in inside)
