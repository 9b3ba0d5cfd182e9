"""The values of a step as polynomials in those that are opaque.

Opaque are inputs, old states, parameters, matrix products, and functions of the table.
Coefficients are rational: a number of the spec is taken as the binary fraction that it
is stored as, and nothing is rounded. Two values whose polynomials are equal are equal
for all finite values of inputs, states and parameters, whatever the functions are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeAlias, assert_never

import sympy
from sympy import QQ
from sympy.polys.rings import PolyRing

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
from rnndsl.ir.graph import (
    Across,
    Convolution,
    Elementwise,
    Expand,
    Input,
    Node,
    Operation,
    Parameter,
    Previous,
    Product,
    Size,
    StepGraph,
    Widen,
)

Polynomial: TypeAlias = Any  # an element of a ring, untyped in SymPy

MOST_VALUES = 128
"""Steps of more values are not looked into, nor polynomials of more terms."""


class NotPolynomialError(Exception):
    """A step has a value that is none, or is too large to be looked into."""


class Kind(Enum):
    """What is opaque."""

    INPUT = auto()
    STATE = auto()
    PARAMETER = auto()
    PRODUCT = auto()
    FUNCTION = auto()


@dataclass(frozen=True, slots=True)
class Opaque:
    """An input, an old state, a parameter, or a matrix or a function ``name`` applied
    to ``argument``."""

    kind: Kind
    name: str
    argument: Polynomial | None = None


class Polynomials:
    """A polynomial for each value of a step; raises NotPolynomialError."""

    def __init__(self, graph: StepGraph) -> None:
        if len(graph.nodes) > MOST_VALUES:
            raise NotPolynomialError
        names = [node.name for node in graph.nodes]
        self._graph = graph
        self._ring = PolyRing([sympy.Symbol(name) for name in names], QQ)
        self._generators = dict(zip(names, self._ring.gens, strict=True))
        self._symbols: dict[Opaque, Polynomial] = {}
        self._meanings: dict[str, Opaque] = {}
        self._values: dict[str, Polynomial] = {}
        for node in graph.nodes:
            self._values[node.name] = self._polynomial(node)

    def of(self, node: str) -> Polynomial:
        """The value of a node."""
        return self._values[node]

    def state(self, name: str) -> Polynomial:
        """The old value of a state."""
        return self._symbols[Opaque(Kind.STATE, name)]

    def opaque(self, value: Polynomial) -> tuple[tuple[Polynomial, Opaque], ...]:
        """The opaque values in a polynomial, each with what it is, in the order of the
        step."""
        exponents = [monomial for monomial, _ in value.terms()]
        return tuple(
            (self._generators[name], self._meanings[name])
            for index, name in enumerate(self._generators)
            if any(monomial[index] for monomial in exponents)
        )

    def _polynomial(self, node: Node) -> Polynomial:
        operation: Operation = node.operation
        match operation:
            case Input(name=name):
                return self._symbol(node.name, Opaque(Kind.INPUT, name))
            case Previous(state=state):
                return self._symbol(node.name, Opaque(Kind.STATE, state))
            case Parameter(member=member):
                return self._symbol(node.name, Opaque(Kind.PARAMETER, member))
            case Product(matrix=matrix, operand=operand, base=None):
                parameter = self._graph.node(matrix).operation
                assert isinstance(parameter, Parameter)
                argument = self._values[operand]
                meaning = Opaque(Kind.PRODUCT, parameter.member, argument)
                return self._symbol(node.name, meaning)
            case Elementwise(formula=Apply() as applied):
                return self._symbol(node.name, self._function(applied))
            case Elementwise(formula=formula):
                return self._arithmetic(formula)
            case Product() | Size() | Convolution() | Across() | Widen() | Expand():
                raise NotPolynomialError
            case _:
                assert_never(operation)

    def _symbol(self, name: str, meaning: Opaque) -> Polynomial:
        """Equal opaque values have one symbol, named after the first."""
        known = self._symbols.get(meaning)
        if known is not None:
            return known
        self._meanings[name] = meaning
        return self._symbols.setdefault(meaning, self._generators[name])

    def _function(self, applied: Apply) -> Opaque:
        if len(applied.operands) != 1 or applied.constants:
            raise NotPolynomialError
        argument = self._arithmetic(applied.operands[0])
        return Opaque(Kind.FUNCTION, applied.function, argument)

    def _arithmetic(self, formula: Formula) -> Polynomial:
        match formula:
            case Number(value=value):
                return self._number(value)
            case Symbol(name=name):
                return self._values[name]
            case Binary(operator=operator, left=left, right=right):
                a, b = self._arithmetic(left), self._arithmetic(right)
                match operator:
                    case "+":
                        return _bounded(a + b)
                    case "-":
                        return _bounded(a - b)
                    case "*":
                        return _product(a, b)
                    case "/":
                        return self._quotient(a, b)
                    case _:
                        assert_never(operator)
            case Negate(operand=operand):
                return -self._arithmetic(operand)
            case Power(base=base, exponent=2):
                squared = self._arithmetic(base)
                return _product(squared, squared)
            case Power() | Apply() | Compare():
                raise NotPolynomialError
            case _:
                assert_never(formula)

    def _number(self, value: float) -> Polynomial:
        try:
            above, below = float(value).as_integer_ratio()
        except (OverflowError, ValueError):  # infinite, or none
            raise NotPolynomialError from None
        return self._ring.ground_new(QQ(above, below))

    def _quotient(self, above: Polynomial, below: Polynomial) -> Polynomial:
        if not below.is_ground or below == 0:
            raise NotPolynomialError
        return above.quo_ground(below.coeff(1))


def _product(a: Polynomial, b: Polynomial) -> Polynomial:
    if len(a) * len(b) > MOST_VALUES:
        raise NotPolynomialError
    return a * b


def _bounded(value: Polynomial) -> Polynomial:
    if len(value) > MOST_VALUES:
        raise NotPolynomialError
    return value
