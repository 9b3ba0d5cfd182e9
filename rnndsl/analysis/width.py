"""The width of a vector between two layers: a sum of dimensions and a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from rnndsl.analysis.program import Dim


@dataclass(frozen=True, slots=True)
class Width:
    """``H + 2*P + 64``: each dimension with how often it is taken, in order of name,
    and a number. Two widths are equal if they are so whatever the dimensions are."""

    counts: tuple[tuple[str, int], ...] = ()
    number: int = 0

    @staticmethod
    def of(dim: Dim) -> Width:
        """The width of one dimension."""
        if isinstance(dim, int):
            return Width(number=dim)
        return Width(counts=((dim, 1),))

    @property
    def dim(self) -> Dim | None:
        """The dimension that it is, if it is a single one."""
        match self:
            case Width(counts=(), number=number):
                return number
            case Width(counts=((name, 1),), number=0):
                return name
            case _:
                return None

    def __add__(self, other: Width) -> Width:
        """The width of two vectors beside each other."""
        counts = Counter(dict(self.counts)) + Counter(dict(other.counts))
        return Width(tuple(sorted(counts.items())), self.number + other.number)

    def __str__(self) -> str:
        return self.text({})

    def text(self, names: Mapping[str, str]) -> str:
        """``2 * hidden_size + 64``; a dimension that ``names`` lacks keeps its own."""
        terms = [
            names.get(name, name)
            if count == 1
            else f"{count} * {names.get(name, name)}"
            for name, count in self.counts
        ]
        if self.number or not terms:
            terms.append(str(self.number))
        return " + ".join(terms)

    def value(self, sizes: Mapping[str, int]) -> int:
        """The number that it is when the dimensions have these sizes."""
        return self.number + sum(count * sizes[name] for name, count in self.counts)
