"""The forms in which sequences come, and in which steps that do not count are told."""

from __future__ import annotations

from torch import Tensor


def time_first(value: Tensor, is_batched: bool, batch_first: bool) -> Tensor:
    """(T, B, ...) of (T, ...) unless ``is_batched``, or of (B, T, ...)."""
    if not is_batched:
        return value.unsqueeze(1)
    return value.transpose(0, 1) if batch_first else value


def check_one_form(
    is_packed: bool, lengths: Tensor | None, mask: Tensor | None
) -> None:
    """Raises ValueError where steps that do not count are told in two ways."""
    if is_packed and lengths is not None:
        raise ValueError("lengths: a PackedSequence has lengths of its own")
    if is_packed and mask is not None:
        raise ValueError("mask: a PackedSequence has lengths of its own")
    if lengths is not None and mask is not None:
        raise ValueError("mask: expected lengths or a mask, got both")
