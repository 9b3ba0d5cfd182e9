"""Batches in which any steps may be missing, by a mask (T, B), False where one is.

The steps of each row that count are moved to its front. There they are a batch of
unequal lengths: a step that is missing is as if it were not there, in both directions
of time. What stands at it, NaN included, reaches no result and no gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rnndsl.runtime.checks import check_tensor
from rnndsl.runtime.errors import DtypeError, ShapeError
from rnndsl.runtime.sequences.ragged import aligned, is_traced


def check_mask(mask: object, size: tuple[int, ...], like: Tensor) -> Tensor | None:
    """The mask, on the device of ``like``; None if all steps are seen to count.

    Raises ArgumentTypeError for what is no tensor, DtypeError for another dtype than
    bool and ShapeError for another size. Values are not looked at on an accelerator,
    nor where a transformation traces them.
    """
    given = check_tensor("mask", mask)
    if given.dtype != torch.bool:
        raise DtypeError(f"mask: expected torch.bool, got {given.dtype}")
    if given.shape != size:
        raise ShapeError(
            f"mask: expected size {size}, one for each step of each row, got "
            f"{tuple(given.shape)}"
        )
    if given.device.type == "cpu" and not is_traced() and bool(given.all()):
        return None
    return given.to(like.device)


def counted_first(x: Tensor, mask: Tensor) -> Tensor:
    """x (T, B, ...) with the steps of each row that count first, in their order, and
    the others behind them."""
    order = torch.argsort(~mask, dim=0, stable=True)
    return _gathered(x, order)


def spread_over_time(x: Tensor, mask: Tensor, *, hold: bool) -> Tensor:
    """What ``counted_first`` made, (T, B, ...), back in its place.

    Where no step counts stand zeros, or, with ``hold``, the value of the last step
    before that counts, zero before the first.
    """
    position = mask.cumsum(0) - 1
    is_filled = position >= 0 if hold else mask
    spread = _gathered(x, position.clamp(min=0))
    return torch.where(aligned(is_filled, x), spread, 0)


def _gathered(x: Tensor, steps: Tensor) -> Tensor:
    """x (T, B, ...) at these steps of each row, (T, B)."""
    return x.gather(0, aligned(steps, x).expand(x.shape))
