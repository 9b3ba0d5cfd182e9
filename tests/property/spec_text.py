"""Pieces of a spec's text that keep their precedence when they are put together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from random import Random


class Binding(IntEnum):
    """How tightly an expression of the language holds together."""

    COMPARISON = 0
    SUM = 1
    PRODUCT = 2
    SIGN = 3
    POWER = 4
    ATOM = 5


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    binding: Binding = Binding.ATOM

    def within(self, binding: Binding, rng: Random) -> str:
        """In parentheses where they are needed, and now and then where not."""
        if self.binding >= binding and (
            self.binding is Binding.ATOM or rng.random() > 0.04
        ):
            return self.text
        return f"({self.text})"


NUMBERS = ("0.5", "2", "1", "0.1", "3", "1.5", ".25", "2e-1", "0.50", "1.", "0.333")
EXPONENTS = ("2", "3", "2", "4", "1", "2.0", "(1 + 1)")
POSITIVE_EXPONENTS = ("-1", "-2", "0.5", "-0.5", "1.5", "(1 / 3)", "2 ** -1", "-1.5")
