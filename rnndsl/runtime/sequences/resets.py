"""Marks within sequences: before a step with a mark, layers start anew."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnndsl.runtime.checks import check_tensor
from rnndsl.runtime.errors import DtypeError, ShapeError
from rnndsl.runtime.sequences.layout import SequenceLayout
from rnndsl.runtime.sequences.packing import check_packed
from rnndsl.runtime.sequences.ragged import reverse_time, valid_steps

_NAME = "reset"


def arrange_marks(marks: Any, layout: SequenceLayout, first: Tensor) -> Tensor:
    """Marks in the form in which the inputs came, as (T, B) like ``first`` (T, B, ...);
    no marks for None. A mark at a step that does not count belongs to the next that
    does.

    Raises ArgumentTypeError for what is no tensor, or packed where the inputs are not,
    or the other way round, DtypeError for one that is not bool, and ShapeError for
    another shape.
    """
    steps, rows = first.shape[:2]
    if marks is None:
        return torch.zeros(steps, rows, dtype=torch.bool, device=first.device)
    packed = layout.packed
    if packed is not None:
        check_packed(_NAME, marks, "the first input", packed)
    given = marks.data if isinstance(marks, PackedSequence) else marks
    tensor = check_tensor(_NAME, given)
    if tensor.dtype != torch.bool:
        raise DtypeError(f"{_NAME}: expected torch.bool, got {tensor.dtype}")
    tensor = tensor.to(first.device)
    if packed is not None:
        return layout.arranged(tensor)
    like = tuple(layout.as_given(first).shape[: 2 if layout.is_batched else 1])
    if tensor.shape != like:
        raise ShapeError(
            f"{_NAME}: expected size {like}, a mark for each step, got "
            f"{tuple(tensor.shape)}"
        )
    if layout.mask is None:
        return layout.arranged(tensor)
    axis = 1 if layout.batch_first and layout.is_batched else 0
    count = layout.arranged(tensor.long().cumsum(axis))
    return count.diff(dim=0, prepend=torch.zeros_like(count[:1])) > 0


def marks_backward(marks: Tensor, lengths: Tensor | None) -> Tensor:
    """Marks (T, B) for a layer that runs backward in time, in the order in which it
    takes the steps: it starts anew where what follows a mark has come to its end."""
    if lengths is not None:
        marks = marks & valid_steps(lengths, marks.shape[0])
    ends = torch.cat((marks[1:], torch.zeros_like(marks[:1])))
    return reverse_time(ends, lengths)
