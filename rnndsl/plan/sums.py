"""Sums as lists of signed terms, in the author's order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add

from rnndsl.formulas.formula import Binary, Formula, Negate, Symbol

MAX_TERMS = 100


@dataclass(frozen=True, slots=True)
class Term:
    formula: Formula
    negative: bool = False

    @property
    def symbol(self) -> str | None:
        """The name, where the term is a value that is added as it is."""
        if isinstance(self.formula, Symbol) and not self.negative:
            return self.formula.name
        return None


def terms(formula: Formula, negative: bool = False) -> list[Term]:
    """What a formula adds and subtracts at its top level."""
    found: list[Term] = []
    pending = [(formula, negative)]
    while pending:
        part, minus = pending.pop()
        match part:
            case Binary(operator="+" | "-" as operator, left=left, right=right):
                pending.append((right, minus != (operator == "-")))
                pending.append((left, minus))
            case Negate(operand=operand):
                pending.append((operand, not minus))
            case _:
                found.append(Term(part, minus))
    return found


def total(parts: list[Term]) -> Formula:
    """The sum of terms, the first that is not subtracted in front."""
    ordered = list(parts)
    start = next((i for i, part in enumerate(ordered) if not part.negative), 0)
    ordered.insert(0, ordered.pop(start))
    first = ordered[0]
    result = Negate(first.formula) if first.negative else first.formula
    for part in ordered[1:]:
        result = Binary("-" if part.negative else "+", result, part.formula)
    return result


def added(parts: list[Formula], named: Callable[[Formula], str]) -> Formula:
    """The sum of formulas. A long one is added up in parts, to which ``named`` gives
    names: each term is a level more, here and for Python's parser."""
    rest = parts
    while len(rest) > MAX_TERMS:
        first = reduce(add, rest[:MAX_TERMS])
        rest = [Symbol(named(first)), *rest[MAX_TERMS:]]
    return reduce(add, rest)
