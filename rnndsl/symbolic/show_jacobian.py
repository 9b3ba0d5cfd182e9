"""The derivatives of new states with respect to old ones as equations.

This is what ``rnndsl show --as jacobian`` prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from rnndsl.analysis.show import cell_heading
from rnndsl.formulas.formula import Formula, Negate, Number, symbols
from rnndsl.formulas.sum_text import Term, equation_lines, signed
from rnndsl.formulas.text import Binding, Written, applied, written
from rnndsl.ir.graph import Across, Elementwise, StepGraph, Widen, operands
from rnndsl.ir.notation import author_names, definition, notation
from rnndsl.symbolic.jacobian import (
    ONE,
    Along,
    Column,
    Derivative,
    LinearMap,
    OverFeatures,
    Part,
    Through,
    derivatives,
)
from rnndsl.symbolic.recurrence import recurrence
from rnndsl.symbolic.recurrence_text import recurrence_lines


def jacobian_text(graph: StepGraph) -> str:
    """An equation for each pair of states, what is not named in the spec below them,
    and the class of the recurrence."""
    writing = _Writing(graph)
    lines = [cell_heading(graph.cell), ""]
    found = derivatives(graph)
    for item in found:
        lines += [f"  {line}" for line in writing.equations(item)]
    below = list(writing.definitions(found))
    if below:
        lines += ["", "where", *(f"  {line}" for line in below)]
    lines += ["", *recurrence_lines(recurrence(graph))]
    return "\n".join(lines) + "\n"


class _Writing:
    def __init__(self, graph: StepGraph) -> None:
        self._graph = graph
        self._nodes = {node.name: node for node in graph.nodes}
        self._values = notation(graph)
        for node in graph.nodes:
            if isinstance(node.operation, Widen):
                self._values[node.name] = self._values[node.operation.operand]
        self._is_scalar = {state.name: state.shape == () for state in graph.cell.states}
        self._new_states: dict[str, list[str]] = {}
        for state, name in zip(graph.cell.states, graph.new_states, strict=True):
            self._new_states.setdefault(name, []).append(f"{state.name}[t]")

    def equations(self, item: Derivative) -> Iterator[str]:
        """One for each state whose new value this is, or one for a local value."""
        is_scalar = self._nodes[item.node].shape == ()
        for name in self._names(item.node):
            left = f"d{name}/d{item.state}[t-1]"
            yield from equation_lines(left, self._terms(item, is_scalar))

    def _names(self, node: str) -> list[str]:
        """The new states that a value is, or the value itself."""
        return self._new_states.get(node, [self._values[node].text])

    def _terms(self, item: Derivative, is_scalar: bool) -> list[str]:
        return signed(list(self._sum(item.map, item.state, is_scalar))) or ["0"]

    def _sum(
        self, found: LinearMap, state: str, is_scalar: bool = False
    ) -> Iterator[Term]:
        if found.diagonal is not None:
            yield self._scaled(found.diagonal, None, is_scalar)
        for part in found.parts:
            yield self._part(part, state, is_scalar)

    def _part(self, part: Part, state: str, is_scalar: bool) -> Term:
        match part:
            case Through(coefficient=coefficient, matrix=matrix, operand=operand):
                factors = self._matrix(matrix) + self._times(operand, state)
                return self._scaled(coefficient, factors)
            case OverFeatures(coefficient=coefficient, node=node, operand=operand):
                factors = self._prime(node) + self._times(operand, state)
                return self._scaled(coefficient, factors, is_scalar)
            case Along(coefficient=coefficient, node=node):
                return self._scaled(coefficient, self._name(node, state), is_scalar)
            case Column(coefficient=coefficient, node=node):
                column = f"column({written(coefficient, self._values).text})"
                if node is None:
                    return Term(Written(column, Binding.TERM))
                # With respect to a vector, the derivative of a scalar is a row.
                sign = "*" if self._is_scalar[state] else "@"
                text = f"{column} {sign} {self._name(node, state)}"
                return Term(Written(text, Binding.TERM))
            case _:
                assert_never(part)

    def _matrix(self, name: str) -> str:
        """``U``, or ``conv(K)`` for what a kernel does to an image."""
        is_kernel = len(self._nodes[name].shape) > 2
        text = self._values[name].text
        return f"conv({text})" if is_kernel else text

    def _times(self, operand: LinearMap, state: str) -> str:
        """``@ operand``, nothing for the identity."""
        if operand == LinearMap(ONE):
            return ""
        terms = list(self._sum(operand, state))
        inside = " ".join(signed(terms))
        bare = len(terms) == 1 and not terms[0].negative
        return f" @ {inside if bare else f'({inside})'}"

    def _prime(self, node: str) -> str:
        """``softmax'(u)``, the derivative of a function over features."""
        operation = self._nodes[node].operation
        assert isinstance(operation, Across)
        value = self._values[operation.operand]
        return applied(f"{operation.function}'", [value], operation.constants).text

    def _name(self, node: str, state: str) -> str:
        return f"d{self._names(node)[0]}/d{state}[t-1]"

    def _scaled(
        self, coefficient: Formula, factors: str | None, is_scalar: bool = False
    ) -> Term:
        """``diag(coefficient) @ factors``, a negative sign in front; for a scalar,
        ``coefficient * factors``."""
        if isinstance(coefficient, Negate):
            positive = self._scaled(coefficient.operand, factors, is_scalar)
            return Term(positive.value, not positive.negative)
        if isinstance(coefficient, Number) and coefficient.value < 0:
            positive = self._scaled(Number(-coefficient.value), factors, is_scalar)
            return Term(positive.value, not positive.negative)
        if factors is not None and coefficient == ONE:
            return Term(Written(factors, Binding.MATRIX_PRODUCT))
        scale = written(coefficient, self._values)
        if not is_scalar:
            scale = Written(f"diag({scale.text})", Binding.CALL)
        if factors is None:
            return Term(scale)
        sign = "*" if is_scalar else "@"
        text = f"{scale.within(Binding.TERM)} {sign} {factors}"
        return Term(Written(text, Binding.MATRIX_PRODUCT))

    def definitions(self, found: tuple[Derivative, ...]) -> Iterator[str]:
        """The values in the equations that have no name in the spec, in order."""
        wanted = dict.fromkeys(
            name for item in found for name in self._symbols_of(item.map)
        )
        for node in self._graph.nodes:
            operand = isinstance(node.operation, Widen) and node.operation.operand
            if operand and node.name in wanted:
                wanted[operand] = None
        named = author_names(self._graph)
        values = dict(self._values)
        for node in self._graph.nodes:
            is_computed = isinstance(node.operation, Elementwise | Across)
            if is_computed and node.name not in named:
                meaning = definition(node, values)
                if node.name in wanted:
                    yield f"{values[node.name].text} = {meaning.text}"
                else:
                    values[node.name] = meaning

    def _symbols_of(self, found: LinearMap) -> Iterator[str]:
        if found.diagonal is not None:
            yield from symbols(found.diagonal)
        for part in found.parts:
            yield from symbols(part.coefficient)
            match part:
                case Through(operand=operand):
                    yield from self._symbols_of(operand)
                case OverFeatures(node=node, operand=operand):
                    yield from operands(self._nodes[node].operation)
                    yield from self._symbols_of(operand)
