"""What generated models have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self, assert_never

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from rnndsl.runtime.checks import check_sizes, check_tensor
from rnndsl.runtime.engines.choice import (
    AUTOMATIC,
    check_engine,
    graph_refusal,
    records_calls,
)
from rnndsl.runtime.errors import (
    ArgumentTypeError,
    StateCountError,
)
from rnndsl.runtime.graphs.steps import RecordedSteps
from rnndsl.runtime.layers.layer import RecurrentLayer
from rnndsl.runtime.model_specification import (
    ModelSpecification,
    ModelState,
)
from rnndsl.runtime.models.inputs import packed_inputs, plain_inputs, repeat_input
from rnndsl.runtime.models.kept_state import KeptState
from rnndsl.runtime.sequences.forms import check_one_form
from rnndsl.runtime.sequences.layout import (
    SequenceLayout,
    packed_layout,
    padded_layout,
    single_rows,
    without_rows,
)
from rnndsl.runtime.sequences.masking import check_mask
from rnndsl.runtime.sequences.ragged import (
    check_lengths,
    is_recorded,
    repeat_last,
    valid_steps,
)
from rnndsl.runtime.specification import Tensors


class RecurrentModel(nn.Module):
    """A stack of layers between inputs and a head.

    ``forward`` takes the inputs, (T, B, ...) or, with ``batch_first``, (B, T, ...), the
    ``lengths`` (B,) of rows that have fewer steps, and the ``state`` to start from. It
    returns the output and the last state: a tuple with one entry for each recurrent
    layer, which is what that layer takes and returns.
    """

    specification: ClassVar[ModelSpecification]
    batch_first: bool

    def __init__(self, sizes: Mapping[str, int], batch_first: bool = False) -> None:
        super().__init__()
        check_sizes(self.specification.dimensions, sizes)
        if not isinstance(batch_first, bool):
            raise TypeError(
                f"batch_first should be of type bool, got: {type(batch_first).__name__}"
            )
        for dim, argument in self.specification.dimensions:
            setattr(self, argument, sizes[dim])
        self.batch_first = batch_first
        self._engine = AUTOMATIC
        self._steps = RecordedSteps()
        self._sizes = dict(sizes)
        self._kept_state = KeptState() if self.specification.stateful else None

    def begin(
        self,
        inputs: tuple[Any, ...],
        lengths: Tensor | None,
        state: ModelState | None,
        mask: Tensor | None = None,
    ) -> tuple[Tensors, Tensor | None, ModelState, SequenceLayout]:
        """The arguments of ``forward``, checked and laid out as layers take them.

        Returns the inputs, (T, B, ...) with the steps of each row that count in front
        and behind them a repetition of the last; how many there are, (B,), None if all
        count; an entry of the state for each recurrent layer; and what ``finish`` needs
        to give results the form of the inputs.

        Raises ArgumentTypeError for what is no tensor or no tuple, ValueError for a
        wrong number of dimensions, a wrong dtype or an impossible length, RuntimeError
        for other shapes, and for a state, with the reason, if the model takes none.
        """
        first = inputs[0]
        if isinstance(first, PackedSequence):
            check_one_form(True, lengths, mask)
            tensors = packed_inputs(self.specification, self._sizes, inputs, first)
            layout = packed_layout(first)
        else:
            check_one_form(False, lengths, mask)
            tensors, is_batched = plain_inputs(
                self.specification, self._sizes, inputs, batch_first=self.batch_first
            )
            layout = padded_layout(
                tensors[0],
                lengths,
                mask,
                is_batched=is_batched,
                batch_first=self.batch_first,
            )
        tensors = tuple(map(layout.arranged, tensors))
        tensors = tuple(repeat_last(value, layout.lengths) for value in tensors)
        if state is not None and not layout.is_batched:
            state = single_rows(self.states(state))
        if state is None and self._kept_state is not None:
            batch = tensors[0].shape[1]
            state = self._kept_state.resume(batch, self.initial_state)
        return tensors, layout.lengths, self.states(state), layout

    def repeated(self, value: Tensor, steps: int) -> Tensor:
        """The first input, (B, ...) or without B, the same at so many steps: (T, B,
        ...), or (B, T, ...) with ``batch_first``.

        Raises ValueError for a wrong number of dimensions, or for no steps.
        """
        own = self.specification.inputs[0]
        return repeat_input(own, value, steps, batch_first=self.batch_first)

    def finish(
        self, output: Tensor, state: ModelState, layout: SequenceLayout
    ) -> tuple[Any, ModelState]:
        """What ``forward`` returns: the output of all steps (T, B, ...), or the one
        output (B, ...), and the last state, in the form in which the inputs came."""
        specification = self.specification
        result: Tensor | PackedSequence
        match specification.exchange:
            case "many_to_many" | "one_to_many" | "one_to_many(repeat)":
                hold = specification.masked == "hold"
                result = layout.sequence(output, hold=hold)
            case "many_to_one":
                result = layout.row(output)
            case "one_to_one":
                result = layout.row(output.squeeze(0))
            case _:
                assert_never(specification.exchange)
        if self._kept_state is not None and not is_recorded():
            like = next(self.parameters(), None)
            dtype = output.dtype if like is None else like.dtype
            self._kept_state.keep(state, dtype)
        if not layout.is_batched:
            state = without_rows(state)
        return result, state

    def emitted(
        self, parts: Mapping[str, Mapping[str, Tensor]], layout: SequenceLayout
    ) -> dict[str, Any]:
        """What layers emit at all steps, (T, B, ...), by the names of layer and value,
        in the form in which the inputs came; zero at steps that do not count."""
        named = {
            f"{layer}.{name}": value
            for layer, values in parts.items()
            for name, value in values.items()
        }
        if self.specification.exchange == "one_to_one":
            return {name: layout.row(v.squeeze(0)) for name, v in named.items()}
        return {name: layout.sequence(v, hold=False) for name, v in named.items()}

    def counted(
        self, output: Tensor, lengths: Tensor | None, mask: Tensor | None = None
    ) -> Tensor | None:
        """Which steps of an output of ``forward`` count in a loss: (T, B), or (B, T)
        with ``batch_first``, or (T,); None if all do."""
        check_one_form(False, lengths, mask)
        if mask is not None:
            return check_mask(mask, tuple(output.shape[: mask.dim()]), output)
        if lengths is None:
            return None
        if self.batch_first:
            output = output.transpose(0, 1)
        steps = output.shape[0]
        lengths = check_lengths(lengths, steps, output)
        if lengths is None:
            return None
        valid = valid_steps(lengths, steps)
        return valid.t() if self.batch_first else valid

    def laid_out(
        self, output: Tensor, lengths: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None, SequenceLayout]:
        """An output of ``forward`` as (T, B, K), the steps of each row that count in
        front, how many these are, (B,), and how to go back."""
        check_one_form(False, lengths, mask)
        layout = padded_layout(
            output,
            lengths,
            mask,
            is_batched=output.dim() > 2,
            batch_first=self.batch_first,
        )
        return layout.arranged(output), layout.lengths, layout

    def run_step(
        self,
        inputs: tuple[Any, ...],
        state: ModelState | None,
        reset: Tensor | None = None,
    ) -> tuple[Tensor, ModelState]:
        """One step; what ``step`` of a generated model calls.

        inputs: (B, ...) each, or without B; reset: (B,), True where a row starts anew.
        Returns the output (B, ...) and the new state. Raises RuntimeError, with the
        reason, if the model needs the whole sequence.
        """
        output, last, *_ = self._one_step(inputs, state, reset)
        return output, last

    def run_emitting_step(
        self,
        inputs: tuple[Any, ...],
        state: ModelState | None,
        reset: Tensor | None = None,
    ) -> tuple[Tensor, ModelState, dict[str, Tensor]]:
        """The same for a model that emits values: these come third, (B, ...)."""
        output, last, emitted = self._one_step(inputs, state, reset)
        return output, last, emitted

    def _one_step(
        self,
        inputs: tuple[Any, ...],
        state: ModelState | None,
        reset: Tensor | None,
    ) -> tuple[Any, ...]:
        specification = self.specification
        if specification.streaming_refusal is not None:
            raise RuntimeError(
                f"{specification.name} cannot run step by step: "
                f"{specification.streaming_refusal}"
            )
        names = (own.name for own in specification.inputs)
        tensors = tuple(map(check_tensor, names, inputs))
        if reset is not None:
            tensors = (*tensors, check_tensor("reset", reset))
        # In training each step would need a recording of its own, until backward; and
        # a kept state may not lie in the memory of one.
        is_plain = torch.is_grad_enabled() or specification.stateful
        if is_plain or not records_calls(self.engine, tensors):
            return self._run_step_plainly(tensors, state)
        return self._steps.run(self, self._run_step_plainly, tensors, state)

    def _run_step_plainly(
        self, tensors: Tensors, state: ModelState | None
    ) -> tuple[Any, ...]:
        """The step, not recorded; behind the inputs may stand marks where to start
        anew. Returns the output, the new state, and what layers emit."""
        specification = self.specification
        rank = len(specification.inputs[0].shape)
        axis = 1 if self.batch_first and tensors[0].dim() > rank else 0
        options: dict[str, Any] = {"state": state}
        if specification.exchange == "one_to_many(repeat)":
            options["steps"] = 1
        elif specification.exchange != "one_to_one":
            tensors = tuple(value.unsqueeze(axis) for value in tensors)
        count = len(specification.inputs)
        marks = dict(zip(("reset",), tensors[count:], strict=False))
        output, last, *more = self.over_time(*tensors[:count], **options, **marks)
        if specification.has_steps:
            output = output.squeeze(axis)
        if specification.exchange != "one_to_one":
            more = [{n: v.squeeze(axis) for n, v in own.items()} for own in more]
        return output, last, *more

    def initial_state(self, batch: int) -> ModelState:
        """The state before the first step, for so many rows; each model has its own."""
        raise NotImplementedError

    def reset_state(self, rows: Tensor | Sequence[int] | None = None) -> None:
        """Makes the next call of a stateful model begin anew, in all rows or in these:
        their indices, or a mask (B,).

        Raises RuntimeError if the model is not stateful, or for a mask of another size,
        and IndexError for a row that there is not.
        """
        if self._kept_state is None:
            name = self.specification.name
            raise RuntimeError(
                f"{name} keeps no state: its spec has no line `stateful`"
            )
        self._kept_state.clear(rows)

    @property
    def truncation(self) -> int | None:
        """After how many steps gradients are cut in all recurrent layers; that of the
        first if they differ, None if nowhere."""
        first = next(self._recurrent_layers(), None)
        return None if first is None else first[1].truncation

    @truncation.setter
    def truncation(self, steps: int | None) -> None:
        for _, layer in self._recurrent_layers():
            layer.truncation = steps

    @contextmanager
    def kept_aside(self) -> Iterator[None]:
        """Leaves the state that a stateful model keeps as it is meanwhile."""
        kept, self._kept_state = self._kept_state, None
        try:
            yield
        finally:
            self._kept_state = kept

    def over_time(self, *inputs: Any, **options: Any) -> Any:
        """The steps behind a state: inputs, options and results of ``forward``."""
        return self(*inputs, **options)

    @property
    def engine(self) -> str:
        """The engine asked for in all recurrent layers, "auto" by default; "mixed" if
        they have been given different ones."""
        asked = dict.fromkeys(layer.engine for _, layer in self._recurrent_layers())
        if not asked:
            return self._engine
        return next(iter(asked)) if len(asked) == 1 else "mixed"

    @engine.setter
    def engine(self, name: str) -> None:
        self._engine = check_engine(name)
        for _, layer in self._recurrent_layers():
            layer.engine = name

    @property
    def graph_limit(self) -> int:
        """The most shapes whose calls are kept as CUDA graphs, by each recurrent layer
        and for steps of the model; 0 for none."""
        return self._steps.graphs.limit

    @graph_limit.setter
    def graph_limit(self, limit: int) -> None:
        self._steps.graphs.limit = limit
        for _, layer in self._recurrent_layers():
            layer.graph_limit = limit

    def explain(self) -> str:
        """The stages, from the spec, and which engine runs in each recurrent layer."""
        specification = self.specification
        tensors = tuple(self.parameters())
        count = sum(tensor.numel() for tensor in tensors)
        refusal = specification.streaming_refusal
        lines = [
            f"{specification.name}({self.extra_repr()}), from {specification.source}",
            f"parameters: {count:,} in {len(tensors)} tensors",
            *specification.summary,
            f"step by step: {'yes' if refusal is None else f'no: {refusal}'}",
        ]
        if refusal is None and graph_refusal(tensors) is None:
            lines.append(f"graphs of steps: {self._steps.graphs.report()}")
        for name, layer in self._recurrent_layers():
            first, *more = layer.explain().splitlines()
            lines += [f"{name}: {first}", *(f"  {line}" for line in more)]
        return "\n".join(lines)

    def extra_repr(self) -> str:
        """The arguments, as ``torch.nn`` prints them."""
        names = [argument for _, argument in self.specification.dimensions]
        shown = [f"{name}={getattr(self, name)}" for name in names]
        return ", ".join([*shown, *(["batch_first=True"] if self.batch_first else [])])

    def _recurrent_layers(self) -> Iterator[tuple[str, RecurrentLayer]]:
        for name, module in self.named_modules():
            if isinstance(module, RecurrentLayer):
                yield name, module

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        """What moves and converts a module does so with the state it keeps."""
        change: Any = super()._apply  # untyped in torch
        change(fn, recurse)
        if self._kept_state is not None:
            self._kept_state.apply(fn)
        return self

    def states(self, state: ModelState | None) -> ModelState:
        """The entries of a state, None for what is not given."""
        names = self.specification.entries
        if state is None:
            return (None,) * len(names)
        if self.specification.state_refusal is not None:
            raise RuntimeError(
                f"{self.specification.name} cannot start from a state: "
                f"{self.specification.state_refusal}"
            )
        if not isinstance(state, tuple | list):
            raise ArgumentTypeError(
                f"state: expected a tuple with an entry for each recurrent layer, "
                f"{', '.join(names)}, got {type(state).__qualname__}"
            )
        if len(state) != len(names):
            raise StateCountError(
                f"state: expected {len(names)} entries ({', '.join(names)}), got "
                f"{len(state)}"
            )
        return tuple(state)
