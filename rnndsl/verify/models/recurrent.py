"""Recurrent layers of a model, for one row, by the interpreter of cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

import torch
from torch import Tensor

from rnndsl.analysis.model import LastState, ModelInput, Settling
from rnndsl.analysis.model_layers import (
    CellUse,
    FedInput,
    Feed,
    Merge,
    Recurrence,
    RecurrentLayer,
)
from rnndsl.analysis.program import Cell, Dim
from rnndsl.analysis.width import Width
from rnndsl.verify.interpreter import (
    Sizes,
    Values,
    first_state,
    members,
    shape_of,
    step,
)
from rnndsl.verify.models.beginnings import Beginnings, Encoded
from rnndsl.verify.models.dropout import stand_in, zoned_share
from rnndsl.verify.models.merging import merged
from rnndsl.verify.models.parameters import Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrences:
    """Runs the recurrent layers of a model on one row.

    ``inputs`` are all inputs of the model, one value a step, ``contexts`` what is given
    once, and ``sources`` says what they are; ``states`` those to start
    from, by ``layer_1.h``, (directions, ...). ``last`` fills with the last ones, and
    ``emitted`` with what is given out beside outputs, one value a step.
    ``training``: dropout is what stands in for it. ``cuts``: gradients do not go
    back from these steps to those before, nor from a last state over a cut behind it.
    ``marks``: before such a step all layers start anew. ``settling``: the one step is
    repeated until the states stay as they are.
    """

    cells: Mapping[str, Cell]
    sizes: Sizes
    parameters: Parameters
    inputs: Mapping[str, Sequence[Tensor]]
    contexts: Values
    sources: Mapping[str, ModelInput]
    states: Values | None
    training: bool
    cuts: Sequence[int]
    marks: Sequence[bool]
    settling: Settling | None
    encoded: Encoded | None = None
    last: dict[str, Tensor] = field(default_factory=dict)
    emitted: dict[str, list[Tensor]] = field(default_factory=dict)

    def layer(self, layer: RecurrentLayer, below: list[Tensor]) -> list[Tensor]:
        """A whole layer on the vectors of each step."""
        given = self.dropped(below, layer.variational, variational=True)
        outputs = []
        for index, branch in enumerate(layer.branches, start=1):
            end = "" if len(layer.branches) == 1 else f"_{index}"
            outputs.append(self._recurrence(layer, branch, end, given))
        result = _merged(layer.merge, outputs)
        if layer.project is not None:
            name = f"{layer.shares or layer.name}_projection"
            widths = [_width(branch) for branch in layer.branches]
            width = _joined(layer.merge, widths)
            result = self.linear(name, width, layer.project, result)
        result = self.dropped(result, layer.dropout, variational=False)
        if layer.residual:
            return [x + y for x, y in zip(below, result, strict=True)]
        if layer.skip:
            return [torch.cat(pair, -1) for pair in zip(below, result, strict=True)]
        return result

    def last_state(self, layer: RecurrentLayer, wanted: LastState) -> Tensor:
        """A state of a layer that has run, after its last steps: of all its modules,
        and of both directions of one, beside each other."""
        found: dict[str, Tensor] = {}
        for key, value in self.last.items():
            module, _, state = key.partition(".")
            if module != layer.name and not module.startswith(f"{layer.name}_"):
                continue
            if wanted.name in (None, state):
                found.setdefault(module, value.flatten())
        return torch.cat(list(found.values()))

    def linear(
        self, name: str, below: Width, width: Dim, sequence: Sequence[Tensor]
    ) -> list[Tensor]:
        """``weight @ u + bias`` for the vector u of each step, or for both of them."""
        columns = below.value(self.sizes)
        (rows,) = shape_of((width,), self.sizes)
        weight = self.parameters.tensor(f"{name}.weight", rows, columns)
        bias = self.parameters.tensor(f"{name}.bias", rows)
        return [(weight * value.unsqueeze(-2)).sum(-1) + bias for value in sequence]

    def dropped(
        self, sequence: list[Tensor], probability: float, *, variational: bool
    ) -> list[Tensor]:
        """What dropout leaves of the vectors of each step."""
        if not self.training:
            return sequence
        return [stand_in(v, probability, variational=variational) for v in sequence]

    def _recurrence(
        self,
        layer: RecurrentLayer,
        recurrence: Recurrence,
        end: str,
        below: list[Tensor],
    ) -> list[Tensor]:
        """One branch, whose modules are called as the layer and this ``end``."""
        ahead, back = recurrence.forward, recurrence.backward
        if ahead is None or back is None:
            use = back if ahead is None else ahead
            assert use is not None, "a recurrence has a direction"
            return self._run(layer, use, end, {"_l0": ahead is None}, below)[0]
        if (ahead.cell, ahead.sizes) == (back.cell, back.sizes) and not ahead.fed:
            directions = {"_l0": False, "_l0_reverse": True}
            outputs = self._run(layer, ahead, end, directions, below)
        else:
            outputs = [
                *self._run(layer, ahead, f"{end}_forward", {"_l0": False}, below),
                *self._run(layer, back, f"{end}_backward", {"_l0": True}, below),
            ]
        assert recurrence.merge is not None, "two directions are merged"
        return _merged(recurrence.merge, outputs, -1 - len(layer.extent))

    def _run(
        self,
        layer: RecurrentLayer,
        use: CellUse,
        end: str,
        directions: Mapping[str, bool],
        below: list[Tensor],
    ) -> list[list[Tensor]]:
        """One module of a cell: its outputs in each of its ``directions``, which are
        what its parameters' names end in, and whether time runs backward."""
        name = f"{layer.name}{end}"
        weights = f"{layer.shares or layer.name}{end}"
        beginnings = Beginnings(
            parameters=self.parameters,
            sizes=self.sizes,
            contexts=self.contexts,
            sources=self.sources,
            encoded=self.encoded,
        )
        cell = self.cells[use.cell]
        own = self._sizes_of(cell, layer, use)
        extra = [self.source(item, len(below)) for item in use.extra_inputs]
        extra += [[self._fed(fed)] * len(below) for fed in use.fed]
        names = [item.name for item in cell.inputs]
        given = [
            dict(zip(names, values, strict=True))
            for values in zip(below, *extra, strict=True)
        ]
        finals: list[dict[str, Tensor]] = []
        outputs: list[list[Tensor]] = []
        for index, (suffix, reverse) in enumerate(directions.items()):
            stored = self.parameters.of_cell(cell, own, weights, suffix)
            parameters = members(cell, own, stored, self.parameters.like)
            if self.training and layer.weight_drop:
                dropped = use.recurrent
                parameters |= _weights_dropped(
                    cell, parameters, dropped, layer.weight_drop
                )
            state = first_state(cell, own, parameters, self.parameters.like)
            for item in cell.states:
                shape = (len(directions), *shape_of(item.shape, own))
                first = beginnings.first(layer, end, item.name, shape)
                if first is not None:
                    state[item.name] = first[index]
                if self.states is not None:
                    state[item.name] = self.states[f"{name}.{item.name}"][index]
            by_step: dict[int, Tensor] = {}
            steps = range(len(given))
            for t in reversed(steps) if reverse else steps:
                if t in self.cuts:
                    state = _cut(state)
                # Backward in time the mark stands behind the step.
                place = t + 1 if reverse else t
                if place < len(steps) and self.marks[place]:
                    state = first_state(cell, own, parameters, self.parameters.like)
                by_step[t], state = self._step(cell, own, given[t], state, parameters)
            outputs.append([by_step[t] for t in steps])
            if cell.emitted:
                label = name.removesuffix("_forward")
                if end.endswith("_backward") or index:
                    label = f"{name.removesuffix('_backward')}.reverse"
                outputs[-1] = self._taken_apart(cell, own, label, outputs[-1])
            is_cut = any(t >= len(given) for t in self.cuts)
            finals.append(_cut(state) if is_cut else state)
        for item in cell.states:
            last = torch.stack([final[item.name] for final in finals])
            self.last[f"{name}.{item.name}"] = last
        return outputs

    def _step(
        self, cell: Cell, own: Sizes, inputs: Values, state: Values, parameters: Values
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """One step of a cell; where the input is held, as many as it takes to settle.
        Returns the output and the new state."""
        limit = 1 if self.settling is None else self.settling.steps
        for _ in range(limit):
            before = state
            output, state = step(cell, own, inputs, before, parameters)
            if self.settling is not None and all(
                float((value - before[name]).detach().abs().max())
                <= self.settling.tolerance
                for name, value in state.items()
            ):
                break
        return output, dict(state)

    def source(self, name: str, steps: int) -> Sequence[Tensor]:
        """An input or a context at each step."""
        if name in self.contexts:
            return [self.contexts[name]] * steps
        return self.inputs[name]

    def _taken_apart(
        self, cell: Cell, own: Sizes, label: str, outputs: list[Tensor]
    ) -> list[Tensor]:
        """The outputs without what is emitted behind them, which is kept."""
        (width,) = shape_of(cell.output.shape, own)
        place = width
        for value in cell.emitted:
            shape = shape_of(value.shape, own)
            size = math.prod(shape)
            found = [output[place : place + size].reshape(shape) for output in outputs]
            self.emitted[f"{label}.{value.name}"] = found
            place += size
        return [output[:width] for output in outputs]

    def _fed(self, fed: FedInput) -> Tensor:
        """What the layer gives an input of a cell's variant at every step."""
        shape = tuple(width.value(self.sizes) for width in fed.widths)
        match fed.feed:
            case Feed.ZONEOUT:
                share = zoned_share(fed.share) if self.training else fed.share
                return self.parameters.like.new_full(shape, share)
            case Feed.RECURRENT_DROPOUT:
                kept = self.parameters.like.new_ones(shape)
                return stand_in(kept, fed.share) if self.training else kept
            case Feed.RESET:
                # Starting anew is not left to the variant's equations.
                return self.parameters.like.new_zeros(shape)
            case _:
                assert_never(fed.feed)

    def _sizes_of(
        self, cell: Cell, layer: RecurrentLayer, use: CellUse
    ) -> dict[str, int]:
        """The size of each dimension of a cell where it is used."""
        own = {}
        for name, dim in use.sizes:
            if dim is None:
                own[name] = layer.input_width.value(self.sizes)
            else:
                (own[name],) = shape_of((dim,), self.sizes)
        assert list(own) == [dimension.name for dimension in cell.dimensions]
        return own


def _weights_dropped(
    cell: Cell, parameters: Values, names: Sequence[str], share: float
) -> dict[str, Tensor]:
    """The members of the stored parameters of these names, without what is dropped of
    the matrices that the equations read."""
    found: dict[str, Tensor] = {}
    for parameter in cell.parameters:
        if parameter.name not in names:
            continue
        own = [member.name for member in parameter.members]
        parts = [parameters[name] for name in own]
        if len(own) == 1:
            found[own[0]] = stand_in(parts[0], share)
            continue
        whole = torch.cat(parts) if parts[0].dim() else torch.stack(parts)
        left = stand_in(whole, share).reshape(len(own), *parts[0].shape)
        found |= dict(zip(own, left.unbind(), strict=True))
    return found


def _cut(state: Values) -> dict[str, Tensor]:
    """A state without what it was computed from."""
    return {name: value.detach() for name, value in state.items()}


def _width(recurrence: Recurrence) -> Width:
    """Of what leaves a recurrence."""
    uses = [u for u in (recurrence.forward, recurrence.backward) if u is not None]
    return _joined(recurrence.merge, [use.output_width for use in uses])


def _joined(merge: Merge | None, widths: Sequence[Width]) -> Width:
    """The width of several outputs made one."""
    return sum(widths, start=Width()) if merge is Merge.CONCAT else widths[0]


def _merged(merge: Merge, outputs: list[list[Tensor]], axis: int = -1) -> list[Tensor]:
    """Several outputs at each step as one."""
    if len(outputs) == 1:
        return outputs[0]
    return [merged(merge, parts, axis) for parts in zip(*outputs, strict=True)]
