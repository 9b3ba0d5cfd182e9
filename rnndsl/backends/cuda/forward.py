"""The view of a cell's forward function over kernels."""

from __future__ import annotations

from rnndsl.backends.cuda.launches import Launches, axes_of
from rnndsl.backends.cuda.loop import Loop, lay_out
from rnndsl.backends.cuda.lower import lower
from rnndsl.backends.cuda.operations import Advance, Emit, Operation
from rnndsl.backends.cuda.places import Place, Rows
from rnndsl.backends.cuda.sequences import outside_places, owned_sequences, still_read
from rnndsl.backends.cuda.starts import start_from_sums
from rnndsl.backends.cuda.view import CudaForwardView, KernelView
from rnndsl.backends.torch.emitted import joined
from rnndsl.backends.torch.fitting import fitted
from rnndsl.backends.torch.function import input_names, opening
from rnndsl.backends.torch.layout import collection
from rnndsl.backends.torch.shapes import like
from rnndsl.backends.torch.statements import StatementPrinter
from rnndsl.ir.graph import Expand, Input
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.shapes import plan_shapes
from rnndsl.plan.statements import Axis

_OUTPUTS = "outputs"


def cuda_forward_view(
    plan: CellPlan, stem: str, source: str
) -> tuple[CudaForwardView, tuple[KernelView, ...]]:
    """The function and its kernels. Raises NoKernels if the loop cannot have any."""
    return _Forward(plan, stem, source).view()


def forward_launches(plan: CellPlan) -> int:
    """How many launches a step has. Raises NoKernels if it cannot have kernels."""
    return _Forward(plan, "", "").loop.in_each_step


class _Forward:
    def __init__(self, plan: CellPlan, stem: str, source: str) -> None:
        self._plan = plan
        self._stem = stem
        self._printer = StatementPrinter(plan, source)
        forward, names = plan.forward, self._printer.names
        is_stacked = forward.output in forward.stacked
        in_step = plan.values[forward.output].axis is Axis.STEP
        self._in_loop = in_step and not is_stacked
        self._states = tuple(
            Place(
                tensor=names.take(f"{state.name}_states"),
                rows=Rows.HISTORY if name in forward.stacked else Rows.STATES,
                axes=axes_of(state.shape),
            )
            for state, name in zip(
                plan.graph.cell.states, forward.previous, strict=True
            )
        )
        self.loop = self._cut()
        self._launches = Launches(
            plan,
            self._printer,
            self.loop,
            source=source,
            stem=stem,
            is_forward=True,
        )

    def _cut(self) -> Loop:
        plan, forward, kept = self._plan, self._plan.forward, self._plan.kept
        shapes = plan_shapes(plan)
        wanted = (
            *kept.steps,
            *kept.sequences,
            *forward.stacked,
            *forward.states,
            *forward.emitted,
            forward.output,
        )
        statements = start_from_sums(
            plan, forward.loop, wanted, shapes, self._printer.names
        )
        lowered = lower(statements, forward.before, shapes)
        before = (*forward.fixed, *forward.before)
        given = outside_places(plan, before, shapes)
        operations: list[Operation] = list(lowered.operations)
        for name in dict.fromkeys((*kept.steps, *forward.stacked)):
            if name in lowered.parts or name in lowered.widened:
                shape = tuple(axis[0] for axis in shapes[name])
                operations.append(Emit(target=name, value=name, shape=shape))
                rows = self._rows(name, False)
                assert rows is not None
                given[name] = Place(tensor=name, rows=rows, axes=shapes[name])
        cell = plan.graph.cell
        if self._in_loop:
            shape = cell.output.shape
            operations.append(Emit(target=_OUTPUTS, value=forward.output, shape=shape))
            given[_OUTPUTS] = Place(tensor=_OUTPUTS, rows=Rows.ALL, axes=axes_of(shape))
        operations.extend(
            Advance(state=index, value=new, shape=state.shape)
            for index, (state, new) in enumerate(
                zip(cell.states, forward.states, strict=True)
            )
        )
        everywhere = (*forward.before, *statements, *forward.after)
        owned = owned_sequences(forward.before, everywhere, wanted)
        return lay_out(
            lowered,
            operations,
            shapes=shapes,
            states=self._states,
            given=given,
            owned=[name for name in owned if not given[name].is_thin],
            wanted=wanted,
            rows_of=self._rows,
            names=self._printer.names,
        )

    def _rows(self, name: str, crosses: bool) -> Rows | None:
        if name in self._plan.forward.stacked:
            return Rows.ALL
        if name in self._plan.kept.steps:
            return Rows.KEPT if crosses else Rows.IF_KEPT
        return Rows.ONE if crosses else None

    def view(self) -> tuple[CudaForwardView, tuple[KernelView, ...]]:
        plan, forward, printer = self._plan, self._plan.forward, self._printer
        cell, launches = plan.graph.cell, self._launches
        outside = printer.codes(())
        weights = fitted(printer.weights(forward.loop, loop=True), indent=4)
        loop = launches.loop()
        room = [*launches.state_room("state", "0"), *launches.room(like(cell))]
        bindings = launches.bindings()
        unbound = launches.unbound(loop)
        after = [
            *(
                f"{name} = {place.tensor}[:-1]"
                for name, place in zip(forward.previous, self._states, strict=True)
                if name in forward.stacked
            ),
            *printer.weights(forward.after, loop=False),
            *printer.region(forward.after, Axis.SEQUENCE, outside, indent=4),
        ]
        output = _OUTPUTS if self._in_loop else forward.output
        borrowed = [
            node.name
            for node in plan.graph.nodes
            if isinstance(node.operation, Input | Expand)
        ]
        if output in (*borrowed, *forward.previous, *plan.kept.steps):
            output = f"{output}.clone()"
        outputs: list[str] = []
        if cell.emitted:
            names = (output.removesuffix(".clone()"), *forward.emitted)
            output = printer.names.take("joined")
            values = (cell.output, *cell.emitted)
            outputs = joined(output, list(zip(names, values, strict=True)))
        last = launches.last_states()
        final = collection("last_state = ", last, indent=4)
        saved = collection("saved: Tensors = ", self._saved(), indent=4)
        read = [*room, *bindings, *loop, *unbound, *after, *outputs, output, *saved]
        sequences = still_read(forward.before, read)
        before = [
            *printer.region(forward.fixed, Axis.FIXED, outside, indent=4),
            *printer.weights(sequences, loop=False),
            *printer.region(sequences, Axis.SEQUENCE, outside, indent=4),
        ]
        sizes = launches.sizes([*room, *bindings, *loop])
        body = [*before, *weights, *read, *final]
        start = opening(
            [(input_names(plan), "inputs"), (plan.stored, "parameters")],
            [*body, output, "steps", "batch"],
        )
        view = CudaForwardView(
            name=f"{self._stem}_cuda_forward",
            cell=cell.name,
            opening=(*start, *fitted(sizes, indent=4)),
            before=(*fitted(before, indent=4), *weights),
            room=(*room, *fitted(unbound, indent=4)),
            kernels=tuple(bindings),
            loop=tuple(loop),
            after=(*fitted(after, indent=4), *outputs),
            returned=(
                *final,
                *saved,
                *fitted([f"return {output}, last_state, saved"], indent=4),
            ),
        )
        return view, launches.kernels

    def _saved(self) -> list[str]:
        previous = dict(zip(self._plan.forward.previous, self._states, strict=True))
        return [
            *self._plan.kept.sequences,
            *(
                f"{previous[name].tensor}[:steps]" if name in previous else name
                for name in self._plan.kept.steps
            ),
        ]
