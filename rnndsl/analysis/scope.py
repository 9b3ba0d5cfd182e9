"""The names of one cell and what each stands for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from rnndsl.analysis.program import Shape
from rnndsl.diagnostics import Span


class Kind(Enum):
    """What a name stands for; the value is the word for it in messages."""

    DIMENSION = "dimension"
    INPUT = "input"
    STATE = "state"
    PARAMETER = "parameter"
    BIAS = "bias"
    CONSTANT = "constant"
    LOCAL = "local"


INDEXED = (Kind.INPUT, Kind.STATE)
WEIGHTS = (Kind.PARAMETER, Kind.BIAS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A name of a cell. ``shape`` is None where it could not be found out: whatever
    reads the name then has an unknown shape too, without another message."""

    name: str
    kind: Kind
    span: Span
    shape: Shape | None


class Scope:
    """The names of one cell, in the order in which they are declared.

    ``groups`` has the members of each brace group by its stem without underscores.
    """

    def __init__(self) -> None:
        self._declared: dict[str, Declared] = {}
        self.groups: dict[str, tuple[str, ...]] = {}

    def declare(self, declared: Declared) -> None:
        """Adds a name; the first declaration of a name is the one that counts."""
        self._declared.setdefault(declared.name, declared)

    def get(self, name: str) -> Declared | None:
        return self._declared.get(name)

    def names(self) -> tuple[str, ...]:
        return tuple(self._declared)

    def of_kind(self, *kinds: Kind) -> Iterator[Declared]:
        return (d for d in self._declared.values() if d.kind in kinds)
