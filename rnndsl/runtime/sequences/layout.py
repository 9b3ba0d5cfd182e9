"""The forms in which sequences come, and the one in which they are run.

They come padded, with time or the batch first, without a batch, or packed; steps that
do not count are told by lengths or by a mask. They are run as (T, B, ...), time first,
the steps of each row that count in front of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnndsl.runtime.errors import ShapeError
from rnndsl.runtime.model_specification import LayerState, ModelState
from rnndsl.runtime.sequences.forms import time_first
from rnndsl.runtime.sequences.masking import check_mask, counted_first, spread_over_time
from rnndsl.runtime.sequences.packing import RaggedLayout, ragged_layout
from rnndsl.runtime.sequences.ragged import check_lengths, hold_last, zero_padding


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceLayout:
    """How the sequences of a call came, in which form its results go back.

    ``lengths`` (B,) are the steps of each row that count, None if all do. ``mask`` is
    (T, B), None unless one came.
    """

    is_batched: bool = True
    batch_first: bool = False
    lengths: Tensor | None = None
    mask: Tensor | None = None
    packed: PackedSequence | None = None
    ragged: RaggedLayout | None = None

    def arranged(self, value: Tensor) -> Tensor:
        """What came, or the data of what came packed, as (T, B, ...)."""
        if self.ragged is None or self.packed is None:
            value = self.time_first(value)
            return value if self.mask is None else counted_first(value, self.mask)
        value = self.ragged.pad(value)
        order = self.packed.unsorted_indices
        return value if order is None else value.index_select(1, order)

    def sequence(self, output: Tensor, *, hold: bool) -> Tensor | PackedSequence:
        """An output (T, B, ...) in the form in which the sequences came.

        At steps that do not count stand zeros, or, with ``hold``, the output of the
        last step before that does.
        """
        if self.ragged is None or self.packed is None:
            return self.padded(output, hold=hold)
        order = self.packed.sorted_indices
        output = output if order is None else output.index_select(1, order)
        return PackedSequence(
            self.ragged.pack(output),
            self.packed.batch_sizes,
            order,
            self.packed.unsorted_indices,
        )

    def padded(self, output: Tensor, *, hold: bool) -> Tensor:
        """The same where they came as tensors."""
        if self.mask is not None:
            output = spread_over_time(output, self.mask, hold=hold)
        elif hold:
            output = hold_last(output, self.lengths)
        else:
            output = zero_padding(output, self.lengths)
        return self.as_given(output)

    def time_first(self, value: Tensor) -> Tensor:
        """What came as a tensor as (T, B, ...)."""
        return time_first(value, self.is_batched, self.batch_first)

    def as_given(self, value: Tensor) -> Tensor:
        """(T, B, ...) with the axes of what came as a tensor."""
        if not self.is_batched:
            return value.squeeze(1)
        return value.transpose(0, 1) if self.batch_first else value

    def row(self, output: Tensor) -> Tensor:
        """An output without time, (B, ...), without B where none came."""
        return output if self.is_batched else output.squeeze(0)


def packed_layout(packed: PackedSequence) -> SequenceLayout:
    """The layout of a packed sequence; rows are run in the order of the batch."""
    ragged = ragged_layout(packed.batch_sizes, packed.data.device)
    lengths = None if ragged.mask is None else ragged.mask.sum(0)
    order = packed.unsorted_indices
    if lengths is not None and order is not None:
        lengths = lengths.index_select(0, order)
    return SequenceLayout(packed=packed, ragged=ragged, lengths=lengths)


def padded_layout(
    first: Tensor,
    lengths: Tensor | None,
    mask: Tensor | None,
    *,
    is_batched: bool,
    batch_first: bool,
) -> SequenceLayout:
    """The layout of sequences of which ``first`` is one, (T, B, ...), (B, T, ...) with
    ``batch_first``, or (T, ...) unless ``is_batched``.

    Raises what ``check_lengths`` and ``check_mask`` raise, and ShapeError for sequences
    of no steps and for lengths of a single sequence.
    """
    if mask is not None:
        mask = check_mask(mask, tuple(first.shape[: 1 + is_batched]), first)
    time = time_first(first, is_batched, batch_first)
    if mask is not None:
        mask = time_first(mask, is_batched, batch_first)
        lengths = mask.sum(0)
    elif lengths is not None:
        if not is_batched:
            raise ShapeError("lengths: expected a batch of sequences, got a single one")
        lengths = check_lengths(lengths, time.shape[0], time)
    return SequenceLayout(
        is_batched=is_batched, batch_first=batch_first, lengths=lengths, mask=mask
    )


def single_rows(state: ModelState) -> ModelState:
    """The state of a single sequence as that of a batch of one."""
    return tuple(_each(entry, lambda value: value.unsqueeze(1)) for entry in state)


def without_rows(state: ModelState) -> ModelState:
    """The state of a batch of one as that of a single sequence."""
    return tuple(_each(entry, lambda value: value.squeeze(1)) for entry in state)


def _each(
    entry: LayerState | None, change: Callable[[Tensor], Tensor]
) -> LayerState | None:
    """The state of a layer with each of its tensors changed; what is none is left for
    the layer to refuse."""
    if isinstance(entry, (tuple, list)):
        return tuple(change(v) if isinstance(v, Tensor) else v for v in entry)
    return change(entry) if isinstance(entry, Tensor) else entry
