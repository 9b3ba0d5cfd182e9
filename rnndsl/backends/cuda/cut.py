"""Cuts a loop at its products: what runs between two of them is one kernel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias, TypeGuard, TypeVar

from rnndsl.analysis.program import Shape
from rnndsl.backends.cuda.lower import Lowered
from rnndsl.backends.cuda.operations import (
    AcrossFeatures,
    Elementwise,
    NoKernels,
    Operation,
    Product,
    made,
    reads,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Operations on values of one shape, by one thread for each entry of a row."""

    shape: Shape
    operations: tuple[Elementwise, ...]


Stretch: TypeAlias = Entries | AcrossFeatures | Product
"""What needs all before it to be at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryKernel:
    """A kernel with a thread for each entry of each row."""

    entries: Entries


@dataclass(frozen=True, slots=True, kw_only=True)
class RowKernel:
    """A kernel with a block for each row, whose threads wait for one another between
    the parts."""

    parts: tuple[Entries | AcrossFeatures, ...]


Kernel: TypeAlias = EntryKernel | RowKernel


def cut(lowered: Lowered, operations: Iterable[Operation]) -> tuple[Stretch, ...]:
    """An order in which each stretch follows what it needs.

    What is no product runs as early as it can, so that products have as much between
    them as there can be. Raises NoKernels if nothing can go on.
    """
    return _Cut(lowered, list(operations)).stretches()


def launches(stretches: Iterable[Stretch]) -> tuple[Kernel | Product, ...]:
    """One kernel for all that lies between two products."""
    found: list[Kernel | Product] = []
    for are_products, run in groupby(stretches, lambda s: isinstance(s, Product)):
        if are_products:
            found.extend(stretch for stretch in run if isinstance(stretch, Product))
            continue
        parts = tuple(stretch for stretch in run if not isinstance(stretch, Product))
        match parts:
            case (Entries() as entries,):
                found.append(EntryKernel(entries=entries))
            case _:
                found.append(RowKernel(parts=parts))
    return tuple(found)


class _Cut:
    def __init__(self, lowered: Lowered, pending: list[Operation]) -> None:
        self._lowered = lowered
        self._pending = pending
        # How many operations still have to run before a value is at hand.
        self._missing = Counter(
            name for operation in pending if (name := made(operation)) is not None
        )

    def stretches(self) -> tuple[Stretch, ...]:
        # What a step starts with needs no kernel before it.
        found: list[Stretch] = [*self._take(_is_product)]
        while self._pending:
            run: list[Stretch] = [*_entries(self._take(_is_elementwise))]
            run.extend(self._take(_is_across_features))
            # Products wait for all else that can run.
            run = run or [*self._take(_is_product)]
            if not run:
                raise NoKernels("has steps that wait for one another")
            found.extend(run)
        return tuple(found)

    def _take(self, is_wanted: Callable[[Operation], TypeGuard[T]]) -> list[T]:
        """Takes the operations of a kind that need nothing still missing."""
        found: list[T] = []
        while True:
            for index, operation in enumerate(self._pending):
                if self._is_ready(operation) and is_wanted(operation):
                    found.append(operation)
                    self._remove(index)
                    break
            else:
                return found

    def _remove(self, index: int) -> None:
        name = made(self._pending.pop(index))
        if name is not None:
            self._missing[name] -= 1

    def _is_ready(self, operation: Operation) -> bool:
        sources = map(self._lowered.source, reads(operation))
        return all(self._missing[name] == 0 for name in sources)


def _is_elementwise(operation: Operation) -> TypeGuard[Elementwise]:
    return not isinstance(operation, AcrossFeatures | Product)


def _is_across_features(operation: Operation) -> TypeGuard[AcrossFeatures]:
    return isinstance(operation, AcrossFeatures)


def _is_product(operation: Operation) -> TypeGuard[Product]:
    return isinstance(operation, Product)


def _entries(operations: list[Elementwise]) -> list[Entries]:
    """One for each shape; scalars first, which may stand beside vectors."""
    shapes = sorted(dict.fromkeys(o.shape for o in operations), key=len)
    return [
        Entries(
            shape=shape, operations=tuple(o for o in operations if o.shape == shape)
        )
        for shape in shapes
    ]
