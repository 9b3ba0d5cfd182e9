"""Sums as text, on one line where they fit, else a term on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnndsl.formulas.text import Binding, Written

WIDTH = 84


@dataclass(frozen=True, slots=True)
class Term:
    """What a sum adds, or subtracts if it is ``negative``."""

    value: Written
    negative: bool = False


def signed(terms: Sequence[Term]) -> list[str]:
    """The terms of a sum, each but the first with its sign in front."""
    found: list[str] = []
    for term in terms:
        sign = ("- " if term.negative else "+ ") if found else "-" * term.negative
        level = Binding.MATRIX_PRODUCT if term.negative else Binding.SUM
        found.append(sign + term.value.within(level))
    return found


def equation_lines(left: str, terms: Sequence[str]) -> list[str]:
    """``left = terms``, from terms that carry their signs."""
    line = f"{left} = {' '.join(terms)}"
    if len(line) <= WIDTH:
        return [line]
    first, *others = terms
    return [f"{left} = {first}", *(f"{'':{len(left) + 1}}{term}" for term in others)]
