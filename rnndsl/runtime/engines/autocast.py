"""Automatic mixed precision: what the cell computes in where autocast is on."""

from __future__ import annotations

import torch
from torch import Tensor


def autocast_dtype(device_type: str, like: Tensor | None) -> torch.dtype | None:
    """What autocast computes in on this kind of device; None where it is off, and for
    parameters ``like`` in double precision, which autocast leaves alone."""
    if like is not None and like.dtype == torch.float64:
        return None
    if not torch.amp.is_autocast_available(device_type):
        return None
    if not torch.is_autocast_enabled(device_type):
        return None
    return torch.get_autocast_dtype(device_type)


def cast_tensors(
    tensors: tuple[Tensor, ...], dtype: torch.dtype | None
) -> tuple[Tensor, ...]:
    """The tensors in autocast's dtype, differentiably; as they are where it is None, or
    where they hold whole numbers."""
    if dtype is None:
        return tensors
    return tuple(t.to(dtype) if t.is_floating_point() else t for t in tensors)
