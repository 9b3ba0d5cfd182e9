"""The lines of a generated function that make room, bind kernels and run the loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from rnndsl.backends.cuda.kernel import kernel_view
from rnndsl.backends.cuda.loop import Loop
from rnndsl.backends.cuda.memory import Setting
from rnndsl.backends.cuda.operations import Product
from rnndsl.backends.cuda.places import Place, Rows
from rnndsl.backends.cuda.sequences import constants
from rnndsl.backends.cuda.view import KernelView
from rnndsl.backends.torch.fitting import fitted, unpack
from rnndsl.backends.torch.function import is_used
from rnndsl.backends.torch.layout import Nest, nested, quoted
from rnndsl.backends.torch.shapes import size
from rnndsl.backends.torch.statements import StatementPrinter
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.shapes import Axes
from rnndsl.plan.statements import Axis


class Launches:
    """Prints for one generated function, whose other lines ``printer`` prints."""

    def __init__(
        self,
        plan: CellPlan,
        printer: StatementPrinter,
        loop: Loop,
        *,
        source: str,
        stem: str,
        is_forward: bool,
    ) -> None:
        self._plan = plan
        self._printer = printer
        self._loop = loop
        self._previous = plan.forward.previous if is_forward else ()
        self._is_forward = is_forward
        direction = "forward" if is_forward else "backward"
        cell = plan.graph.cell
        self._rows = printer.names.take("rows")
        self._kept = printer.names.take("kept")
        self._dims = {d.name: printer.names.take(d.argument) for d in cell.dimensions}
        setting = Setting(
            cell=cell,
            source=source,
            lowered=loop.lowered,
            places=loop.places,
            states=loop.states,
            constants=constants(plan.forward.fixed),
            previous=self._previous,
            is_forward=is_forward,
            runs_all=loop.runs_all,
            size=lambda dim: str(dim) if isinstance(dim, int) else self._dims[dim],
        )
        self.kernels: tuple[KernelView, ...] = tuple(
            kernel_view(
                setting,
                kernel,
                f"{stem}_{direction}_{index}",
                printer.names.take(f"{direction}_{index}"),
            )
            for index, kernel in enumerate(loop.kernels, 1)
        )

    # Room

    def _shape(self, place: Place) -> str:
        parts = ["batch", *map(self._axis, place.axes)]
        match place.rows:
            case Rows.FIXED | Rows.ONE:
                pass
            case Rows.ALL:
                parts.insert(0, "steps")
            case Rows.KEPT:
                parts.insert(0, "steps if keep else 1")
            case Rows.IF_KEPT:
                parts.insert(0, self._kept)
            case Rows.STATES:
                parts.insert(0, self._rows)
            case Rows.HISTORY:
                parts.insert(0, "steps + 1")
            case Rows.PAIR:
                parts.insert(0, "2")
            case _:
                assert_never(place.rows)
        return ", ".join(parts)

    def _axis(self, axis: tuple[str | int, ...]) -> str:
        counts: dict[str, int] = {}
        for dim in axis:
            text = str(dim) if isinstance(dim, int) else self._dims[dim]
            counts[text] = counts.get(text, 0) + 1
        return " + ".join(t if n == 1 else f"{n} * {t}" for t, n in counts.items())

    def room(self, like: str) -> list[str]:
        """Makes the tensors that the loop writes. Not those of the states."""
        lines: list[str] = []
        kept = [f"{self._kept} = steps if keep else 0"]
        made: dict[str, None] = {place.tensor: None for place in self._loop.states}
        # Those that live equally long are made at once.
        alike: dict[str, list[str]] = {}
        for name, place in self._loop.places.items():
            if place.tensor in made or not self._is_written(name, place):
                continue
            made[place.tensor] = None
            shape = self._shape(place)
            if place.tensor in self._loop.continued:
                start = self._loop.continued[place.tensor]
                lines.append(f"{place.tensor} = {start}.contiguous()")
            elif place.rows is Rows.ALL:
                lines.append(f"{place.tensor} = {like}.new_empty({shape})")
            else:
                alike.setdefault(shape, []).append(place.tensor)
        for shape, tensors in alike.items():
            if len(tensors) == 1:
                lines.append(f"{tensors[0]} = {like}.new_empty({shape})")
                continue
            all_ = f"torch.unbind({like}.new_empty({len(tensors)}, {shape}))"
            lines.extend(unpack(tensors, all_, indent=4))
        if is_used(self._kept, "\n".join(lines)):
            lines = [*kept, *lines]
        return fitted(lines, indent=4)

    def _is_written(self, name: str, place: Place) -> bool:
        outside = not self._is_of_step(name)
        written = [tensor for kernel in self.kernels for tensor in kernel.writes]
        made = [self._loop.places[p.target].tensor for p in self._loop.products]
        return not outside and place.tensor in (*written, *made)

    def _is_of_step(self, name: str) -> bool:
        value = self._plan.values.get(name)
        return value is None or value.axis is Axis.STEP

    def state_room(self, source: str, row: str) -> list[str]:
        """Makes the tensors of the states, or of their gradients, and puts the first
        values into one row."""
        places = self._loop.states
        lines = []
        if any(place.rows is Rows.STATES for place in places):
            lines.append(f"{self._rows} = steps + 1 if keep else 2")
        for index, place in enumerate(places):
            first = f"{source}[{index}]"
            lines.append(f"{place.tensor} = {first}.new_empty({self._shape(place)})")
            lines.append(f"{place.tensor}[{row}] = {first}")
        return fitted(lines, indent=4)

    def last_states(self) -> list[str]:
        """What the loop leaves in the tensors of the states."""
        last = {
            Rows.STATES: f"[steps % {self._rows}].clone()",
            Rows.HISTORY: "[-1].clone()",
            Rows.PAIR: "[0]",
        }
        return [f"{place.tensor}{last[place.rows]}" for place in self._loop.states]

    def sizes(self, lines: Iterable[str]) -> list[str]:
        """Names the dimensions that the lines use."""
        text = "\n".join(lines)
        cell = self._plan.graph.cell
        return [
            f"{name} = {size(cell, dim)}"
            for dim, name in self._dims.items()
            if is_used(name, text)
        ]

    # Kernels and products

    def bindings(self) -> list[str]:
        """Binds the tensors to the kernels, once for all steps."""
        return [
            line
            for kernel in self.kernels
            for line in nested(
                Nest(
                    f"{kernel.variable} = kernels.{kernel.bind}",
                    (
                        quoted(kernel.name),
                        *kernel.counts,
                        Nest("reads=", kernel.reads),
                        Nest("writes=", kernel.writes),
                        Nest("sizes=", kernel.sizes),
                    ),
                ),
                indent=4,
            )
        ]

    def loop(self) -> list[str]:
        """The time loop."""
        if self._loop.runs_all:
            return [f"{self.kernels[0].variable}(steps)"]
        kernels = iter(self.kernels)
        inside = [
            line
            for launch in self._loop.launches
            for line in (
                nested(self._product(launch), indent=8)
                if isinstance(launch, Product)
                else [f"{next(kernels).variable}(t)"]
            )
        ]
        if not inside:
            return []
        order = "range(steps)" if self._is_forward else "reversed(range(steps))"
        return [f"for t in {order}:", *(f"    {line}" for line in inside)]

    def unbound(self, lines: Iterable[str]) -> list[str]:
        """Takes the tensors apart that the lines use one step at a time."""
        text = "\n".join(lines)
        tensors = [
            *(place.tensor for place in self._loop.states),
            *(place.tensor for place in self._loop.places.values()),
        ]
        return [
            f"{self._printer.steps_of(tensor)} = {tensor}.unbind(0)"
            for tensor in dict.fromkeys(tensors)
            if is_used(self._printer.steps_of(tensor), text)
        ]

    def _product(self, product: Product) -> Nest:
        factor = self._printer.factor(product.weight, transposed=product.transposed)
        operand = self._at(product.operand)
        target = self._at(product.target, is_written=True)
        if product.in_place:
            return Nest(f"{target}.addmm_", (operand, factor))
        if product.base is None:
            return Nest("torch.mm", (operand, factor, f"out={target}"))
        base = self._at(product.base)
        return Nest("torch.addmm", (base, operand, factor, f"out={target}"))

    def _at(self, name: str, *, is_written: bool = False) -> str:
        """A value of the step as a tensor (B, ...)."""
        lowered = self._loop.lowered
        # What is a part of a value of this step is read there.
        is_there = name in self._loop.places and not self._is_of_step(name)
        if name in lowered.widened and not is_there:
            return f"{self._at(lowered.widened[name])}.unsqueeze(-1)"
        part = lowered.parts.get(name)
        if part is not None and not is_there:
            start, width = self._axis(part.before) or "0", self._axis((part.size,))
            return f"{self._at(part.source)}.narrow(1, {start}, {width})"
        if name in self._previous:
            place = self._loop.states[self._previous.index(name)]
        else:
            place = self._loop.places[name]
        steps = self._printer.steps_of(place.tensor)
        match place.rows:
            case Rows.FIXED | Rows.ONE:
                return place.tensor
            case Rows.KEPT:
                return f"{steps}[t if keep else 0]"
            case Rows.STATES:
                return f"{steps}[t % {self._rows}]"
            case Rows.PAIR if is_written:
                return f"{steps}[t % 2]"
            case Rows.PAIR:
                return f"{steps}[(t + 1) % 2]"
            case _:
                return f"{steps}[t]"


def axes_of(shape: Iterable[str | int]) -> Axes:
    """The axes of a value that is not made of parts."""
    return tuple((dim,) for dim in shape)
