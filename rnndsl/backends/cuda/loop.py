"""A loop, cut into kernels and products, and where its values lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from rnndsl.backends.cuda.accumulate import accumulate, add_in_kernels
from rnndsl.backends.cuda.cut import (
    Entries,
    EntryKernel,
    Kernel,
    Stretch,
    cut,
    launches,
)
from rnndsl.backends.cuda.lower import Lowered
from rnndsl.backends.cuda.operations import (
    Emit,
    Operation,
    Product,
    made,
    reads,
)
from rnndsl.backends.cuda.places import Place, Rows
from rnndsl.ir.naming import Names
from rnndsl.plan.shapes import Axes

RowsOf: TypeAlias = Callable[[str, bool], Rows | None]
"""The rows of a value's place, from its name and whether a product, or more than one
stretch, uses it; None if it needs no place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """``continued``: tensors that start as a value of all steps, to which products are
    added, and that value."""

    launches: tuple[Kernel | Product, ...]
    lowered: Lowered
    places: Mapping[str, Place]
    states: tuple[Place, ...]
    continued: Mapping[str, str]

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        return tuple(s for s in self.launches if not isinstance(s, Product))

    @property
    def products(self) -> tuple[Product, ...]:
        return tuple(s for s in self.launches if isinstance(s, Product))

    @property
    def runs_all(self) -> bool:
        """Whether one launch of one kernel can run all steps."""
        return len(self.launches) == 1 and isinstance(self.launches[0], EntryKernel)

    @property
    def in_each_step(self) -> int:
        """How many launches a step has."""
        return 0 if self.runs_all else len(self.launches)


def lay_out(
    lowered: Lowered,
    operations: Iterable[Operation],
    *,
    shapes: dict[str, Axes],
    states: tuple[Place, ...],
    given: Mapping[str, Place],
    owned: Iterable[str],
    wanted: Iterable[str],
    rows_of: RowsOf,
    names: Names,
) -> Loop:
    """Cuts the operations and gives their values places. Adds what it names to
    ``shapes``.

    ``given``: places that are settled. ``owned``: values of all steps that nothing but
    this loop reads. ``wanted`` are needed outside of it.
    """
    listed = list(operations)
    readers = Counter(
        lowered.source(name) for operation in listed for name in reads(operation)
    )
    readers.update(wanted)
    add_in_kernels(listed, readers, owned, shapes=shapes, given=given, names=names)
    roots = accumulate(listed, readers, owned)
    stretches = cut(lowered, listed)
    crossing = _crossing(stretches, lowered)
    together: dict[str, list[str]] = {}
    for member, root in roots.items():
        together.setdefault(root, []).append(member)
    places = dict(given)
    continued: dict[str, str] = {}
    for operation in listed:
        name = made(operation)
        if name is None or isinstance(operation, Emit):
            continue
        # Of values in one place, the last is what others see.
        members = together.get(roots.get(name, name), [name])
        last = members[-1]
        if last in given:
            places[name] = given[last]
            continue
        rows = rows_of(last, last in crossing or isinstance(operation, Product))
        root = roots.get(name, name)
        if root in owned:
            rows = Rows.ALL
            continued[last] = root
        if rows is not None:
            places[name] = Place(tensor=last, rows=rows, axes=shapes[last])
    return Loop(
        launches=launches(stretches),
        lowered=lowered,
        places=places,
        states=states,
        continued=continued,
    )


def _crossing(stretches: Iterable[Stretch], lowered: Lowered) -> dict[str, None]:
    """The values that are used outside the stretch that makes them."""
    homes: dict[str, int] = {}
    found: dict[str, None] = {}
    for index, stretch in enumerate(stretches):
        operations = stretch.operations if isinstance(stretch, Entries) else (stretch,)
        for operation in operations:
            name = made(operation)
            if name is not None:
                homes[name] = index
            for read in map(lowered.source, reads(operation)):
                if homes.get(read, index) != index:
                    found[read] = None
    return found
