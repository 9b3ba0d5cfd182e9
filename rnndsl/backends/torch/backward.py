"""The view of a cell's backward function."""

from __future__ import annotations

from collections import Counter

from rnndsl.backends.torch.emitted import parted
from rnndsl.backends.torch.fitting import fitted, unpack
from rnndsl.backends.torch.function import (
    input_names,
    mask_views,
    masks_of,
    opening,
    sequences_read,
)
from rnndsl.backends.torch.layout import collection
from rnndsl.backends.torch.printer import Code
from rnndsl.backends.torch.shapes import size
from rnndsl.backends.torch.statements import StatementPrinter
from rnndsl.backends.torch.view import BackwardView
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.statements import Axis, Join, reads


def backward_view(plan: CellPlan, name: str, source: str) -> BackwardView:
    """Lays out backpropagation through time in one function."""
    return _Backward(plan, name, source).view()


class _Backward:
    def __init__(self, plan: CellPlan, name: str, source: str) -> None:
        self._plan = plan
        self._name = name
        self._printer = StatementPrinter(plan, source)
        backward = plan.backward
        self._kept = {
            item: self._printer.names.take(f"{item}_kept") for item in plan.kept.steps
        }
        self._collected = {
            item: self._printer.names.take(f"{item}_all") for item in backward.collected
        }
        in_head = dict.fromkeys(
            item for statement in backward.before for item in reads(statement)
        )
        self._early = [item for item in backward.stacked if item in in_head]
        in_loop = dict.fromkeys(
            item for statement in backward.loop for item in reads(statement)
        )
        self._local = [
            item
            for item in plan.kept.steps
            if item in in_loop and item not in self._early
        ]

    def _saved(self) -> list[str]:
        """Takes what was kept out of one flat tuple."""
        lines = [
            f"{item} = saved[{index}]"
            for index, item in enumerate(self._plan.kept.sequences)
        ]
        start = len(lines)
        for index, item in enumerate(self._kept.values()):
            first, last = _offset(start, index), _offset(start, index + 1)
            if first == "":
                lines.append(f"{item} = saved[:{last}]")
            elif first == "steps" or " " in last:
                lines.append(f"{item} = saved[{first} : {last}]")
            else:
                lines.append(f"{item} = saved[{first}:{last}]")
        return lines

    def _inside(self, indexed: tuple[str, ...]) -> dict[str, Code]:
        codes = self._printer.codes((*indexed, *self._plan.backward.buffers))
        codes.update((item, Code(f"{self._kept[item]}[t]")) for item in self._early)
        return codes

    def _buffers(self) -> list[str]:
        """Room for the joined gradients of all steps."""
        lines: list[str] = []
        for statement in self._plan.backward.loop:
            if not isinstance(statement, Join):
                continue
            if statement.target not in self._plan.backward.buffers:
                continue
            dims = [size(self._plan.graph.cell, s[0]) for s in statement.shapes]
            width = " + ".join(
                dim if count == 1 else f"{count} * {dim}"
                for dim, count in Counter(dims).items()
            )
            behind = statement.shapes[0][1:]
            places = (size(self._plan.graph.cell, dim) for dim in behind)
            sizes = ["steps", "batch", width, *places]
            steps = self._printer.steps_of(statement.target)
            lines.append(f"{statement.target} = d_output.new_empty({', '.join(sizes)})")
            lines.append(f"{steps} = {statement.target}.unbind(0)")
        return lines

    def _changing(self) -> list[int]:
        """The states that a step changes, or whose gradient it does."""
        forward, backward = self._plan.forward, self._plan.backward
        return [
            index
            for index, (before, after, name, item) in enumerate(
                zip(
                    forward.previous,
                    forward.states,
                    backward.arriving,
                    backward.leaving,
                    strict=True,
                )
            )
            if before != after or name != item
        ]

    def _hold(self, held: list[str]) -> list[str]:
        """In a row that kept its state, the gradient passes the step by."""
        lines: list[str] = []
        backward, cell = self._plan.backward, self._plan.graph.cell
        for index in self._changing():
            name = backward.arriving[index]
            mask = f"{masks_of(len(cell.states[index].shape))}[t]"
            head = f"{name}.masked_fill"
            lines.append(f"{held[index]} = {head}({mask}, 0)")
            lines.append(f"{name} = {head}(~{mask}, 0)")
        return fitted(lines, indent=12)

    def _release(self, held: list[str]) -> list[str]:
        names = self._plan.backward.arriving
        lines = [f"{names[i]} = {names[i]} + {held[i]}" for i in self._changing()]
        return fitted(lines, indent=12)

    def _advance(self, inside: dict[str, Code]) -> list[str]:
        """The gradients that leave the step arrive at the one before."""
        backward = self._plan.backward
        pairs = [
            (name, f"torch.zeros_like({name})" if item is None else inside[item].text)
            for name, item in zip(backward.arriving, backward.leaving, strict=True)
            if name != item
        ]
        if not pairs:
            return []
        names, values = zip(*pairs, strict=True)
        return fitted([f"{', '.join(names)} = {', '.join(values)}"], indent=8)

    def view(self) -> BackwardView:
        plan, backward, printer = self._plan, self._plan.backward, self._printer
        cell = plan.graph.cell
        leaving = [item for item in backward.leaving if item is not None]
        indexed = sequences_read(plan, backward.loop, leaving)
        outside = printer.codes(())
        inside = self._inside(indexed)
        head = [
            *(f"{item} = torch.stack({self._kept[item]})" for item in self._early),
            *printer.weights(backward.before, loop=False),
            *printer.region(backward.before, Axis.SEQUENCE, outside, indent=4),
        ]
        fixed = printer.region(backward.fixed, Axis.FIXED, outside, indent=4)
        unbound = [f"{printer.steps_of(i)} = {i}.unbind(0)" for i in indexed]
        weights = printer.weights(backward.loop, loop=True)
        loop = [
            *(f"{item} = {self._kept[item]}[t]" for item in self._local),
            *printer.region(
                backward.loop, Axis.STEP, inside, indent=8, buffers=backward.buffers
            ),
        ]
        always = [
            f"{self._collected[item]}.append({item})"
            for item in backward.arriving
            if item in self._collected
        ]
        loop.extend(
            f"{self._collected[item]}.append({item})"
            for item in backward.collected
            if item not in backward.arriving
        )
        late = [item for item in backward.stacked if item not in self._early]
        after = [
            *(
                f"{item} = torch.stack({self._collected[item]}[::-1])"
                for item in backward.collected
            ),
            *(f"{item} = torch.stack({self._kept[item]})" for item in late),
            *printer.weights((*backward.after, *backward.for_inputs), loop=False),
            *printer.region(backward.after, Axis.SEQUENCE, outside, indent=4),
        ]
        for_inputs = printer.region(
            backward.for_inputs, Axis.SEQUENCE, outside, indent=8
        )
        no_inputs = collection(
            "d_inputs: PartialTensors = ", ["None"] * len(cell.inputs), indent=4
        )
        given = collection("d_inputs = ", _optional(backward.inputs), indent=8)
        parameters = _optional(backward.parameters)
        arriving = backward.arriving
        held = [printer.names.take(f"d_{state.name}_held") for state in cell.states]
        advance = self._advance(inside)
        hold = self._hold(held)
        has_loop = bool(loop or always or advance or hold)
        buffers = self._buffers()
        saved = self._saved()
        apart = parted(plan, printer.names.take("widths"))
        body = [
            *fixed,
            *head,
            *unbound,
            *weights,
            *buffers,
            *loop,
            *after,
            *for_inputs,
            *given,
            *parameters,
        ]
        start = opening(
            [(input_names(plan), "inputs"), (plan.stored, "parameters")],
            [*body, *apart, *saved, *(["steps"] if has_loop else [])],
        )
        return BackwardView(
            name=self._name,
            cell=cell.name,
            opening=tuple(fitted([*start, *apart, *saved, *fixed], indent=4)),
            before=tuple(fitted(head, indent=4)),
            unbound=tuple(fitted([*unbound, *weights, *buffers], indent=4)),
            masks=mask_views(
                masks_of(len(cell.states[index].shape)) for index in self._changing()
            ),
            lists=tuple(self._collected.values()),
            start=tuple(unpack(arriving, "d_state", indent=4)),
            has_loop=has_loop,
            hold=tuple(hold),
            release=tuple(self._release(held)),
            always=tuple(fitted(always, indent=8)),
            loop=tuple(fitted(loop, indent=8)),
            advance=tuple(advance),
            after=tuple(fitted(after, indent=4)),
            no_inputs=tuple(no_inputs),
            for_inputs=(*for_inputs, *given),
            parameters=tuple(
                collection("d_parameters: PartialTensors = ", parameters, indent=4)
            ),
            final=tuple(collection("d_first_state = ", arriving, indent=4)),
        )


def _optional(names: tuple[str | None, ...]) -> list[str]:
    return [str(name) for name in names]


def _offset(start: int, count: int) -> str:
    """The place of so many step lists behind ``start`` sequences; nothing for 0."""
    parts = [str(start)] if start else []
    if count:
        parts.append("steps" if count == 1 else f"{count} * steps")
    return " + ".join(parts)
