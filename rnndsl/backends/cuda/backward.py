"""The view of a cell's backward function over kernels."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from rnndsl.backends.cuda.launches import Launches, axes_of
from rnndsl.backends.cuda.loop import Loop, lay_out
from rnndsl.backends.cuda.lower import lower
from rnndsl.backends.cuda.operations import (
    Advance,
    Arrive,
    Emit,
    Operation,
    Product,
    made,
    reads,
)
from rnndsl.backends.cuda.places import Place, Rows
from rnndsl.backends.cuda.sequences import outside_places, owned_sequences, still_read
from rnndsl.backends.cuda.starts import start_from_sums
from rnndsl.backends.cuda.view import CudaBackwardView, KernelView
from rnndsl.backends.torch.emitted import parted
from rnndsl.backends.torch.fitting import fitted, unpack
from rnndsl.backends.torch.function import input_names, is_used, opening
from rnndsl.backends.torch.layout import collection
from rnndsl.backends.torch.statements import StatementPrinter
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.shapes import plan_shapes
from rnndsl.plan.statements import Axis


def cuda_backward_view(
    plan: CellPlan, stem: str, source: str
) -> tuple[CudaBackwardView, tuple[KernelView, ...]]:
    """The function and its kernels. Raises NoKernels if the loop cannot have any."""
    return _Backward(plan, stem, source).view()


def backward_launches(plan: CellPlan) -> int:
    """How many launches a step has. Raises NoKernels if it cannot have kernels."""
    return _Backward(plan, "", "").loop.in_each_step


class _Backward:
    def __init__(self, plan: CellPlan, stem: str, source: str) -> None:
        self._plan = plan
        self._stem = stem
        self._printer = StatementPrinter(plan, source)
        self._states = tuple(
            Place(
                tensor=self._printer.names.take(f"d_{state.name}_rows"),
                rows=Rows.PAIR,
                axes=axes_of(state.shape),
            )
            for state in plan.graph.cell.states
        )
        self.loop = self._cut()
        self._launches = Launches(
            plan,
            self._printer,
            self.loop,
            source=source,
            stem=stem,
            is_forward=False,
        )

    def _cut(self) -> Loop:
        plan, backward = self._plan, self._plan.backward
        shapes = plan_shapes(plan)
        leaving = [name for name in backward.leaving if name is not None]
        wanted = (*backward.collected, *backward.buffers, *leaving)
        statements = start_from_sums(
            plan, backward.loop, wanted, shapes, self._printer.names
        )
        lowered = lower(statements, backward.before, shapes)
        forward = plan.forward
        before = (*forward.fixed, *forward.before, *forward.after, *backward.before)
        given = outside_places(plan, before, shapes, plan.kept.steps)
        states = plan.graph.cell.states
        used = {lowered.source(n): None for o in lowered.operations for n in reads(o)}
        used.update(dict.fromkeys((*backward.collected, *leaving)))
        operations: list[Operation] = [
            Arrive(state=index, target=name, shape=state.shape)
            for index, (state, name) in enumerate(
                zip(states, backward.arriving, strict=True)
            )
            if name in used
        ]
        operations.extend(lowered.operations)
        for name in backward.collected:
            if name in lowered.parts or name in lowered.widened:
                shape = tuple(axis[0] for axis in shapes[name])
                operations.append(Emit(target=name, value=name, shape=shape))
                given[name] = Place(tensor=name, rows=Rows.ALL, axes=shapes[name])
        advances = [
            Advance(state=index, value=name, shape=state.shape)
            for index, (state, name) in enumerate(
                zip(states, backward.leaving, strict=True)
            )
        ]
        readers = Counter(
            lowered.source(name)
            for operation in (*operations, *advances)
            for name in reads(operation)
        )
        readers.update((*backward.collected, *backward.buffers))
        for advance in advances:
            operations.append(self._started(advance, operations, readers, given))
        everywhere = (*statements, *backward.before, *backward.after)
        everywhere = (*everywhere, *backward.for_inputs)
        owned = owned_sequences(backward.before, everywhere, wanted)
        return lay_out(
            lowered,
            operations,
            shapes=shapes,
            states=self._states,
            given=given,
            owned=[name for name in owned if not given[name].is_thin],
            wanted=(*backward.collected, *backward.buffers),
            rows_of=self._rows,
            names=self._printer.names,
        )

    def _rows(self, name: str, crosses: bool) -> Rows | None:
        backward = self._plan.backward
        if name in (*backward.collected, *backward.buffers):
            return Rows.ALL
        return Rows.ONE if crosses else None

    def _started(
        self,
        advance: Advance,
        operations: list[Operation],
        readers: Counter[str],
        given: dict[str, Place],
    ) -> Advance:
        """Where products alone make what leaves, they are added to what a row that has
        ended passes by, and no kernel has to follow them."""
        place = self._states[advance.state]
        value, last = advance.value, -1
        while True:
            index = next(
                (
                    index
                    for index, operation in enumerate(operations)
                    if isinstance(operation, Product)
                    and made(operation) == value
                    and readers[str(value)] == 1
                ),
                None,
            )
            if index is None:
                break
            product = operations[index]
            assert isinstance(product, Product)
            operations[index] = replace(product, in_place=True)
            given[product.target] = place
            value, last = product.base, index
        if last < 0:
            return advance
        product = operations[last]
        assert isinstance(product, Product)
        start = self._printer.names.take(f"{product.target}_from")
        given[start] = place
        operations[last] = replace(product, base=start)
        return replace(advance, value=value, target=start)

    def view(self) -> tuple[CudaBackwardView, tuple[KernelView, ...]]:
        plan, backward, printer = self._plan, self._plan.backward, self._printer
        cell, launches = plan.graph.cell, self._launches
        outside = printer.codes(())
        fixed = printer.region(backward.fixed, Axis.FIXED, outside, indent=4)
        weights = fitted(printer.weights(backward.loop, loop=True), indent=4)
        loop = launches.loop()
        room = [
            *launches.state_room("d_state", "steps % 2"),
            *launches.room("d_output"),
        ]
        bindings = launches.bindings()
        unbound = fitted(launches.unbound(loop), indent=4)
        after = [
            *printer.weights((*backward.after, *backward.for_inputs), loop=False),
            *printer.region(backward.after, Axis.SEQUENCE, outside, indent=4),
        ]
        for_inputs = [
            *printer.region(backward.for_inputs, Axis.SEQUENCE, outside, indent=8),
            *collection("d_inputs = ", list(map(str, backward.inputs)), indent=8),
        ]
        parameters = collection(
            "d_parameters: PartialTensors = ",
            list(map(str, backward.parameters)),
            indent=4,
        )
        final = collection("d_first_state = ", launches.last_states(), indent=4)
        read = [*room, *bindings, *loop, *unbound, *after, *for_inputs, *parameters]
        sequences = still_read(backward.before, read)
        before = [
            *fixed,
            *printer.weights(sequences, loop=False),
            *printer.region(sequences, Axis.SEQUENCE, outside, indent=4),
        ]
        sizes = launches.sizes([*room, *bindings, *loop])
        body = [*before, *weights, *read]
        text = "\n".join(line for line in body if not line.startswith("#"))
        saved = [
            name if is_used(name, text) else "_"
            for name in (*plan.kept.sequences, *plan.kept.steps)
        ]
        apart = parted(plan, printer.names.take("widths"))
        start = opening(
            [(input_names(plan), "inputs"), (plan.stored, "parameters")],
            [*body, *apart, "steps", "batch"],
        )
        view = CudaBackwardView(
            name=f"{self._stem}_cuda_backward",
            cell=cell.name,
            opening=(
                *start,
                *fitted(apart, indent=4),
                *(unpack(saved, "saved", indent=4) if saved else ()),
                *fitted(sizes, indent=4),
            ),
            before=(*fitted(before, indent=4), *weights),
            room=(*room, *unbound),
            kernels=tuple(bindings),
            loop=tuple(loop),
            after=tuple(fitted(after, indent=4)),
            no_inputs=tuple(
                collection(
                    "d_inputs: PartialTensors = ",
                    ["None"] * len(cell.inputs),
                    indent=4,
                )
            ),
            for_inputs=tuple(for_inputs),
            parameters=tuple(parameters),
            final=tuple(final),
        )
        return view, launches.kernels
