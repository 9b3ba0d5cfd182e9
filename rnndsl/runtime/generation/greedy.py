"""Sequences from a model that reads one symbol and scores the next, a batch at a time.

A model is a function ``advance(symbols (N,), state) -> (scores (N, V), state)``; its
scores need not be normalised. Generation starts from a start symbol, from given first
symbols (the prime), or from both, and ends row by row with a stop symbol.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from rnndsl.runtime.sequences.ragged import check_lengths

# Symbols (N,) and the state before them, to scores (N, V) and the state behind them.
AdvanceFunction: TypeAlias = Callable[[Tensor, Any], tuple[Tensor, Any]]
# A state, and for each new row the old one it continues, to the new state.
ReorderFunction: TypeAlias = Callable[[Any, Tensor], Any]
# Log-probabilities (B, V) to the chosen symbols (B,).
ChooseFunction: TypeAlias = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prompt:
    """What is known before generation, and where it ends.

    start: the symbol (B,) that the model reads first and that is no part of the
    result; None if the model reads the prime's first symbol first. prime: (P, B), the
    first symbols of the result, of which row b has ``prime_lengths[b]``, all P if that
    is None. stop: the symbol that ends a row, in the prime as well, or None.
    max_length: the most symbols of a row, the prime's and the stop symbol among them.

    Raises ValueError for what does not fit together.
    """

    start: Tensor | None = None
    prime: Tensor | None = None
    prime_lengths: Tensor | None = None
    stop: int | None = None
    max_length: int

    def __post_init__(self) -> None:
        start, prime, given = self.start, self.prime, self.prime_lengths
        if self.max_length < 1:
            raise ValueError(f"max_length: expected at least 1, got {self.max_length}")
        if start is None and (prime is None or not prime.shape[0]):
            raise ValueError(
                "start: expected a start symbol, or a prime of at least one symbol, "
                "got neither"
            )
        if start is not None and (start.dim() != 1 or _is_fractional(start)):
            raise ValueError(
                "start: expected size (B,) of integers, got "
                f"{tuple(start.shape)} of {start.dtype}"
            )
        if prime is None:
            if given is not None:
                raise ValueError("prime_lengths: expected a prime with them, got none")
            return
        if prime.dim() != 2 or _is_fractional(prime):
            raise ValueError(
                "prime: expected size (P, B) of integers, got "
                f"{tuple(prime.shape)} of {prime.dtype}"
            )
        if start is not None and start.shape[0] != prime.shape[1]:
            raise ValueError(
                f"prime: expected {start.shape[0]} rows, as start has, got "
                f"{prime.shape[1]}"
            )
        if prime.shape[0] > self.max_length:
            raise ValueError(
                f"prime: expected at most max_length = {self.max_length} symbols, got "
                f"{prime.shape[0]}"
            )
        if given is not None:
            check_lengths(given, prime.shape[0], prime)
            if start is None and bool((given < 1).any()):
                raise ValueError(
                    "prime_lengths: expected at least 1 without a start symbol, got 0"
                )

    @property
    def batch(self) -> int:
        """B, the number of rows."""
        return self._anchor.shape[-1]

    @property
    def device(self) -> torch.device:
        """Where the symbols lie."""
        return self._anchor.device

    @property
    def first(self) -> Tensor:
        """What the model reads first, (B,)."""
        if self.start is not None:
            return self.start.long()
        return self.given(0)[0]

    @property
    def given_lengths(self) -> Tensor:
        """The number of symbols given in each row, (B,)."""
        if self.prime_lengths is not None:
            return self.prime_lengths.to(self.device)
        steps = 0 if self.prime is None else self.prime.shape[0]
        return torch.full((self.batch,), steps, device=self.device)

    def given(self, step: int) -> tuple[Tensor, Tensor]:
        """The prime's symbols at a step, (B,), and in which rows it has one, (B,).

        In other rows, anything.
        """
        is_given = step < self.given_lengths
        if self.prime is None or step >= self.prime.shape[0]:
            return torch.zeros_like(is_given, dtype=torch.long), is_given
        return self.prime[step].long(), is_given

    @property
    def _anchor(self) -> Tensor:
        anchor = self.prime if self.start is None else self.start
        if anchor is None:
            raise ValueError("start: expected a start symbol or a prime, got neither")
        return anchor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeneratedSequences:
    """Sequences, the prime first. From a beam all have an axis W more, best first.

    tokens: (L, B), the stop symbol behind a row's end, and 0 where there is none.
    lengths: (B,), the stop symbol counted. log_probabilities: (B,), of what was
    generated, given what stands before it, under the model's own distribution; the
    prime counts for nothing. scores: (B,), what beams are ranked by, elsewhere the
    log-probabilities.
    """

    tokens: Tensor
    lengths: Tensor
    log_probabilities: Tensor
    scores: Tensor


def greedy_search(
    advance: AdvanceFunction, state: Any, prompt: Prompt
) -> GeneratedSequences:
    """The most probable symbol at every step; of equal ones, the lowest.

    state: what ``advance`` takes first, of B rows. Raises ValueError for scores of
    another size, or a stop symbol beyond them.
    """
    return generate_forward(advance, state, prompt, _most_probable)


def generate_forward(
    advance: AdvanceFunction, state: Any, prompt: Prompt, choose: ChooseFunction
) -> GeneratedSequences:
    """Sequences whose symbols are chosen one by one, until all rows have ended."""
    symbols, stop = prompt.first, prompt.stop
    ended = torch.zeros_like(symbols, dtype=torch.bool)
    lengths = torch.zeros_like(symbols)
    total: Tensor | None = None
    tokens: list[Tensor] = []
    for step in range(prompt.max_length):
        given, is_given = prompt.given(step)
        if step == 0 and prompt.start is None:
            symbols = given
        else:
            log_p, state = advance_checked(advance, symbols, state, stop)
            symbols = torch.where(is_given, given, choose(log_p))
            gain = log_p.gather(1, symbols.unsqueeze(1)).squeeze(1)
            gain = torch.where(is_given | ended, 0, gain)
            total = gain if total is None else total + gain
        lengths = lengths + ~ended
        if stop is not None:
            symbols = torch.where(ended, stop, symbols)
            ended = ended | (symbols == stop)
        tokens.append(symbols)
        if stop is not None and bool(ended.all()):
            break
    if total is None:
        total = torch.zeros(lengths.shape, device=lengths.device)
    return GeneratedSequences(
        tokens=torch.stack(tokens),
        lengths=lengths,
        log_probabilities=total,
        scores=total,
    )


def advance_checked(
    advance: AdvanceFunction, symbols: Tensor, state: Any, stop: int | None
) -> tuple[Tensor, Any]:
    """One step: log-probabilities (N, V), in float32 at least, and the new state."""
    scores, state = advance(symbols, state)
    if scores.dim() != 2 or scores.shape[0] != symbols.shape[0]:
        raise ValueError(
            f"advance: expected scores of size ({symbols.shape[0]}, V), got "
            f"{tuple(scores.shape)}"
        )
    if stop is not None and not 0 <= stop < scores.shape[1]:
        raise ValueError(f"stop: expected 0 to {scores.shape[1] - 1}, got {stop}")
    if scores.dtype in (torch.float16, torch.bfloat16):
        scores = scores.float()
    return scores.log_softmax(1), state


def best_first(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The ``count`` greatest of each row of values (N, M), greatest first, and where
    they stand, (N, count) both. Of equal ones the first, which ``topk`` leaves open."""
    rows, columns = values.shape
    if count >= columns:
        ranked = values.sort(dim=1, descending=True, stable=True)
        return ranked.values, ranked.indices
    top = values.topk(count, 1)
    lowest = top.values[:, -1:]
    above = (top.values > lowest).sum(1, keepdim=True)
    # Of those equal to the lowest, the first: they have the most behind them.
    behind = torch.arange(columns, 0, -1, device=values.device, dtype=torch.int32)
    equal = columns - torch.where(values == lowest, behind, 0).topk(count, 1).values
    place = torch.arange(count, device=values.device).expand(rows, count)
    equal = equal.long().gather(1, (place - above).clamp_min(0))
    where = torch.where(place < above, top.indices, equal.clamp_max(columns - 1))
    where = where.sort(1).values
    ranked = values.gather(1, where).sort(dim=1, descending=True, stable=True)
    return ranked.values, where.gather(1, ranked.indices)


def reorder_batch(state: Any, index: Tensor, axis: int = 1) -> Any:
    """Rows ``index`` (N,) of a tensor, or of all tensors in nested tuples or lists.

    Their batch stands at ``axis``. None stays None. Raises TypeError for anything else.
    """
    return _mapped(state, lambda part: part.index_select(axis, index))


def repeat_batch(state: Any, times: int, axis: int = 1) -> Any:
    """Each row of a state ``times`` over, the same rows next to each other: what stays
    the same in all steps of a beam, such as what is attended to."""
    return _mapped(state, lambda part: part.repeat_interleave(times, axis))


def _mapped(state: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if state is None:
        return None
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, (tuple, list)):
        return tuple(_mapped(part, change) for part in state)
    raise TypeError(f"state: expected tensors in tuples, got {type(state).__name__}")


def _most_probable(log_p: Tensor) -> Tensor:
    return log_p.argmax(1)


def _is_fractional(symbols: Tensor) -> bool:
    return symbols.is_floating_point() or symbols.dtype == torch.bool
