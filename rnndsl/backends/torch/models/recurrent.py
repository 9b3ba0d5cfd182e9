"""Recurrent layers of a generated model: their submodules, and how they run."""

from __future__ import annotations

from dataclasses import dataclass, field

from rnndsl.analysis.model import (
    LastState,
    ModelInput,
    Settling,
)
from rnndsl.analysis.model_layers import (
    CellUse,
    FedInput,
    Feed,
    InitialState,
    Merge,
    Recurrence,
    RecurrentLayer,
)
from rnndsl.analysis.program import Cell
from rnndsl.analysis.width import Width
from rnndsl.backends.torch.layout import call, quoted
from rnndsl.backends.torch.models.first_states import EncoderStates, FirstStates
from rnndsl.backends.torch.models.merging import merged
from rnndsl.backends.torch.models.names import ModelNames
from rnndsl.backends.torch.models.side_by_side import Run, side_by_side
from rnndsl.backends.torch.models.stage import INDENT, Stage
from rnndsl.backends.torch.printer import number

_MASKS = {
    Feed.RECURRENT_DROPOUT: "RecurrentDropoutMask",
    Feed.ZONEOUT: "ZoneoutMask",
}

_POSITIONAL = 2
"""So many sizes a layer's constructor takes by position."""


@dataclass(frozen=True, slots=True)
class RecurrentModule:
    """A submodule, and the expression of its first state, of ``batch`` rows."""

    name: str
    first_state: str


@dataclass(frozen=True, slots=True)
class _Final:
    """The last ``state`` of a submodule of this cell, a block for each direction."""

    state: str
    cell: str
    blocks: int


@dataclass(slots=True, kw_only=True)
class Recurrent:
    """Writes the recurrent layers of a model one after the other.

    ``arguments`` has the constructor's name for each dimension of the model,
    ``lengths`` is what ``forward`` calls the lengths of rows, None where there is no
    time; ``settling`` how long the one step is repeated there. With ``is_conditioned``,
    ``start`` has given the state of every layer.
    ``modules`` fills with the cells' submodules in the order of their states;
    ``runtime`` with the names needed of it; ``emitted`` with the labels of what they
    emit, and what has it.
    """

    cells: dict[str, Cell]
    arguments: dict[str, str]
    names: ModelNames
    lengths: str | None
    contexts: dict[str, ModelInput]
    encoder: EncoderStates | None
    is_conditioned: bool
    settling: Settling | None
    modules: list[RecurrentModule] = field(default_factory=list)
    runtime: dict[str, None] = field(default_factory=dict)
    emitted: list[tuple[str, str]] = field(default_factory=list)
    _finals: list[_Final] = field(default_factory=list)

    def last_states(self, last: LastState) -> list[str]:
        """What puts a state of the layer on top, after its last step, in the place of
        its output."""
        parts: list[str] = []
        for final in self._finals:
            names = [state.name for state in self.cells[final.cell].states]
            value = final.state
            if len(names) > 1:
                index = 0 if last.name is None else names.index(last.name)
                value = f"{value}[{index}]"
            parts += [f"{value}[{block}]" for block in range(final.blocks)]
        if len(parts) == 1:
            return [f"{self.names.flow} = {parts[0]}"]
        return merged(self.names.flow, Merge.CONCAT, parts)

    def stage(self, layer: RecurrentLayer, source: str) -> Stage:
        """The layer on ``source``, into the name of what flows through the stack."""
        stage = Stage(
            span=layer.span,
            width=layer.output_width,
            has_time=self.lengths is not None,
            is_separate=layer.is_separate,
            extent=layer.extent,
        )
        self._finals.clear()
        owner = layer.shares or layer.name
        is_joined = layer.residual or layer.skip
        target = self.names.branch if is_joined else self.names.flow
        below = source
        if layer.variational:
            self.runtime["VariationalDropout"] = None
            share = number(layer.variational).text
            name = f"{owner}_variational"
            _construct(stage, layer, [f"self.{name} = VariationalDropout({share})"])
            stage.run.append(f"{target} = self.{name}({below})")
            below = target
        self._branches(stage, layer, below, target)
        if layer.project is not None:
            below_width = _merged_width(layer).text(self.arguments)
            project = self._size(layer.project)
            name = f"{owner}_projection"
            sizes = [below_width, project, "**factory"]
            linear = call(f"self.{name} = nn.Linear", sizes, indent=INDENT)
            _construct(stage, layer, linear)
            stage.run.append(f"{target} = self.{name}({target})")
        if layer.dropout:
            name = f"{owner}_dropout"
            share = number(layer.dropout).text
            _construct(stage, layer, [f"self.{name} = nn.Dropout({share})"])
            stage.run.append(f"{target} = self.{name}({target})")
        flow = self.names.flow
        if layer.residual:
            stage.run.append(f"{flow} = {source} + {target}")
        if layer.skip:
            stage.run.append(f"{flow} = torch.cat(({source}, {target}), -1)")
        return stage

    def _branches(
        self, stage: Stage, layer: RecurrentLayer, below: str, target: str
    ) -> None:
        owner = layer.shares or layer.name
        names = self.names
        if len(layer.branches) == 1:
            (branch,) = layer.branches
            pair = (names.forward, names.backward)
            runs, joined = self._recurrence(
                stage, layer, branch, owner, below, target, pair
            )
            stage.run += [*side_by_side(runs), *joined]
            return
        outputs: list[str] = []
        every: list[Run] = []
        after: list[str] = []
        for index, branch in enumerate(layer.branches, start=1):
            output, name = names.numbered("y", index), f"{owner}_{index}"
            pair = names.numbered("forward", index), names.numbered("backward", index)
            runs, joined = self._recurrence(
                stage, layer, branch, name, below, output, pair
            )
            outputs.append(output)
            every += runs
            after += joined
        self.runtime["side_by_side"] = None
        stage.run += [*side_by_side(every), *after]
        stage.run += merged(target, layer.merge, outputs)

    def _recurrence(
        self,
        stage: Stage,
        layer: RecurrentLayer,
        recurrence: Recurrence,
        name: str,
        below: str,
        target: str,
        halves: tuple[str, str],
    ) -> tuple[list[Run], list[str]]:
        """The runs of the submodules, and what joins their outputs, called ``halves``
        where there are two, to ``target``."""
        ahead, back = recurrence.forward, recurrence.backward
        if back is None:
            assert ahead is not None, "a recurrence has a direction"
            return [self._cell(stage, layer, ahead, name, below, target)], []
        if ahead is None:
            run = self._cell(stage, layer, back, name, below, target, is_reverse=True)
            return [run], []
        if ahead.cell == back.cell and ahead.sizes == back.sizes and not ahead.fed:
            run = self._cell(stage, layer, ahead, name, below, target, is_both=True)
            joined: list[str] = []
            if recurrence.merge is Merge.SEPARATE:
                joined.append(f"{target} = torch.unflatten({target}, -1, (2, -1))")
            elif recurrence.merge is not Merge.CONCAT:
                joined.append(f"{', '.join(halves)} = {target}.chunk(2, -1)")
                joined += merged(target, recurrence.merge, list(halves))
            return [run], joined
        self.runtime["side_by_side"] = None
        forward, backward = halves
        there = self._cell(stage, layer, ahead, f"{name}_forward", below, forward)
        here = self._cell(
            stage, layer, back, f"{name}_backward", below, backward, is_reverse=True
        )
        axis = -1 - len(layer.extent)
        return [there, here], merged(target, recurrence.merge, list(halves), axis)

    def _cell(
        self,
        stage: Stage,
        layer: RecurrentLayer,
        use: CellUse,
        name: str,
        below: str,
        target: str,
        *,
        is_reverse: bool = False,
        is_both: bool = False,
    ) -> Run:
        """Builds one submodule. Returns its run over the sequence."""
        options = ["bidirectional=True"] if is_both else []
        sizes = [*self._sizes(layer, use), *options, "**factory"]
        built = call(f"self.{name} = {use.cell}", sizes, indent=INDENT)
        _construct(stage, layer, built)
        if layer.weight_drop:
            share = number(layer.weight_drop).text
            stored = [quoted(weight) for weight in use.recurrent]
            dropped = call(f"self.{name}.drop_weights", [share, *stored], indent=INDENT)
            _construct(stage, layer, dropped)
        masks = [
            self._marks(below, is_reverse=is_reverse)
            if fed.feed is Feed.RESET
            else self._mask(stage, layer, fed, name, below)
            for fed in use.fed
        ]
        index = len(self.modules)
        # A layer that shares the weights of another has a first state of its own.
        own = name
        if layer.shares is not None:
            own = layer.name + name.removeprefix(layer.shares)
        state = self.names.numbered("state", index + 1)
        begin = f"state[{index}]"
        self._finals.append(_Final(state, use.cell, 2 if is_both else 1))
        first_states = FirstStates(
            self.arguments, self.names, self.contexts, self.encoder, self.runtime
        )
        first_state = first_states.of(stage, layer, own, name)
        self.modules.append(RecurrentModule(own, first_state))
        stage.begin.append(f"{state} = {first_state}")
        if layer.initial_state is InitialState.LEARNED and not self.is_conditioned:
            rows = f"{below}.shape[1]"
            stage.run += call(
                f"{state} = self.{own}_state", [rows, begin], indent=INDENT
            )
            begin = state
        inputs = [self._reversed(below) if is_reverse else below]
        inputs += [
            self._further(extra, below, is_reverse=is_reverse)
            for extra in use.extra_inputs
        ]
        inputs += masks
        ragged = [] if self.lengths is None else [f"lengths={self.lengths}"]
        targets: tuple[str, ...] = (target, state)
        function, end = f"self.{name}", [begin, *ragged]
        if self.settling is not None:
            targets, function = (target, state, "_"), f"self.{name}.settle"
            end = [f"hx={begin}", *_limits(self.settling)]
        after: list[str] = []
        if is_reverse:
            after.append(f"{target} = {self._reversed(target)}")
        if use.emitted:
            emitted = self.names.numbered("emitted", index + 1)
            after.append(f"{target}, {emitted} = self.{name}.separate({target})")
            label = f"{own.removesuffix('_backward')}.reverse"
            if not own.endswith("_backward"):
                label = own.removesuffix("_forward")
            self.emitted.append((label, emitted))
        return Run(
            targets=targets,
            function=function,
            arguments=(*inputs, *end),
            after=tuple(after),
        )

    def _marks(self, below: str, *, is_reverse: bool) -> str:
        """Where a layer on ``below`` starts anew."""
        if not is_reverse:
            return f"reset.to({below}.dtype)"
        self.runtime["marks_backward"] = None
        return f"marks_backward(reset, {self.lengths}).to({below}.dtype)"

    def _mask(
        self,
        stage: Stage,
        layer: RecurrentLayer,
        fed: FedInput,
        module: str,
        below: str,
    ) -> str:
        """What gives a layer the masks of a state, on the layer's input ``below``."""
        kind = _MASKS[fed.feed]
        self.runtime[kind] = None
        name = f"{module}_{fed.name}"
        shape = [width.text(self.arguments) for width in fed.widths]
        arguments = [number(fed.share).text, *shape]
        built = call(f"self.{name} = {kind}", arguments, indent=INDENT)
        _construct(stage, layer, built)
        return f"self.{name}({below})"

    def _further(self, name: str, below: str, *, is_reverse: bool) -> str:
        """A further input of a cell, at each step of what comes from below."""
        if name in self.contexts:
            self.runtime["at_each_step"] = None
            return f"at_each_step({self.names.contexts[name]}, {below})"
        value = self.names.inputs[name]
        return self._reversed(value) if is_reverse else value

    def _reversed(self, value: str) -> str:
        self.runtime["reverse_time"] = None
        return f"reverse_time({value}, {self.lengths})"

    def _sizes(self, layer: RecurrentLayer, use: CellUse) -> list[str]:
        """The arguments that give the cell its sizes; what comes from below has the
        width of the layer's input."""
        below = layer.input_width.text(self.arguments)
        given = [below if dim is None else self._size(dim) for _, dim in use.sizes]
        names = [dimension.argument for dimension in self.cells[use.cell].dimensions]
        first = given[:_POSITIONAL]
        more = zip(names[_POSITIONAL:], given[_POSITIONAL:], strict=True)
        return [*first, *(f"{name}={size}" for name, size in more)]

    def _size(self, dim: str | int) -> str:
        return str(dim) if isinstance(dim, int) else self.arguments[dim]


def _limits(settling: Settling) -> list[str]:
    limits = [f"steps={settling.steps}"]
    if settling.tolerance:
        limits.append(f"tolerance={number(settling.tolerance).text}")
    return limits


def _construct(stage: Stage, layer: RecurrentLayer, lines: list[str]) -> None:
    """Builds a submodule, unless the layer uses those of another."""
    if layer.shares is None:
        stage.build += lines


def _merged_width(layer: RecurrentLayer) -> Width:
    """The width of a layer's outputs, before any projection."""
    widths = [_branch_width(branch) for branch in layer.branches]
    return sum(widths, start=Width()) if layer.merge is Merge.CONCAT else widths[0]


def _branch_width(recurrence: Recurrence) -> Width:
    pair = (recurrence.forward, recurrence.backward)
    widths = [use.output_width for use in pair if use is not None]
    return sum(widths, start=Width()) if recurrence.merge is Merge.CONCAT else widths[0]
