"""Where a kernel finds the values of a loop: pointers, and offsets of entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rnndsl.analysis.program import Cell, Dim, Shape
from rnndsl.backends.cuda.identifiers import Identifiers
from rnndsl.backends.cuda.lower import Lowered
from rnndsl.backends.cuda.operations import NoKernels
from rnndsl.backends.cuda.places import Place, Rows
from rnndsl.formulas.formula import Formula
from rnndsl.plan.shapes import Axes

_READ = {
    Rows.FIXED: "",
    Rows.ONE: "",
    Rows.ALL: "t",
    Rows.KEPT: "(keep ? t : 0)",
    Rows.IF_KEPT: "t",
    Rows.STATES: "now",
    Rows.HISTORY: "t",
    Rows.PAIR: "((t + 1) % 2)",
}
_WRITTEN = {
    **_READ,
    Rows.STATES: "next",
    Rows.HISTORY: "(t + 1)",
    Rows.PAIR: "(t % 2)",
}
_FIRST = {Rows.STATES: "", Rows.HISTORY: "", Rows.PAIR: "(steps % 2)"}
"""The step of a tensor's row, to read and to write; before the first step of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the kernels of one loop have in common.

    ``places`` has the place of every value that outlives a kernel, ``states`` that of
    each state, or of its gradient; ``constants`` are numbers. ``previous`` are the old
    states of a forward loop. ``runs_all``: one launch runs all steps. ``size`` is a
    dimension in the generated function.
    """

    cell: Cell
    source: str
    lowered: Lowered
    places: Mapping[str, Place]
    states: tuple[Place, ...]
    constants: Mapping[str, Formula]
    previous: tuple[str, ...]
    is_forward: bool
    runs_all: bool
    size: Callable[[Dim], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A value in memory: ``axes`` of it, in ``place``; if it is one of several parts
    there, ``before`` has the sizes of those before it."""

    place: Place
    axes: Axes
    before: tuple[Dim, ...] | None = None


class Memory:
    """The tensors that a kernel reads and writes, each by its name there."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self.names = Identifiers()
        self.read: dict[str, str] = {}
        self.written: dict[str, str] = {}
        for dim in setting.cell.dimensions:
            self.dim(dim.name)

    # Sizes

    def dim(self, dim: Dim) -> str:
        return str(dim) if isinstance(dim, int) else self.names.of("dim", dim)

    def width(self, axes: Axes) -> str:
        """How many entries a row of the batch has."""
        return " * ".join(self._sum(axis) for axis in axes) or "1"

    def _sum(self, dims: tuple[Dim, ...]) -> str:
        counts = Counter(self.dim(dim) for dim in dims)
        parts = [d if n == 1 else f"{n} * {d}" for d, n in counts.items()]
        text = " + ".join(parts)
        return text if len(dims) == 1 else f"({text})"

    # Values

    def find(self, name: str) -> Found:
        """Raises NoKernels for what is not in memory."""
        setting = self._setting
        part = setting.lowered.parts.get(name)
        stored = name if part is None else part.source
        stored = setting.lowered.widened.get(stored, stored)
        if stored in setting.previous:
            place = setting.states[setting.previous.index(stored)]
        elif stored in setting.places:
            place = setting.places[stored]
        else:
            raise NoKernels(f"reads {name} in a way that kernels cannot")
        if part is None:
            return Found(place=place, axes=place.widths)
        return Found(place=place, axes=((part.size,),), before=part.before)

    def load(self, found: Found, shape: Shape, *, is_first: bool = False) -> str:
        """The thread's entry of a value; of the first step, before all of them."""
        rows = found.place.rows
        step = _FIRST[rows] if is_first else _READ[rows]
        pointer = self._pointer(found.place, is_written=False)
        return f"load({pointer}, {self._entry(found, step, shape)})"

    def store(self, found: Found, shape: Shape, value: str) -> str:
        pointer = self._pointer(found.place, is_written=True)
        entry = self._entry(found, _WRITTEN[found.place.rows], shape)
        return f"store({pointer}, {entry}, {value});"

    def row(self, found: Found, *, is_written: bool = False) -> str:
        """A pointer to the first entry of the block's row."""
        place = found.place
        pointer = self._pointer(place, is_written=is_written)
        offset = self._behind(found.before)
        if place.rows is not Rows.FIXED:
            step = (_WRITTEN if is_written else _READ)[place.rows]
            width = self.width(place.widths)
            row = self._row(step) if width == "1" else f"{self._row(step)} * {width}"
            offset = f"{row}{offset}"
        return f"{pointer} + {offset.removeprefix(' + ')}" if offset else pointer

    def _entry(self, found: Found, step: str, shape: Shape) -> str:
        """The offset of the thread's entry."""
        place, plain = found.place, tuple((dim,) for dim in shape)
        if place.rows is Rows.FIXED:
            if place.widths not in ((), plain):
                raise NoKernels("has values of different shapes in one equation")
            return "unit" if place.widths else "0"
        axes = place.widths
        if found.before is None and axes == plain:
            return {"": "n", "t": "entry"}.get(step, f"{step} * count + n")
        if axes == ():
            return self._row(step)
        if found.before is None or len(axes) != 1 or len(shape) != 1:
            raise NoKernels("has values of different shapes in one equation")
        behind = self._behind(found.before)
        return f"{self._row(step)} * {self.width(axes)}{behind} + unit"

    def _row(self, step: str) -> str:
        return {"": "row", "t": "line"}.get(step, f"({step} * Index(batch) + row)")

    def _behind(self, before: tuple[Dim, ...] | None) -> str:
        return f" + {self._sum(before).strip('()')}" if before else ""

    def _pointer(self, place: Place, *, is_written: bool) -> str:
        if is_written:
            self.read.pop(place.tensor, None)
            self.written[place.tensor] = ""
        elif place.tensor not in self.written:
            self.read[place.tensor] = ""
        return self.names.of("tensor", place.tensor, f"{place.tensor}_")
