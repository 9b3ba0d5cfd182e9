"""Cuts a loop at its products: what runs between two of them is one kernel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from rnndsl.analysis.program import Shape
from rnndsl.backends.cuda.lower import Lowered
from rnndsl.backends.cuda.operations import (
    Between,
    Elementwise,
    NoKernels,
    Operation,
    made,
    reads,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """Operations on values of one shape, one thread for each entry of a row."""

    shape: Shape
    operations: tuple[Elementwise, ...]


Stretch: TypeAlias = Kernel | Between


def cut(lowered: Lowered, operations: Iterable[Operation]) -> tuple[Stretch, ...]:
    """Kernels, and what torch does between them, in an order in which each follows what
    it needs.

    All that is elementwise runs as early as it can, in one kernel for each shape; so
    does each product after it. Raises NoKernels if nothing can go on.
    """
    return _Cut(lowered, list(operations)).stretches()


class _Cut:
    def __init__(self, lowered: Lowered, pending: list[Operation]) -> None:
        self._lowered = lowered
        self._pending = pending
        # How many operations still have to run before a value is at hand.
        self._missing = Counter(
            name for operation in pending if (name := made(operation)) is not None
        )

    def stretches(self) -> tuple[Stretch, ...]:
        found: list[Stretch] = []
        while self._pending:
            before = len(self._pending)
            elementwise: list[Elementwise] = []
            while (operation := self._next(between=False)) is not None:
                assert not isinstance(operation, Between)
                elementwise.append(operation)
            found.extend(_kernels(elementwise))
            while (operation := self._next(between=True)) is not None:
                assert isinstance(operation, Between)
                found.append(operation)
            if len(self._pending) == before:
                raise NoKernels("has steps that wait for one another")
        return tuple(found)

    def _next(self, *, between: bool) -> Operation | None:
        """Takes the first operation of the kind that needs nothing still missing."""
        for operation in self._pending:
            if isinstance(operation, Between) == between and all(
                self._missing[self._lowered.source(name)] == 0
                for name in reads(operation)
            ):
                self._pending.remove(operation)
                name = made(operation)
                if name is not None:
                    self._missing[name] -= 1
                return operation
        return None


def _kernels(operations: list[Elementwise]) -> list[Kernel]:
    """One for each shape; scalars first, which may stand beside vectors."""
    shapes = sorted(dict.fromkeys(o.shape for o in operations), key=len)
    return [
        Kernel(shape=shape, operations=tuple(o for o in operations if o.shape == shape))
        for shape in shapes
    ]
