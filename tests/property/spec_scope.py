"""What an expression of a generated spec may read."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from random import Random
from typing import TypeAlias

Dim: TypeAlias = str | int
Shape: TypeAlias = tuple[Dim, ...]


class Origin(IntEnum):
    """What a value depends on at most."""

    FIXED = 0
    INPUT = 1
    STATE = 2


@dataclass(frozen=True, slots=True)
class Value:
    """Something readable, as it is written: ``x[t]``, ``h[t-1]``, ``i``."""

    text: str
    shape: Shape
    origin: Origin


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter whose name is chosen last: until then it is written ``$index$``.

    Parameters of one ``family`` have one shape and were made to be stored together.
    """

    index: int
    shape: Shape
    is_bias: bool
    family: int | None

    @property
    def text(self) -> str:
        return f"${self.index}$"


@dataclass(slots=True)
class Scope:
    """The names known so far. ``dimensions`` are those that vectors may have, ``sizes``
    those that are read as numbers."""

    rng: Random
    dimensions: tuple[Dim, ...]
    values: list[Value] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    constants: list[str] = field(default_factory=list)
    functions: list[tuple[str, int]] = field(default_factory=list)
    products: list[Value] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)

    def readable(self, shape: Shape, origin: Origin) -> list[Value]:
        """The values of a shape that depend on no more than ``origin``."""
        return [v for v in self.values if v.shape == shape and v.origin <= origin]

    def parameter(
        self,
        shape: Shape,
        *,
        is_bias: bool = False,
        family: int | None = None,
        fresh: bool = False,
    ) -> Parameter:
        """A new parameter, or, unless it has to be ``fresh``, one that is there."""
        known = [
            p for p in self.parameters if p.shape == shape and p.is_bias == is_bias
        ]
        if known and not fresh and self.rng.random() < 0.35:
            return self.rng.choice(known)
        made = Parameter(len(self.parameters), shape, is_bias, family)
        self.parameters.append(made)
        return made

    def size(self) -> str | None:
        """A dimension to read as a number."""
        named = [dim for dim in self.dimensions if isinstance(dim, str)]
        if not named:
            return None
        self.sizes.append(self.rng.choice(named))
        return self.sizes[-1]
