"""What generated models have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self, assert_never

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnndsl.runtime.checks import check_sizes, check_tensor
from rnndsl.runtime.errors import (
    ArgumentTypeError,
    StateCountError,
)
from rnndsl.runtime.model_specification import (
    ModelState,
)
from rnndsl.runtime.models.inputs import packed_inputs, plain_inputs, repeat_input
from rnndsl.runtime.models.kept_state import KeptState
from rnndsl.runtime.models.layered import LayeredModule
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
from rnndsl.runtime.sequences.resets import arrange_marks
from rnndsl.runtime.specification import Tensors


class RecurrentModel(LayeredModule):
    """A stack of layers between inputs and a head.

    ``forward`` takes the inputs, (T, B, ...) or, with ``batch_first``, (B, T, ...), the
    ``lengths`` (B,) of rows that have fewer steps, and the ``state`` to start from. It
    returns the output and the last state: a tuple with one entry for each recurrent
    layer, which is what that layer takes and returns.
    """

    batch_first: bool
    # All steps of inputs (T, B, ...), from a state, with lengths (B,) or None, and
    # marks (T, B) where the model takes any; to what it puts out, and the last state.
    unroll: Callable[..., tuple[Any, ...]]

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
        self._sizes = dict(sizes)
        self._kept_state = KeptState() if self.specification.stateful else None

    def run(
        self, inputs: tuple[Any, ...], state: ModelState | None, **options: Any
    ) -> tuple[Any, ModelState]:
        """Runs the model; what ``forward`` of a generated model calls.

        ``options`` are those of ``forward``: ``lengths`` and ``mask``; ``steps`` where
        one input stands for all; ``reset``, marks, where the model takes any.
        Returns the output and the last state in the form in which the inputs came.

        Raises ArgumentTypeError for what is no tensor or no tuple, ValueError for a
        wrong number of dimensions, a wrong dtype or an impossible length, RuntimeError
        for other shapes, and for a state, with the reason, if the model takes none.
        """
        output, last, _, layout = self._all_steps(inputs, state, **options)
        result, last = self._finished(output, last, layout)
        return result, last

    def run_emitting(
        self, inputs: tuple[Any, ...], state: ModelState | None, **options: Any
    ) -> tuple[Any, ModelState, dict[str, Any]]:
        """The same for a model that emits values: these come third, by name."""
        output, last, (emitted,), layout = self._all_steps(inputs, state, **options)
        result, last = self._finished(output, last, layout)
        return result, last, self._emitted(emitted, layout)

    def _all_steps(
        self,
        inputs: tuple[Any, ...],
        state: ModelState | None,
        *,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
        steps: int | None = None,
        reset: Any = None,
    ) -> tuple[Tensor, ModelState, list[Any], SequenceLayout]:
        """What ``unroll`` returns, by replay of a CUDA graph where there is one, and
        how the inputs were laid out for it."""
        if steps is not None:
            inputs = (self._repeated(inputs[0], steps),)
        tensors, state, layout = self._begun(inputs, state, lengths, mask)
        given: list[Any] = [tensors, state, layout.lengths]
        if self.specification.takes_marks:
            given.append(arrange_marks(reset, layout, tensors[0]))
        if self.records(tensors):
            output, last, *more = self._sequences.run(self, self.unroll, *given)
        else:
            output, last, *more = self.unroll(*given)
        return output, last, more, layout

    def _begun(
        self,
        inputs: tuple[Any, ...],
        state: ModelState | None,
        lengths: Tensor | None,
        mask: Tensor | None,
    ) -> tuple[Tensors, ModelState, SequenceLayout]:
        """The arguments of ``forward``, checked and laid out as layers take them.

        Returns the inputs, (T, B, ...) with the steps of each row that count in front
        and behind them a repetition of the last; an entry of the state for each
        recurrent layer; and what gives results the form of the inputs.
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
        return tensors, self.states(state), layout

    def _repeated(self, value: Tensor, steps: int) -> Tensor:
        """The first input, (B, ...) or without B, the same at so many steps: (T, B,
        ...), or (B, T, ...) with ``batch_first``.

        Raises ValueError for a wrong number of dimensions, or for no steps.
        """
        own = self.specification.inputs[0]
        return repeat_input(own, value, steps, batch_first=self.batch_first)

    def _finished(
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
            # Not next(): torch.compile knows it without a default only, in torch 2.8.
            dtype = (*self.parameters(), output)[0].dtype
            self._kept_state.keep(state, dtype)
        if not layout.is_batched:
            state = without_rows(state)
        return result, state

    def _emitted(
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
        if is_plain or not self.records(tensors):
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
        if not isinstance(state, (tuple, list)):
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
