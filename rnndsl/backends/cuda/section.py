"""The lines of a kernel that compute the values of one shape."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from rnndsl.analysis.program import Shape
from rnndsl.backends.cuda.memory import Found, Memory, Setting
from rnndsl.backends.cuda.operations import (
    Advance,
    Arrive,
    Assign,
    Elementwise,
    Emit,
    Put,
    reads,
)
from rnndsl.backends.cuda.places import Place, Rows
from rnndsl.backends.cuda.printer import cuda_expression
from rnndsl.backends.torch.printer import Code


class Section:
    """Loads, computes and stores the thread's entry of each value.

    ``opening`` is what is loaded before the first step, and ``closing`` what a step
    hands to the next in registers, where one launch runs all steps.
    """

    def __init__(
        self,
        setting: Setting,
        memory: Memory,
        shape: Shape,
        operations: Iterable[Elementwise],
    ) -> None:
        """Raises NoKernels for values that do not fit beside each other."""
        self._setting = setting
        self._memory = memory
        self._shape = shape
        self._codes: dict[str, Code] = {}
        self._arriving: dict[int, str] = {}
        self._equation: int | None = None
        self.opening: list[str] = []
        self.loads: list[str] = []
        self.body: list[str] = []
        self.stores: list[str] = []
        self.kept: list[str] = []
        self.closing: list[str] = []
        for operation in operations:
            self._operation(operation)

    @property
    def code(self) -> str:
        """All lines that are no comment."""
        condition = ["if (keep)"] if self.kept else []
        lines = [*self.opening, *self.loads, *self.body, *self.stores]
        lines += [*condition, *self.kept]
        return "\n".join(line for line in lines if not line.startswith("//"))

    # Values

    def _value(self, name: str) -> Code:
        """The name of a value in this kernel; loads it where it is not at hand."""
        setting = self._setting
        if name in setting.constants:
            return cuda_expression(setting.constants[name], {})
        if name not in self._codes:
            found, own = self._memory.find(name), self._memory.names.of("value", name)
            self._codes[name] = Code(own)
            self._load(found, own, is_carried=found.place in setting.states)
        return self._codes[name]

    def _load(self, found: Found, own: str, *, is_carried: bool) -> None:
        if is_carried and self._setting.runs_all:
            first = self._memory.load(found, self._shape, is_first=True)
            self.opening.append(f"real {own} = {first};")
        else:
            loaded = self._memory.load(found, self._shape)
            self.loads.append(f"const real {own} = {loaded};")

    def _define(self, name: str, text: str) -> None:
        own = self._memory.names.of("value", name)
        self._codes[name] = Code(own)
        self.body.append(f"const real {own} = {text};")
        if name in self._setting.places:
            self._store(_whole(self._setting.places[name]), own)

    def _store(self, found: Found, value: str) -> None:
        lines = self.kept if found.place.rows is Rows.IF_KEPT else self.stores
        lines.append(self._memory.store(found, self._shape, value))

    # Operations

    def _operation(self, operation: Elementwise) -> None:
        places = self._setting.places
        match operation:
            case Assign(target=target, formula=formula, equation=equation):
                self.body.extend(self._heading(equation))
                values = {name: self._value(name) for name in reads(operation)}
                self._define(target, cuda_expression(formula, values).text)
            case Put(joined=joined, part=part, shape=shape, before=before):
                value = "real(0)" if part is None else self._value(part).text
                axes = tuple((dim,) for dim in shape)
                found = Found(place=places[joined], axes=axes, before=before)
                self._store(found, value)
            case Emit(target=target, value=value_):
                self._store(_whole(places[target]), self._value(value_).text)
            case Arrive(state=state, target=target):
                self._define(target, f"is_live ? {self._arrived(state)} : real(0)")
            case Advance():
                self._advance(operation)
            case _:
                assert_never(operation)

    def _heading(self, index: int | None) -> list[str]:
        if index is None or index == self._equation:
            return []
        self._equation = index
        return [equation_comment(self._setting, index)]

    def _arrived(self, state: int) -> str:
        """The gradient that comes from the step after, in rows that have ended too."""
        if state not in self._arriving:
            place = self._setting.states[state]
            own = self._memory.names.of(
                "arriving", place.tensor, f"{place.tensor}_arriving"
            )
            self._load(_whole(place), own, is_carried=True)
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
        own = self._memory.names.of("leaving", str(state), wish)
        self.body.append(f"const real {own} = {text};")
        self._store(_whole(place), own)
        if setting.runs_all:
            self.closing.append(f"{old} = {own};")


def equation_comment(setting: Setting, index: int) -> str:
    """An equation, to stand above what it becomes."""
    equation = setting.cell.equations[index]
    text = f"{setting.source}:{equation.line}  {equation.text}"
    # It stands in a comment, which a backslash would continue, and in a string.
    return "// " + text.replace("\\", "/").replace('"', "'")


def _whole(place: Place) -> Found:
    return Found(place=place, axes=place.widths)
