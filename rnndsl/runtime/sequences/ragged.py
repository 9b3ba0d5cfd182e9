"""Batches of sequences of unequal lengths, padded to (T, B, ...).

What stands in the padding, NaN included, reaches no result and no gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rnndsl.runtime.checks import check_tensor
from rnndsl.runtime.errors import DtypeError, ShapeError


def check_lengths(lengths: object, steps: int, like: Tensor) -> Tensor | None:
    """The lengths (B,) of the rows of ``like`` (T, B, ...), on its device; None if all
    rows are seen to have all ``steps``.

    Raises ArgumentTypeError for what is no tensor, DtypeError for one of no whole
    numbers, ShapeError for another shape and ValueError for a length that is negative
    or beyond ``steps``. Values are not looked at on an accelerator, nor where a
    transformation traces them.
    """
    given = check_tensor("lengths", lengths)
    if given.is_floating_point() or given.is_complex() or given.dtype == torch.bool:
        raise DtypeError(f"lengths: expected an integer dtype, got {given.dtype}")
    batch = like.shape[1]
    if given.shape != (batch,):
        raise ShapeError(
            f"lengths: expected size ({batch},), one for each row, got "
            f"{tuple(given.shape)}"
        )
    if given.device.type == "cpu" and batch and not is_traced():
        shortest, longest = (int(bound) for bound in given.aminmax())
        if shortest < 0 or longest > steps:
            raise ValueError(
                f"lengths: expected 0 to {steps}, the number of steps, got "
                f"{shortest} to {longest}"
            )
        if shortest == steps:
            return None
    return given.to(like.device)


def valid_steps(lengths: Tensor, steps: int) -> Tensor:
    """(T, B), False in the padding of rows of these lengths."""
    return torch.arange(steps, device=lengths.device).unsqueeze(1) < lengths


def last_step(x: Tensor, lengths: Tensor | None) -> Tensor:
    """What stands at the last step of each row, (B, ...); zero in a row of no steps."""
    return x[-1] if lengths is None else _last_or(0, x, lengths)


def repeat_last(x: Tensor, lengths: Tensor | None) -> Tensor:
    """x (T, B, ...) with the last step of each row in place of its padding.

    So what is computed in the padding is finite wherever it is finite in the data. A
    row of no steps becomes one of ones, of which every function is finite, or, of whole
    numbers, one of zeros.
    """
    if lengths is None:
        return x
    mask = aligned(valid_steps(lengths, x.shape[0]), x)
    return torch.where(mask, x, _last_or(int(x.is_floating_point()), x, lengths))


def zero_padding(x: Tensor, lengths: Tensor | None) -> Tensor:
    """x (T, B, ...) with zeros in the padding."""
    if lengths is None:
        return x
    return torch.where(aligned(valid_steps(lengths, x.shape[0]), x), x, 0)


def hold_last(x: Tensor, lengths: Tensor | None) -> Tensor:
    """x (T, B, ...) with the last step of each row in its padding; zero in a row of no
    steps."""
    if lengths is None:
        return x
    mask = aligned(valid_steps(lengths, x.shape[0]), x)
    return torch.where(mask, x, _last_or(0, x, lengths))


def reverse_time(x: Tensor, lengths: Tensor | None) -> Tensor:
    """x (T, B, ...) with the steps of each row in reverse, padding where it was."""
    if lengths is None:
        return x.flip(0)
    steps = torch.arange(x.shape[0], device=x.device).unsqueeze(1)
    source = torch.where(steps < lengths, lengths - 1 - steps, steps)
    return x.gather(0, aligned(source, x).expand(x.shape))


def _last_or(fill: int, x: Tensor, lengths: Tensor) -> Tensor:
    """What stands at the last step of each row, (B, ...); ``fill`` if it has none."""
    rows = torch.arange(x.shape[1], device=x.device)
    last = x[(lengths - 1).clamp(0, x.shape[0] - 1), rows]
    return torch.where(aligned(lengths > 0, last), last, fill)


def aligned(values: Tensor, x: Tensor) -> Tensor:
    """``values`` with axes of size 1 behind, as many as x has more."""
    return values[(..., *(None,) * (x.dim() - values.dim()))]


def is_recorded() -> bool:
    """Whether the computation is recorded or transformed, to be run elsewhere: it then
    may leave nothing behind."""
    return (
        # is_exporting() is true within torch.compile as well, before torch 2.12.
        torch.compiler._is_exporting_flag
        or torch._C._get_tracing_state() is not None
        or torch._C._are_functorch_transforms_active()
    )


def is_traced() -> bool:
    """Whether a transformation follows the code, which then may not look at values."""
    return (
        torch.compiler.is_compiling()
        or torch._C._get_tracing_state() is not None
        or torch._C._are_functorch_transforms_active()
    )
