"""Generation by chance: each symbol is drawn from what the model says of the next."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnndsl.runtime.generation.greedy import (
    AdvanceFunction,
    GeneratedSequences,
    Prompt,
    best_first,
    generate_forward,
)


def sample_sequences(
    advance: AdvanceFunction,
    state: Any,
    prompt: Prompt,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> GeneratedSequences:
    """Symbols drawn at random, by ``generator`` or torch's own.

    Probabilities are sharpened or flattened by ``temperature``, softmax(scores /
    temperature), of which 0 is the limit: the most probable symbol. Then only the
    ``top_k`` most probable are kept, then the fewest of these that have ``top_p`` of
    their probability (Holtzman et al. 2020); of equal ones, the lowest. A generator on
    the CPU draws the same on every device. Raises ValueError for numbers out of range,
    and as ``greedy_search``.
    """
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature: expected 0 or more, got {temperature}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k: expected at least 1, got {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p: expected more than 0, at most 1, got {top_p}")

    def choose(log_p: Tensor) -> Tensor:
        if temperature == 0:
            return log_p.argmax(1)
        if top_k is None and top_p is None:
            return _draw(_tempered(log_p, temperature), generator)
        ranked, symbols = restricted(log_p, temperature, top_k, top_p)
        drawn = _draw(ranked, generator)
        return symbols.gather(1, drawn.unsqueeze(1)).squeeze(1)

    return generate_forward(advance, state, prompt, choose)


def restricted(
    log_p: Tensor, temperature: float, top_k: int | None, top_p: float | None
) -> tuple[Tensor, Tensor]:
    """What may be drawn of log-probabilities (N, V), most probable first.

    Returns unnormalised log-probabilities (N, k), -inf for what is left out, and their
    symbols (N, k).
    """
    count = log_p.shape[1] if top_k is None else min(top_k, log_p.shape[1])
    ranked, symbols = best_first(log_p, count)
    ranked = _tempered(ranked, temperature)
    if top_p is not None and top_p < 1:
        p = ranked.softmax(1)
        is_kept = p.cumsum(1) - p < top_p
        ranked = torch.where(is_kept, ranked, -torch.inf)
    return ranked, symbols


def _tempered(log_p: Tensor, temperature: float) -> Tensor:
    """Divided by the temperature, the greatest at 0, where nothing overflows."""
    temperature = max(temperature, torch.finfo(log_p.dtype).tiny)
    return (log_p - log_p.amax(1, keepdim=True)) / temperature


def _draw(log_p: Tensor, generator: torch.Generator | None) -> Tensor:
    """One column of each row, drawn with probability softmax(log_p), (N,).

    The first of exponential clocks with rates p to ring: the least e / p, e ~ Exp(1).
    One row that is not a number keeps no other from its draw.
    """
    device = log_p.device if generator is None else generator.device
    clock = torch.empty(log_p.shape, dtype=log_p.dtype, device=device)
    clock.exponential_(generator=generator).clamp_min_(torch.finfo(log_p.dtype).tiny)
    return (log_p - clock.log().to(log_p.device)).argmax(1)
