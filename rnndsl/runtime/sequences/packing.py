"""Ragged batches: packed sequences as padded ones with a mask, and back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnndsl.runtime.errors import ArgumentTypeError, ShapeError


@dataclass(frozen=True, slots=True, kw_only=True)
class RaggedLayout:
    """Where the rows of a packed sequence stand in a padded one.

    ``mask`` is (T, B), False after the end of a row, None if all rows are as long.
    ``gather`` holds the T * B packed positions to pad from; a step after a row's end
    repeats its last one, so that padding brings in no value that the data does not
    have. ``positions`` holds the padded position of each packed entry.
    """

    steps: int
    batch: int
    mask: Tensor | None
    gather: Tensor | None
    positions: Tensor | None

    def pad(self, data: Tensor) -> Tensor:
        """Packed data (N, ...) as (T, B, ...)."""
        if self.gather is not None:
            data = data.index_select(0, self.gather)
        return data.view(self.steps, self.batch, *data.shape[1:])

    def pack(self, padded: Tensor) -> Tensor:
        """(T, B, ...) as packed data (N, ...)."""
        data = padded.flatten(0, 1)
        return data if self.positions is None else data.index_select(0, self.positions)


def ragged_layout(batch_sizes: Tensor, device: torch.device) -> RaggedLayout:
    """The layout of a PackedSequence, whose ``batch_sizes`` lie on the CPU."""
    steps, batch = batch_sizes.numel(), int(batch_sizes[0])
    if int(batch_sizes[-1]) == batch:
        return RaggedLayout(
            steps=steps, batch=batch, mask=None, gather=None, positions=None
        )
    rows = torch.arange(batch)
    mask = rows < batch_sizes.unsqueeze(1)
    starts = batch_sizes.cumsum(0) - batch_sizes
    last_steps = mask.sum(0) - 1
    time = torch.minimum(torch.arange(steps).unsqueeze(1), last_steps)
    gather = starts[time] + rows
    return RaggedLayout(
        steps=steps,
        batch=batch,
        mask=mask.to(device),
        gather=gather.flatten().to(device),
        positions=mask.flatten().nonzero().squeeze(1).to(device),
    )


def check_packed(
    name: str, value: object, first_name: str, first: PackedSequence
) -> None:
    """Raises ArgumentTypeError unless ``value`` is packed, RuntimeError unless it has
    the lengths of the first input, and its rows in the same order."""
    if not isinstance(value, PackedSequence):
        raise ArgumentTypeError(
            f"{name}: expected a PackedSequence, as {first_name} is, got "
            f"{type(value).__module__}.{type(value).__qualname__}"
        )
    if not torch.equal(first.batch_sizes, value.batch_sizes):
        raise ShapeError(
            f"{name}: expected the batch sizes {first.batch_sizes.tolist()} of "
            f"{first_name}, got batch sizes {value.batch_sizes.tolist()}"
        )
    if not _same_order(first.sorted_indices, value.sorted_indices):
        raise ShapeError(
            f"{name}: expected its rows in the order of the first input, {first_name}, "
            "got another order"
        )


def _same_order(first: Tensor | None, other: Tensor | None) -> bool:
    if first is None or other is None:
        return first is other
    return torch.equal(first, other)
