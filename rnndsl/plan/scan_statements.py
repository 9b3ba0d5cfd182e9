"""What a plan of all steps at once does beside the statements of other plans: it finds
the states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rnndsl.plan.statements import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearScan:
    """``target[t] = a[t] * target[t-1] + b[t]``, from the state ``first`` on, but kept
    where a row has ended; ``a`` may be the same in all rows and steps. ``equation`` is
    the index of the equation it belongs to."""

    target: str
    a: str
    b: str
    first: str
    equation: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSteps:
    """The states that take on ``values``, but where a row has ended."""

    target: str
    values: str
    first: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SameSteps:
    """A state that never changes."""

    target: str
    first: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierSteps:
    """The states before each step, from those after it."""

    target: str
    states: str
    first: str


ScanStatement: TypeAlias = Statement | LinearScan | KeptSteps | SameSteps | EarlierSteps
