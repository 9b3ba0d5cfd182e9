"""Linear recurrences for who traces them: operations whose number does not grow with
the number of steps, which need not be known.

Steps are cut into chunks of a fixed length. In each the states that come from its own
steps are found by doubling (W. D. Hillis and G. L. Steele, Data parallel algorithms,
1986); the ends of all chunks are a recurrence again.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

CHUNK = 64
ROUNDS = 5  # enough for 61 * 64**4 steps, over a billion


def traced_scan(a: Tensor, b: Tensor, first: Tensor) -> Tensor:
    """The states ``s[t] = a[t] * s[t-1] + b[t]``, (T, B, ...); a and b are (T, B, ...),
    first (B, ...)."""
    dtype = torch.promote_types(first.dtype, torch.float32)
    # The first state is that of a step which forgets the one before.
    a = torch.cat((torch.zeros_like(first).unsqueeze(0), a)).to(dtype)
    b = torch.cat((first.unsqueeze(0), b)).to(dtype)
    return _chunked(a, b, _rounds(a.shape[0]))[1:].to(first.dtype)


def _rounds(steps: int) -> int:
    """So many as the steps take; as a program that is exported may ever take."""
    rounds = 1
    while rounds < ROUNDS and (
        torch.compiler.is_exporting() or steps > (CHUNK - 3) * CHUNK ** (rounds - 1)
    ):
        rounds += 1
    return rounds


def _chunked(a: Tensor, b: Tensor, rounds: int) -> Tensor:
    """The states, from one of zero."""
    steps = a.shape[0]
    a, b = _in_chunks(a), _in_chunks(b)
    apart = 1
    while apart < CHUNK:
        later = (0, 0) * (a.dim() - 2) + (apart, -apart)
        b = torch.addcmul(b, a, pad(b, later))
        a = a * pad(a, later, value=1.0)
        apart *= 2
    if rounds > 1:
        ends = _chunked(a[:, -1], b[:, -1], rounds - 1)
        before = torch.cat((torch.zeros_like(ends[:1]), ends))[:-1]
        b = torch.addcmul(b, a, before.unsqueeze(1))
    # Not a slice, which would ask whether there are as many.
    return b.flatten(0, 1).index_select(0, torch.arange(steps, device=b.device))


def _in_chunks(values: Tensor) -> Tensor:
    """The chunks, (chunks, CHUNK, ...), with zeros behind the last step. There are two
    at least, so that who traces need not ask whether there is one."""
    steps = values.shape[0]
    chunks = steps // CHUNK + 2
    starts = torch.arange(chunks, device=values.device) * CHUNK
    places = starts.unsqueeze(-1) + torch.arange(CHUNK, device=values.device)
    longer = torch.cat((values, torch.zeros_like(values[:1])))
    return longer[places.clamp(max=steps)]
