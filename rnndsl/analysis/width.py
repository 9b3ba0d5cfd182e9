"""The width of a vector between two layers: a sum of products of dimensions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from rnndsl.analysis.program import Dim


@dataclass(frozen=True, slots=True)
class Width:
    """``H + 2 * P + X * Y + 64``: each product of dimensions with how often it is
    taken, in order of their names, and a number. Two widths are equal if they are so
    whatever the dimensions are."""

    counts: tuple[tuple[tuple[str, ...], int], ...] = ()
    number: int = 0

    @staticmethod
    def of(dim: Dim) -> Width:
        """The width of one dimension."""
        if isinstance(dim, int):
            return Width(number=dim)
        return Width(counts=(((dim,), 1),))

    @property
    def dim(self) -> Dim | None:
        """The dimension that it is, if it is a single one."""
        match self:
            case Width(counts=(), number=number):
                return number
            case Width(counts=(((name,), 1),), number=0):
                return name
            case _:
                return None

    def __add__(self, other: Width) -> Width:
        """The width of two vectors beside each other."""
        return _width(Counter(self._terms()) + Counter(other._terms()))

    def __mul__(self, other: Width) -> Width:
        """The width of as many vectors beside each other as the other says."""
        total: Counter[tuple[str, ...]] = Counter()
        for names, count in self._terms().items():
            for others, times in other._terms().items():
                total[tuple(sorted((*names, *others)))] += count * times
        return _width(total)

    def __str__(self) -> str:
        return self.text({})

    def text(self, names: Mapping[str, str]) -> str:
        """``2 * hidden_size + 64``; a dimension that ``names`` lacks keeps its own."""
        terms: list[str] = []
        for dims, count in self.counts:
            factors = [names.get(dim, dim) for dim in dims]
            terms.append(" * ".join([str(count), *factors] if count > 1 else factors))
        if self.number or not terms:
            terms.append(str(self.number))
        return " + ".join(terms)

    def value(self, sizes: Mapping[str, int]) -> int:
        """The number that it is when the dimensions have these sizes."""
        return self.number + sum(
            count * math.prod(sizes[name] for name in names)
            for names, count in self.counts
        )

    def _terms(self) -> dict[tuple[str, ...], int]:
        """All terms; the number is the multiple of the product of nothing."""
        return {**dict(self.counts), (): self.number}


def _width(terms: Mapping[tuple[str, ...], int]) -> Width:
    products = sorted((names, n) for names, n in terms.items() if names and n)
    return Width(tuple(products), terms.get((), 0))
