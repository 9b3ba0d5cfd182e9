"""Whether a value differs between steps and rows, or depends on parameters alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnndsl.analysis.program import (
    Equation,
    ReadCurrent,
    ReadInput,
    ReadLocal,
    ReadPrevious,
    TypedExpression,
)
from rnndsl.analysis.walk import operands


def varies(expression: TypedExpression, locals_: Mapping[str, bool]) -> bool:
    """Whether an expression reads an input or a state; ``locals_`` says it of the
    locals."""
    waiting = [expression]
    while waiting:
        match waiting.pop():
            case ReadInput() | ReadPrevious() | ReadCurrent():
                return True
            case ReadLocal(name=name) if locals_[name]:
                return True
            case other:
                waiting.extend(operands(other))
    return False


def varying_locals(equations: Sequence[Equation]) -> dict[str, bool]:
    """For each local whether it varies."""
    found: dict[str, bool] = {}
    for equation in equations:
        if not equation.is_state:
            found[equation.target] = varies(equation.value, found)
    return found
