"""A stack of cells run over sequences, called as torch.nn.LSTM is."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from rnndsl.runtime.checks import (
    check_inputs,
    check_layer_options,
    check_state,
    check_states,
    check_tensor,
)
from rnndsl.runtime.engines.autocast import autocast_dtype, cast_tensors
from rnndsl.runtime.engines.choice import AUTOMATIC, records_calls
from rnndsl.runtime.errors import ShapeError
from rnndsl.runtime.graphs.branches import side_by_side
from rnndsl.runtime.layers.dynamics import DynamicalModule
from rnndsl.runtime.layers.emission import separate
from rnndsl.runtime.layers.stacking import layer_sizes
from rnndsl.runtime.sequences.forms import check_one_form, time_first
from rnndsl.runtime.sequences.masking import check_mask, counted_first, spread_over_time
from rnndsl.runtime.sequences.packing import check_packed, ragged_layout
from rnndsl.runtime.sequences.ragged import (
    check_lengths,
    repeat_last,
    valid_steps,
    zero_padding,
)
from rnndsl.runtime.sequences.truncation import check_truncation
from rnndsl.runtime.specification import PartialTensors, Tensors, given_tensors


class RecurrentLayer(DynamicalModule):
    """A cell over whole sequences, in ``num_layers`` layers and one or two directions.

    Arguments, calls, attributes and parameter names are those of ``torch.nn.LSTM``:
    ``weight_ih_l0``, ``weight_ih_l0_reverse``, ``weight_ih_l1``, ... The first input of
    a layer above the first is the output of the one below; other inputs go to every
    layer.
    """

    options = (
        ("num_layers", 1),
        ("bias", True),
        ("batch_first", False),
        ("dropout", 0.0),
        ("bidirectional", False),
        ("weight_drop", 0.0),
        ("truncation", None),
        ("engine", AUTOMATIC),
    )
    num_layers: int
    dropout: float

    def __init__(
        self,
        sizes: Mapping[str, int],
        *,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_layer_options(num_layers, batch_first, dropout)
        super().__init__(sizes, bias)
        self.num_layers = num_layers
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self._directions = 2 if bidirectional else 1
        stack = layer_sizes(self.specification, sizes, num_layers, self._directions)
        for layer, layer_size in enumerate(stack):
            self.add_block(layer_size, f"_l{layer}", device, dtype)
            if bidirectional:
                self.add_block(layer_size, f"_l{layer}_reverse", device, dtype)
        self.reset_parameters()

    @property
    def truncation(self) -> int | None:
        """After how many steps gradients are cut in backpropagation through time, in
        each direction from where it starts; None, the default: nowhere."""
        return self._truncation

    @truncation.setter
    def truncation(self, steps: int | None) -> None:
        self._truncation = check_truncation(steps)

    def run(
        self,
        inputs: tuple[Any, ...],
        hx: Any,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Any:
        """Runs the stack; what ``forward`` of a generated layer calls.

        inputs: one tensor for each input of the cell, (T, B, ...), (B, T, ...) if
        ``batch_first``, or (T, ...) unbatched; or packed sequences. hx: the first state
        of all layers and directions, (layers * directions, B, ...), one tensor or a
        tuple as the cell has states, or None. lengths: the number of steps of each
        row, (B,), in any order; behind them the input counts for nothing, states stay
        as they are and outputs are zero. mask: the same for any steps, bool, of the
        size of the first input without its features, False at steps that are as if
        they were not there. Returns the output, in the form of the input, and the last
        state, in the form of ``hx``.

        Raises the types that ``torch.nn.LSTM`` raises: ArgumentTypeError for what is
        no tensor or no tuple, ValueError for a wrong number of dimensions of the first
        input or a wrong dtype, RuntimeError for other shapes, devices, and an engine
        that cannot run here.
        """
        first = inputs[0]
        packed = isinstance(first, PackedSequence)
        data = first.data if packed else check_tensor(self._input_names[0], first)
        like = self.first_parameter()
        device_type = data.device.type
        dtype = autocast_dtype(device_type, like)
        check_one_form(packed, lengths, mask)
        is_cast = dtype is not None
        with torch.autocast(device_type, enabled=False) if is_cast else nullcontext():
            if packed:
                return self._run_packed(inputs, hx, like, dtype)
            return self._run_padded(inputs, hx, lengths, mask, like, dtype)

    def initial_state(self, batch: int) -> Any:
        """The state before the first step of so many rows, in the form of ``hx``."""
        like = self.first_parameter()
        given = torch.empty(1, batch) if like is None else like.new_empty(1, batch)
        blocks = [
            self._first_state(self._parameters_of(block, given), given)
            for block in range(self.num_layers * self._directions)
        ]
        state = tuple(torch.stack(values) for values in zip(*blocks, strict=True))
        return state[0] if len(state) == 1 else state

    def separate(self, output: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Takes an output of ``forward``, (..., features), apart: the cell's own, and
        what the cell emits beside it by its names, ``reverse.`` before those of the
        backward direction. A cell that emits nothing gives no names."""
        return separate(
            self.specification, self._block_sizes[0], self._directions, output
        )

    def flatten_parameters(self) -> None:
        """Nothing to do: parameters need no particular place in memory."""

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters of each layer and direction."""
        blocks = [[getattr(self, n) for n in names] for names in self._block_names]
        return [[value for value in block if value is not None] for block in blocks]

    def _run_padded(
        self,
        inputs: tuple[Any, ...],
        hx: Any,
        lengths: Tensor | None,
        mask: Tensor | None,
        like: Tensor | None,
        dtype: torch.dtype | None,
    ) -> Any:
        names, shapes = self._input_names, self._input_shapes
        tensors = tuple(map(check_tensor, names, inputs))
        rank = len(shapes[0])
        leading = tensors[0].dim() - rank
        if leading not in (1, 2):
            raise ValueError(
                f"{names[0]}: expected a {rank + 2}-D tensor, or {rank + 1}-D for "
                f"unbatched input, got {tensors[0].dim()}-D"
            )
        check_inputs(
            self.specification.inputs, shapes, tensors, leading, like, dtype is not None
        )
        is_batched = leading == 2
        if mask is not None:
            size = tuple(tensors[0].shape[:leading])
            mask = check_mask(mask, size, tensors[0])
        if mask is not None:
            mask = time_first(mask, is_batched, self.batch_first)
        if self.batch_first or not is_batched:
            tensors = tuple(
                time_first(value, is_batched, self.batch_first) for value in tensors
            )
        tensors = cast_tensors(tensors, dtype)
        if tensors[0].shape[0] == 0:
            raise ShapeError(f"{names[0]}: expected at least one step, got none")
        if lengths is not None and not is_batched:
            raise ShapeError("lengths: expected a batch of sequences, got a single one")
        state = None
        if hx is not None:
            batch = (tensors[0].shape[1],) if is_batched else ()
            state = self._given_state(hx, batch, self._like(tensors), dtype)
            if not is_batched:
                state = tuple(value.unsqueeze(1) for value in state)
        output, last = self._run_ragged(tensors, state, lengths, mask, dtype)
        if not is_batched:
            output = output.squeeze(1)
            last = tuple(value.squeeze(1) for value in last)
        elif self.batch_first:
            output = output.transpose(0, 1)
        return output, last[0] if len(last) == 1 else last

    def _run_packed(
        self,
        inputs: tuple[Any, ...],
        hx: Any,
        like: Tensor | None,
        dtype: torch.dtype | None,
    ) -> Any:
        first: PackedSequence = inputs[0]
        names = self._input_names
        for name, other in zip(names[1:], inputs[1:], strict=True):
            check_packed(name, other, names[0], first)
        tensors = tuple(value.data for value in inputs)
        check_inputs(
            self.specification.inputs,
            self._input_shapes,
            tensors,
            1,
            like,
            dtype is not None,
        )
        layout = ragged_layout(first.batch_sizes, first.data.device)
        tensors = tuple(layout.pad(value) for value in cast_tensors(tensors, dtype))
        state = None
        if hx is not None:
            state = self._given_state(hx, (layout.batch,), self._like(tensors), dtype)
            state = _reordered(state, first.sorted_indices)
        output, last = self._run_layers(tensors, state, layout.mask, dtype)
        last = _reordered(last, first.unsorted_indices)
        result = PackedSequence(
            layout.pack(output),
            first.batch_sizes,
            first.sorted_indices,
            first.unsorted_indices,
        )
        return result, last[0] if len(last) == 1 else last

    def _given_state(
        self, hx: Any, batch: tuple[int, ...], like: Tensor, dtype: torch.dtype | None
    ) -> Tensors:
        blocks = self.num_layers * self._directions
        state = check_states(self._state_names, hx)
        for name, shape, value in zip(
            self._state_names, self._state_shapes, state, strict=True
        ):
            expected = (blocks, *batch, *shape)
            check_state(name, value, expected, like, dtype is not None)
        return cast_tensors(state, dtype)

    def _run_ragged(
        self,
        inputs: Tensors,
        state: Tensors | None,
        lengths: Tensor | None,
        mask: Tensor | None,
        dtype: torch.dtype | None,
    ) -> tuple[Tensor, Tensors]:
        """inputs (T, B, ...), state (layers * directions, B, ...), lengths (B,), mask
        (T, B)."""
        if mask is not None:
            inputs = tuple(counted_first(value, mask) for value in inputs)
            output, last = self._run_ragged(inputs, state, mask.sum(0), None, dtype)
            return spread_over_time(output, mask, hold=False), last
        steps = inputs[0].shape[0]
        if lengths is not None:
            lengths = check_lengths(lengths, steps, inputs[0])
        if lengths is None:
            return self._run_layers(inputs, state, None, dtype)
        inputs = tuple(repeat_last(value, lengths) for value in inputs)
        valid = valid_steps(lengths, steps)
        output, last = self._run_layers(inputs, state, valid, dtype)
        return zero_padding(output, lengths), last

    def _run_layers(
        self,
        inputs: Tensors,
        state: Tensors | None,
        mask: Tensor | None,
        dtype: torch.dtype | None,
    ) -> tuple[Tensor, Tensors]:
        """inputs (T, B, ...), state (layers * directions, B, ...), mask (T, B)."""
        first = () if state is None else state
        if not records_calls(self._engine, (*inputs, *first)):
            return self._run_blocks(inputs, state, mask, dtype)
        # What is recorded outlives this call, and may not hold its tensors.
        count, has_state = len(inputs), state is not None

        def call(given: PartialTensors) -> PartialTensors:
            begin = given_tensors(given[count:-1]) if has_state else None
            output, last = self._run_blocks(
                given_tensors(given[:count]), begin, given[-1], dtype
            )
            return output, *last

        results = self.recorded(call, (*inputs, *first, mask), options=dtype)
        output, *last = given_tensors(results)
        return output, tuple(last)

    def _run_blocks(
        self,
        inputs: Tensors,
        state: Tensors | None,
        mask: Tensor | None,
        dtype: torch.dtype | None,
    ) -> tuple[Tensor, Tensors]:
        """The same, without recordings."""
        last_states: list[Tensors] = []
        for layer in range(self.num_layers):
            if self._directions == 1:
                output, last = self._run_block(layer, inputs, state, mask, dtype)
                last_states.append(last)
            else:
                back = None if mask is None else mask.flip(0)
                (first, end), (second, begin) = side_by_side(
                    partial(self._run_block, 2 * layer, inputs, state, mask, dtype),
                    partial(self._run_block, 2 * layer + 1, inputs, state, back, dtype),
                )
                last_states += [end, begin]
                output = _joined(first, second)
            if self.training and self.dropout > 0 and layer < self.num_layers - 1:
                output = nn.functional.dropout(output, self.dropout, True)
            inputs = (output, *inputs[1:])
        if len(last_states) == 1:
            return output, tuple(value[None] for value in last_states[0])
        return output, tuple(
            torch.stack(values) for values in zip(*last_states, strict=True)
        )

    def _run_block(
        self,
        block: int,
        inputs: Tensors,
        state: Tensors | None,
        mask: Tensor | None,
        dtype: torch.dtype | None,
    ) -> tuple[Tensor, Tensors]:
        """One direction of one layer; ``mask`` in the order in which it runs."""
        is_backward = block % self._directions == 1
        own_state = None if state is None else tuple(s[block] for s in state)
        if is_backward:
            inputs = tuple(x.flip(0) for x in inputs)
        output, last = self.scan(block, inputs, own_state, mask, dtype)
        return output.flip(0) if is_backward else output, last


def _joined(forward: Tensor, backward: Tensor) -> Tensor:
    """The outputs of both directions side by side, (T, B, 2 * features, ...): of
    images, their channels."""
    if forward.dim() == 2:
        return torch.stack((forward, backward), -1)
    return torch.cat((forward, backward), 2)


def _reordered(state: Tensors, order: Tensor | None) -> Tensors:
    """States (..., B, ...) with their rows in this order."""
    if order is None:
        return state
    return tuple(value.index_select(1, order) for value in state)
