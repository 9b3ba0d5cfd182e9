"""First-order linear recurrences over all steps: ``s[t] = a[t] * s[t-1] + b[t]``.

Steps are taken one after the other, or in pairs, each of which is one step of a
sequence half as long: 2 log2(T) rounds and less than three times the work (R. E. Ladner
and M. J. Fischer, Parallel prefix computation, 1980; G. E. Blelloch, Prefix sums and
their applications, 1990). Nothing is divided and no logarithm is taken: ``a`` may be
zero, negative, or above one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from rnndsl.runtime.engines.traced_scan import traced_scan
from rnndsl.runtime.sequences.ragged import aligned

# On a CPU, pairs are faster from so many steps on, for up to so many numbers a step.
PAIRED_STEPS = 32
PAIRED_WIDTH = 2048


def linear_scan(
    a: Tensor, b: Tensor, first: Tensor, mask: Tensor | None = None
) -> Tensor:
    """The states ``s[t] = a[t] * s[t-1] + b[t]`` of all steps, (T, B, ...).

    ``a`` and ``b`` are what broadcasts to (T, B, ...), and ``b`` has as many axes;
    ``first`` (B, ...) is the state before the first step. A row keeps its state where
    ``mask`` (T, B) is False. Differentiable any number of times, in forward mode as
    well, and by ``torch.func``. Half types are accumulated in float32.
    """
    if mask is not None:
        counts = aligned(mask, first.unsqueeze(0))
        a, b = torch.where(counts, a, 1), torch.where(counts, b, 0)
    shape = (b.shape[0], *first.shape)
    a, b = a.expand(shape), b.expand(shape)
    if torch.compiler.is_compiling():
        return traced_scan(a, b, first)
    if shape[0] == 1:
        return torch.addcmul(b, a, first)
    return _scan(a, b, first, False)[1:]


def steps_before(states: Tensor, first: Tensor) -> Tensor:
    """The state before each step, (T, B, ...), from those after each step and the first
    one, (B, ...)."""
    return torch.cat((first.unsqueeze(0), states))[:-1]


def kept_steps(values: Tensor, first: Tensor, mask: Tensor | None) -> Tensor:
    """The state after each step, (T, B, ...): its new value, or, where ``mask`` (T, B)
    is False, what it was."""
    if mask is None:
        return values
    steps = torch.arange(1, mask.shape[0] + 1, device=mask.device)
    latest = torch.where(mask, steps.unsqueeze(-1), 0).cummax(0).values
    states = torch.cat((first.unsqueeze(0), values))
    return states.gather(0, aligned(latest, values).expand(values.shape))


class LinearScan(torch.autograd.Function):
    """The states of ``linear_scan`` behind the first one: T + 1 rows. In ``reverse``
    the first state stands behind the others, and steps go backward.

    What arrives at the rows goes back by the same recurrence, the other way round.
    """

    @staticmethod
    def forward(a: Tensor, b: Tensor, first: Tensor, reverse: bool) -> Tensor:
        """a, b: (T, B, ...); first: (B, ...)."""
        dtype = torch.promote_types(first.dtype, torch.float32)
        steps, width = a.shape[0], first.numel()
        if any(map(torch._C._functorch.is_legacy_batchedtensor, (a, b, first))):
            # Batched gradients: nothing can be written into such tensors.
            return _stacked(a.to(dtype), b.to(dtype), first, reverse)
        rows = first.new_empty((steps + 1, *first.shape), dtype=dtype)
        rows[-1 if reverse else 0] = first
        if a.is_cpu and (steps < PAIRED_STEPS or width > PAIRED_WIDTH):
            _one_by_one(a.to(dtype), b.to(dtype), rows, reverse)
        else:
            _in_pairs(a.to(dtype), b.to(dtype), rows, reverse)
        return rows.to(first.dtype)

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, bool], output: Tensor
    ) -> None:
        ctx.reverse = inputs[3]
        ctx.save_for_backward(inputs[0], output)
        ctx.save_for_forward(inputs[0], output)

    @staticmethod
    def backward(ctx: Any, d_rows: Tensor) -> Any:
        """The gradients of a, b and the first state."""
        a, rows = ctx.saved_tensors
        if ctx.reverse:
            total = _scan(a, d_rows[1:], d_rows[0], False)
            old, d_b, d_first = rows[1:], total[:-1], total[-1]
        else:
            total = _scan(a, d_rows[:-1], d_rows[-1], True)
            old, d_b, d_first = rows[:-1], total[1:], total[0]
        d_a = d_b * old if ctx.needs_input_grad[0] else None
        return d_a, d_b, d_first, None

    @staticmethod
    def jvp(ctx: Any, d_a: Tensor, d_b: Tensor, d_first: Tensor, _: None) -> Tensor:
        """How the rows change with a, b and the first state."""
        a, rows = ctx.saved_tensors
        old = rows[1:] if ctx.reverse else rows[:-1]
        return _scan(a, d_a * old + d_b, d_first, ctx.reverse)

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        a: Tensor,
        b: Tensor,
        first: Tensor,
        reverse: bool,
    ) -> tuple[Tensor, int]:
        """Many recurrences side by side are one."""
        a, b, first = (
            value.unsqueeze(axis) if dim is None else value.movedim(dim, axis)
            for value, dim, axis in zip(
                (a, b, first), in_dims[:3], (1, 1, 0), strict=True
            )
        )
        first = first.expand(info.batch_size, *first.shape[1:])
        shape = (a.shape[0], *first.shape)
        return _scan(a.expand(shape), b.expand(shape), first, reverse), 1


def _scan(a: Tensor, b: Tensor, first: Tensor, reverse: bool) -> Tensor:
    """The rows of ``LinearScan``; without its node where nothing is differentiated,
    since to make one takes longer than a few steps."""
    is_recorded = torch.is_grad_enabled() and (
        a.requires_grad or b.requires_grad or first.requires_grad
    )
    is_transformed = torch._C._are_functorch_transforms_active()
    if not (is_recorded or is_transformed or forward_ad._current_level >= 0):
        return LinearScan.forward(a, b, first, reverse)
    apply: Any = LinearScan.apply  # untyped in torch
    rows: Tensor = apply(a, b, first, reverse)
    return rows


def _stacked(a: Tensor, b: Tensor, first: Tensor, reverse: bool) -> Tensor:
    """The rows, without writing into a tensor."""
    order = range(a.shape[0])
    rows = [first.to(a.dtype)]
    for t in reversed(order) if reverse else order:
        rows.append(torch.addcmul(b[t], a[t], rows[-1]))
    return torch.stack(rows[::-1] if reverse else rows).to(first.dtype)


def _one_by_one(a: Tensor, b: Tensor, rows: Tensor, reverse: bool) -> None:
    """Fills the rows, step by step, from the first or, in reverse, from the last."""
    order = slice(None, None, -1 if reverse else 1)
    (state, *states) = rows.unbind(0)[order]
    steps = zip(a.unbind(0)[order], b.unbind(0)[order], states, strict=True)
    for a_step, b_step, new in steps:
        torch.addcmul(b_step, a_step, state, out=new)
        state = new


def _in_pairs(a: Tensor, b: Tensor, rows: Tensor, reverse: bool) -> None:
    """Fills the rows: every second one as steps of pairs, then those in between."""
    steps = a.shape[0]
    if steps < 4:
        _one_by_one(a, b, rows, reverse)
        return
    alone = steps % 2  # a step without a partner, the last one to be taken
    if reverse:
        early, late = slice(alone + 1, None, 2), slice(alone, None, 2)
        ends, others = rows[alone::2], slice(1 - alone, None, 2)
        old, new = rows[1:], rows[:-1]
    else:
        early, late = slice(0, steps - alone, 2), slice(1, None, 2)
        ends, others = rows[: steps + 1 - alone : 2], slice(0, None, 2)
        old, new = rows[:-1], rows[1:]
    a_pairs = a[late] * a[early]
    b_pairs = torch.addcmul(b[late], a[late], b[early])
    _in_pairs(a_pairs, b_pairs, ends, reverse)
    torch.addcmul(b[others], a[others], old[others], out=new[others])
