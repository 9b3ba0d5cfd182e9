"""What a step does between its products, which torch computes, and those."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from rnndsl.analysis.program import Dim, Shape
from rnndsl.formulas.formula import Formula, symbols
from rnndsl.plan.statements import (
    Across,
    AcrossBackward,
    SumFeatures,
    Weight,
)
from rnndsl.plan.statements import reads as reads_of_statement


class NoKernels(Exception):  # noqa: N818 - no error: the cell runs by other engines
    """The loop has something that kernels cannot do. Its text completes "the cell"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign:
    """``target = formula``. ``equation`` is the index of the equation it belongs to."""

    target: str
    shape: Shape
    formula: Formula
    equation: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Writes ``part`` (None: zeros) into ``joined``, behind parts of the sizes
    ``before``."""

    joined: str
    part: str | None
    shape: Shape
    before: tuple[Dim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit:
    """Writes a value of the step to where all steps are collected under ``target``."""

    target: str
    value: str
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrive:
    """The gradient ``target`` of a state, from the step after: zero in a row that has
    ended."""

    state: int
    target: str
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """Hands a state, or its gradient, to the next step; None stands for zero.

    A row that has ended keeps its state, and passes its gradient by. Where ``target``
    is given, a product adds to what was handed over and waits for it.
    """

    state: int
    value: str | None
    shape: Shape
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """``operand @ weight.T + base``, or ``operand @ weight`` where ``transposed``.

    ``in_place``: it is added to ``base`` where that lies.
    """

    target: str
    operand: str
    weight: Weight
    base: str | None = None
    transposed: bool = False
    in_place: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrossFeatures:
    """What no entry of a row can be computed without the others for."""

    target: str
    statement: Across | AcrossBackward | SumFeatures


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a value along its features, behind parts of the sizes ``before``."""

    source: str
    before: tuple[Dim, ...]
    size: Dim


Elementwise: TypeAlias = Assign | Put | Emit | Arrive | Advance
Operation: TypeAlias = Elementwise | AcrossFeatures | Product


def reads(operation: Operation) -> tuple[str, ...]:
    """The values an operation needs, each once."""
    match operation:
        case Assign(formula=formula):
            return symbols(formula)
        case Arrive():
            return ()
        case Put(part=value) | Advance(value=value):
            return () if value is None else (value,)
        case Emit(value=value):
            return (value,)
        case Product(operand=operand, base=base):
            return (operand,) if base in (None, operand) else (operand, str(base))
        case AcrossFeatures(statement=statement):
            return reads_of_statement(statement)
        case _:
            assert_never(operation)


def made(operation: Operation) -> str | None:
    """The value that is at hand when this and all others that make it have run."""
    match operation:
        case Assign(target=target) | Product(target=target):
            return target
        case AcrossFeatures(target=target):
            return target
        case Arrive(target=target) | Advance(target=target):
            return target
        case Put(joined=joined):
            return joined
        case Emit():
            return None
        case _:
            assert_never(operation)
