"""Steps on an input that is held, until the states no longer change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from rnndsl.runtime.sequences.ragged import is_traced
from rnndsl.runtime.specification import Tensors

# Runs one step from a state in the form of ``hx``: the output and the new state.
HeldStep: TypeAlias = Callable[[Any], tuple[Tensor, Any]]


def settle(
    step: HeldStep, first: Any, steps: int, tolerance: float, axis: int
) -> tuple[Tensor, Any, Tensor]:
    """Repeats ``step`` from the state ``first``, at most ``steps`` times.

    Rows settle by themselves: one in which no state has changed by more than
    ``tolerance`` stays as it is. The output has its rows in ``axis``, states in axis 1.
    Returns the output, the state, and the number of the step in which each row settled,
    (B,), 0 for one that has not. What follows the code runs all steps.
    """
    before = _values_of(first)
    taken = torch.zeros(before[0].shape[1], dtype=torch.long, device=before[0].device)
    output: Tensor | None = None
    state = first
    for number in range(1, steps + 1):
        emitted, state = step(state)
        moving = taken == 0
        after = _values_of(state)
        if output is not None:
            emitted = _kept_in_place(moving, emitted, output, axis)
            after = tuple(
                _kept_in_place(moving, new, old, 1)
                for new, old in zip(after, before, strict=True)
            )
            state = after if isinstance(first, (tuple, list)) else after[0]
        still = _unchanged(before, after, tolerance)
        taken = torch.where(moving & still, number, taken)
        output, before = emitted, after
        if _may_look(taken) and bool((taken > 0).all()):
            break
    assert output is not None, "there is at least one step"
    return output, state, taken


def check_settling(steps: int, tolerance: float) -> None:
    """Raises ValueError without a step, or for a tolerance below 0."""
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps: expected a whole number above 0, got {steps!r}")
    if not isinstance(tolerance, int | float) or not tolerance >= 0:
        raise ValueError(f"tolerance: expected a number from 0 on, got {tolerance!r}")


def _values_of(state: Any) -> Tensors:
    return tuple(state) if isinstance(state, (tuple, list)) else (state,)


def _unchanged(before: Tensors, after: Tensors, tolerance: float) -> Tensor:
    """In which rows (B,) no number has changed by more than the tolerance; one that is
    no number has."""
    close = [
        ((new - old).abs() <= tolerance).transpose(0, 1).flatten(1).all(1)
        for new, old in zip(after, before, strict=True)
    ]
    return torch.stack(close).all(0)


def _kept_in_place(moving: Tensor, new: Tensor, old: Tensor, axis: int) -> Tensor:
    """The new value in the rows that still move, the old one in the others."""
    shape = [1] * new.dim()
    shape[axis] = -1
    return torch.where(moving.view(shape), new, old)


def _may_look(value: Tensor) -> bool:
    """Whether values can be looked at: not in what is recorded, to be run again."""
    if is_traced():
        return False
    return not (value.is_cuda and torch.cuda.is_current_stream_capturing())
