"""Beam search: the most probable whole sequences, as far as a beam of them can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rnndsl.runtime.generation.greedy import (
    AdvanceFunction,
    GeneratedSequences,
    Prompt,
    ReorderFunction,
    advance_checked,
    best_first,
    reorder_batch,
)


def beam_search(
    advance: AdvanceFunction,
    state: Any,
    prompt: Prompt,
    *,
    width: int,
    length_penalty: float = 0.0,
    reorder: ReorderFunction = reorder_batch,
) -> GeneratedSequences:
    """The ``width`` best sequences of each row that a beam finds, best first.

    Each step extends the ``width`` most probable open hypotheses. Those of the
    ``width`` best extensions that end with the stop symbol are finished; a row keeps
    the ``width`` finished ones with the best score, log p / ``length_divisor``. A row
    ends when it has as many and no open hypothesis scores better, at its present
    length, than the worst of them: without length penalty, none ever will then. What
    is open at ``max_length`` is taken as it stands.

    state: of B rows. ``advance`` sees B * width rows, those of row b next to each
    other; ``reorder`` (``reorder_batch``: batch axis 1) makes them and moves them.
    Width 1 is greedy search; a width of V ** max_length finds everything. Where there
    are fewer sequences than ``width``, or scores are not a number, the rest have
    log-probability -inf and length 0. Raises ValueError for numbers out of range, and
    as ``greedy_search``.
    """
    if width < 1:
        raise ValueError(f"width: expected at least 1, got {width}")
    if not 0 <= length_penalty < float("inf"):
        raise ValueError(f"length_penalty: expected 0 or more, got {length_penalty}")
    batch, device, stop = prompt.batch, prompt.device, prompt.stop
    rows = torch.arange(batch, device=device).unsqueeze(1)
    state = reorder(state, rows.expand(batch, width).flatten())
    symbols = prompt.first.unsqueeze(1).expand(batch, width)
    tokens = symbols.new_full((batch, width, prompt.max_length), stop or 0)
    # All hypotheses of a row are the same at first: one of them counts.
    log_p = torch.zeros(batch, width, device=device)
    log_p[:, 1:] = -torch.inf
    nothing = torch.full_like(log_p, -torch.inf)
    finished = Hypotheses(
        tokens=tokens, lengths=torch.zeros_like(symbols), log_p=nothing, scores=nothing
    )
    steps = 0
    for step in range(prompt.max_length):
        steps = step + 1
        given, is_given = (part.unsqueeze(1) for part in prompt.given(step))
        if step == 0 and prompt.start is None:
            source = torch.arange(width, device=device).expand(batch, width)
        else:
            step_log_p, state = advance_checked(advance, symbols.flatten(), state, stop)
            log_p, source, symbols = _extensions(log_p, step_log_p, given, is_given)
        divisor = length_divisor(steps - prompt.given_lengths, length_penalty)
        divisor = divisor.unsqueeze(1)
        if stop is not None:
            is_stop = symbols == stop
            ending = torch.where(is_stop, log_p, -torch.inf)[:, :width]
            extended = _extended(tokens, source[:, :width], symbols[:, :width], step)
            finished = finished.merged(extended, steps, ending, divisor)
            log_p = torch.where(is_stop, -torch.inf, log_p)
        log_p, best = best_first(log_p, width)
        source, symbols = source.gather(1, best), symbols.gather(1, best)
        tokens = _extended(tokens, source, symbols, step)
        state = reorder(state, (rows * width + source).flatten())
        if stop is not None:
            is_over = finished.scores[:, -1:] >= log_p[:, :1] / divisor
            log_p = torch.where(is_over, -torch.inf, log_p)
            if bool(is_over.all()):
                break
    found = finished.merged(tokens, steps, log_p, divisor)
    return GeneratedSequences(
        tokens=found.tokens[:, :, :steps].permute(2, 0, 1),
        lengths=found.lengths,
        log_probabilities=found.log_p,
        scores=found.scores,
    )


def length_divisor(lengths: Tensor, length_penalty: float) -> Tensor:
    """((5 + n) / 6) ** length_penalty (Wu et al. 2016, equation 14), n the number of
    generated symbols, not below 0."""
    return ((5 + lengths.clamp_min(0)) / 6) ** length_penalty


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hypotheses:
    """W sequences of each row, best first: tokens (B, W, L), the rest (B, W)."""

    tokens: Tensor
    lengths: Tensor
    log_p: Tensor
    scores: Tensor

    def merged(
        self, tokens: Tensor, length: int, log_p: Tensor, divisor: Tensor
    ) -> Hypotheses:
        """The W best of these and of others of one length."""
        width = self.scores.shape[1]
        scores = torch.cat((self.scores, log_p / divisor), 1)
        scores, best = best_first(scores, width)
        lengths = torch.cat((self.lengths, torch.full_like(self.lengths, length)), 1)
        all_tokens = torch.cat((self.tokens, tokens), 1)
        return Hypotheses(
            tokens=_rows(all_tokens, best),
            lengths=lengths.gather(1, best),
            log_p=torch.cat((self.log_p, log_p), 1).gather(1, best),
            scores=scores,
        )


def _extensions(
    log_p: Tensor, step_log_p: Tensor, given: Tensor, is_given: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The 2 W best extensions of W hypotheses of each row, or as many as there are.

    Best first: log-probability, the hypothesis extended and the symbol added, (B, 2 W)
    each. So many hold W that do not stop. log_p (B, W), step_log_p (B * W, V); given
    and is_given (B, 1): where the prime has a symbol, it is certain.
    """
    batch, width = log_p.shape
    count = step_log_p.shape[1]
    own = torch.arange(count, device=log_p.device)
    certain = torch.where(own == given, 0.0, -torch.inf).unsqueeze(1)
    step_log_p = step_log_p.view(batch, width, count)
    step_log_p = torch.where(is_given.unsqueeze(2), certain, step_log_p)
    extended = (log_p.unsqueeze(2) + step_log_p).flatten(1)
    extended = torch.where(extended.isnan(), -torch.inf, extended)
    extended, best = best_first(extended, 2 * width)
    return extended, best // count, best % count


def _extended(tokens: Tensor, source: Tensor, symbols: Tensor, step: int) -> Tensor:
    """Sequences ``source`` (B, W) of tokens (B, W, L), with symbols (B, W) at step."""
    extended = _rows(tokens, source)
    extended[:, :, step] = symbols
    return extended


def _rows(tokens: Tensor, index: Tensor) -> Tensor:
    return tokens.gather(1, index.unsqueeze(2).expand(-1, -1, tokens.shape[2]))
