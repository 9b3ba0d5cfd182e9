"""The text of one kernel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never

from rnndsl.analysis.program import Cell, Dim, Shape
from rnndsl.backends.cuda.cut import Kernel
from rnndsl.backends.cuda.identifiers import Identifiers
from rnndsl.backends.cuda.layout import filled, index_text, stands_in, wrapped
from rnndsl.backends.cuda.lower import Lowered
from rnndsl.backends.cuda.operations import (
    Advance,
    Arrive,
    Assign,
    Elementwise,
    Emit,
    NoKernels,
    Put,
    reads,
)
from rnndsl.backends.cuda.places import Place, Rows
from rnndsl.backends.cuda.printer import cuda_expression
from rnndsl.backends.cuda.view import KernelView
from rnndsl.backends.torch.printer import Code
from rnndsl.formulas.formula import Formula
from rnndsl.plan.shapes import Axes

_READ = {
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


def kernel_view(
    setting: Setting, kernel: Kernel, name: str, variable: str
) -> KernelView:
    """Raises NoKernels for values that do not fit beside each other."""
    return _Text(setting, kernel).view(name, variable)


class _Text:
    def __init__(self, setting: Setting, kernel: Kernel) -> None:
        self._setting = setting
        self._shape: Shape = kernel.shape
        self._operations: tuple[Elementwise, ...] = kernel.operations
        self._names = Identifiers()
        self._dims: dict[str, str] = {}
        self._codes: dict[str, Code] = {}
        self._read: dict[str, str] = {}
        self._written: dict[str, str] = {}
        self._opening: list[str] = []
        self._loads: list[str] = []
        self._body: list[str] = []
        self._stores: list[str] = []
        self._kept: list[str] = []
        self._closing: list[str] = []
        self._arriving: dict[int, str] = {}
        self._equation: int | None = None

    # Where entries lie

    def _dim(self, dim: Dim) -> str:
        return str(dim) if isinstance(dim, int) else self._names.of("dim", dim)

    def _width(self, axes: Axes) -> str:
        """How many entries a row of the batch has."""
        return " * ".join(self._sum(axis) for axis in axes) or "1"

    def _sum(self, dims: tuple[Dim, ...]) -> str:
        counts = Counter(self._dim(dim) for dim in dims)
        parts = [d if n == 1 else f"{n} * {d}" for d, n in counts.items()]
        text = " + ".join(parts)
        return text if len(dims) == 1 else f"({text})"

    def _plain(self) -> Axes:
        return tuple((dim,) for dim in self._shape)

    def _entry(
        self, place: Place, step: str, before: tuple[Dim, ...] | None = None
    ) -> str:
        """The offset of the thread's entry; behind parts, of those sizes, of a row."""
        if place.rows is Rows.FIXED:
            if place.widths not in ((), self._plain()):
                raise NoKernels("has values of different shapes in one equation")
            return "unit" if place.widths else "0"
        axes = place.widths
        if before is None and axes == self._plain():
            return {"": "n", "t": "entry"}.get(step, f"{step} * count + n")
        row = {"": "row", "t": "line"}.get(step, f"({step} * Index(batch) + row)")
        if axes == ():
            return row
        if before is None or len(axes) != 1 or len(self._shape) != 1:
            raise NoKernels("has values of different shapes in one equation")
        behind = f" + {self._sum(before).strip('()')}" if before else ""
        return f"{row} * {self._width(axes)}{behind} + unit"

    # Values

    def _pointer(self, place: Place, *, is_written: bool) -> str:
        if is_written:
            self._read.pop(place.tensor, None)
        elif place.tensor not in self._written:
            self._read[place.tensor] = ""
        if is_written:
            self._written[place.tensor] = ""
        return self._names.of("tensor", place.tensor, f"{place.tensor}_")

    def _value(self, name: str) -> Code:
        """The name of a value in this kernel; loads it where it is not at hand."""
        if name in self._setting.constants:
            return cuda_expression(self._setting.constants[name], {})
        if name not in self._codes:
            self._codes[name] = Code(self._names.of("value", name))
            self._load(name, self._codes[name].text)
        return self._codes[name]

    def _load(self, name: str, own: str) -> None:
        setting = self._setting
        before: tuple[Dim, ...] | None = None
        stored = name
        if name in setting.lowered.parts:
            part = setting.lowered.parts[name]
            before, stored = part.before, part.source
        stored = setting.lowered.widened.get(stored, stored)
        if stored in setting.previous:
            place = setting.states[setting.previous.index(stored)]
            if setting.runs_all:
                first = self._loaded(place, _FIRST[place.rows])
                self._opening.append(f"real {own} = {first};")
                return
        elif stored in setting.places:
            place = setting.places[stored]
        else:
            raise NoKernels(f"reads {name} in a way that kernels cannot")
        step = "" if place.rows is Rows.FIXED else _READ[place.rows]
        self._loads.append(f"const real {own} = {self._loaded(place, step, before)};")

    def _loaded(
        self, place: Place, step: str, before: tuple[Dim, ...] | None = None
    ) -> str:
        pointer = self._pointer(place, is_written=False)
        return f"load({pointer}, {self._entry(place, step, before)})"

    def _define(self, name: str, text: str) -> None:
        own = self._names.of("value", name)
        self._codes[name] = Code(own)
        self._body.append(f"const real {own} = {text};")

    def _store(
        self, place: Place, value: str, before: tuple[Dim, ...] | None = None
    ) -> None:
        pointer = self._pointer(place, is_written=True)
        entry = self._entry(place, _WRITTEN[place.rows], before)
        lines = self._kept if place.rows is Rows.IF_KEPT else self._stores
        lines.append(f"store({pointer}, {entry}, {value});")

    # Operations

    def _operation(self, operation: Elementwise) -> None:
        match operation:
            case Assign(target=target, formula=formula, equation=equation):
                self._heading(equation)
                values = {name: self._value(name) for name in reads(operation)}
                self._define(target, cuda_expression(formula, values).text)
                if target in self._setting.places:
                    own = self._codes[target].text
                    self._store(self._setting.places[target], own)
            case Put(joined=joined, part=part, before=before):
                value = "real(0)" if part is None else self._value(part).text
                self._store(self._setting.places[joined], value, before)
            case Emit(target=target, value=value_):
                own = self._value(value_).text
                self._store(self._setting.places[target], own)
            case Arrive(state=state, target=target):
                self._define(target, f"is_live ? {self._arrived(state)} : real(0)")
                if target in self._setting.places:
                    own = self._codes[target].text
                    self._store(self._setting.places[target], own)
            case Advance():
                self._advance(operation)
            case _:
                assert_never(operation)

    def _heading(self, index: int | None) -> None:
        if index is None or index == self._equation:
            return
        self._equation = index
        equation = self._setting.cell.equations[index]
        place = f"{self._setting.source}:{equation.line}"
        # It stands in a comment, which a backslash would continue, and in a string.
        text = f"{place}  {equation.text}".replace("\\", "/").replace('"', "'")
        self._body.append(f"// {text}")

    def _arrived(self, state: int) -> str:
        """The gradient that comes from the step after, in rows that have ended too."""
        if state not in self._arriving:
            place = self._setting.states[state]
            own = self._names.of("arriving", place.tensor, f"{place.tensor}_arriving")
            if self._setting.runs_all:
                first = self._loaded(place, _FIRST[place.rows])
                self._opening.append(f"real {own} = {first};")
            else:
                loaded = self._loaded(place, _READ[place.rows])
                self._loads.append(f"const real {own} = {loaded};")
            self._arriving[state] = own
        return self._arriving[state]

    def _advance(self, operation: Advance) -> None:
        setting, state = self._setting, operation.state
        place = setting.states[state]
        if setting.is_forward:
            old = self._value(setting.previous[state]).text
            new = self._value(str(operation.value)).text
            text = new if old == new else f"is_live ? {new} : {old}"
        else:
            old = self._arrived(state)
            text = f"is_live ? real(0) : {old}"
            if operation.value is not None:
                text = f"{self._value(operation.value).text} + ({text})"
        own_state = setting.cell.states[state].name
        wish = f"{own_state}_next" if setting.is_forward else f"d_{own_state}_leaving"
        own = self._names.of("leaving", str(state), wish)
        self._body.append(f"const real {own} = {text};")
        self._store(place, own)
        if setting.runs_all:
            self._closing.append(f"{old} = {own};")

    # The whole

    def view(self, name: str, variable: str) -> KernelView:
        for dim in self._setting.cell.dimensions:
            self._dim(dim.name)
        width = self._width(self._plain())
        for operation in self._operations:
            self._operation(operation)
        lines = [
            *self._opening,
            *self._loads,
            *self._body,
            *self._stores,
            *self._kept,
        ]
        used = "\n".join(line for line in lines if not line.startswith("//"))
        uses_now, uses_next = (stands_in(word, used) for word in ("now", "next"))
        uses_keep = bool(self._kept) or uses_now or uses_next or stands_in("keep", used)
        locals_ = []
        has_mask, uses_line = (stands_in(word, used) for word in ("is_live", "line"))
        if stands_in("row", used) or has_mask or uses_line:
            locals_.append(f"const Index row = {index_text(width, '/')};")
        if stands_in("unit", used):
            locals_.append(f"const Index unit = {index_text(width, '%')};")
        step = []
        if uses_now:
            step.append("const int now = keep ? t : t % 2;")
        if uses_next:
            step.append("const int next = keep ? t + 1 : (t + 1) % 2;")
        if stands_in("entry", used):
            step.append("const Index entry = t * count + n;")
        if uses_line or has_mask:
            step.append("const Index line = t * Index(batch) + row;")
        if has_mask:
            step.append("const bool is_live = mask == nullptr || mask[line];")
        dims = [
            (dim.name, own)
            for dim in self._setting.cell.dimensions
            if stands_in(own := self._dim(dim.name), f"{used} {width}")
        ]
        runs_all = self._setting.runs_all
        indent = 12 if runs_all else 8
        return KernelView(
            name=name,
            variable=variable,
            width=width,
            count=" * ".join(("batch", *(self._setting.size(d) for d in self._shape))),
            parameters=tuple(self._parameters(has_mask, dims, uses_keep)),
            locals=tuple(wrapped(locals_, 8)),
            opening=tuple(wrapped(self._opening, 8)),
            steps=self._steps(),
            loads=tuple(wrapped([*step, *self._loads], indent)),
            body=tuple(wrapped(self._body, indent)),
            stores=tuple(wrapped(self._stores, indent)),
            kept=tuple(wrapped(self._kept, indent + 4)),
            closing=tuple(self._closing),
            reads=(*(("mask",) if has_mask else ()), *self._read),
            writes=tuple(self._written),
            sizes=(
                "batch",
                *(self._setting.size(dim) for dim, _ in dims),
                *(("keep",) if uses_keep else ()),
            ),
        )

    def _steps(self) -> str:
        if not self._setting.runs_all:
            return ""
        if self._setting.is_forward:
            return "for (int t = 0; t < steps; ++t)"
        return "for (int t = steps - 1; t >= 0; --t)"

    def _parameters(
        self, has_mask: bool, dims: list[tuple[str, str]], uses_keep: bool
    ) -> list[str]:
        of = self._names.of
        numbers = ["batch", *(own for _, own in dims)]
        numbers.extend(["keep"] if uses_keep else [])
        numbers.append("steps" if self._setting.runs_all else "t")
        items = [
            *(["const bool* __restrict__ mask"] if has_mask else []),
            *(
                f"const scalar* __restrict__ {of('tensor', tensor)}"
                for tensor in self._read
            ),
            *(f"scalar* __restrict__ {of('tensor', t)}" for t in self._written),
            *(f"int {number}" for number in numbers),
        ]
        return filled(items)
