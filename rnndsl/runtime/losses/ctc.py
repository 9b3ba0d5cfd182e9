"""Connectionist temporal classification: targets shorter than the input, not aligned.

Graves, Fernandez, Gomez and Schmidhuber 2006. An alignment names one symbol, or the
blank, for every step; repeated symbols are merged, then blanks dropped. The likelihood
of a target is the sum over all alignments that come out as it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from rnndsl.runtime.losses.means import Reduction
from rnndsl.runtime.sequences.ragged import check_lengths, valid_steps, zero_padding


def ctc_negative_log_likelihood(
    scores: Tensor,
    targets: Tensor,
    lengths: Tensor | None = None,
    target_lengths: Tensor | None = None,
    *,
    blank: int = 0,
    zero_infinity: bool = False,
) -> Tensor:
    """-log p(target | scores) of each row, (B,); equations 7 to 8 of Graves et al.

    scores: (T, B, K), before softmax, the blank among the K symbols. targets: (S, B),
    integers other than the blank, anything in the padding. lengths, target_lengths:
    (B,). A row whose target has no alignment, since it is too long, gives infinity, or
    zero and no gradient with ``zero_infinity``. In half precision it is computed, and
    returned, in float32. What stands in padding reaches nothing. Raises ValueError for
    other shapes and dtypes, and what ``check_lengths`` raises.
    """
    _check_ctc_scores(scores, blank)
    steps, batch, _ = scores.shape
    if targets.dim() != 2 or targets.shape[1] != batch or targets.is_floating_point():
        raise ValueError(
            f"targets: expected size (S, {batch}) of integers, got "
            f"{tuple(targets.shape)} of {targets.dtype}"
        )
    lengths = _lengths_or_all(lengths, steps, scores)
    target_lengths = _lengths_or_all(target_lengths, targets.shape[0], targets)
    if scores.dtype in (torch.float16, torch.bfloat16):
        scores = scores.float()
    scores = zero_padding(scores, lengths)
    if batch == 0:
        return scores.sum((0, 2))
    return functional.ctc_loss(
        scores.log_softmax(2),
        zero_padding(targets, target_lengths).t(),
        lengths,
        target_lengths,
        blank=blank,
        reduction="none",
        zero_infinity=zero_infinity,
    )


def ctc_loss(
    output: Tensor,
    target: Tensor,
    lengths: Tensor | None,
    target_lengths: Tensor | None,
    *,
    blank: int = 0,
    zero_infinity: bool = False,
    reduction: Reduction = "mean",
) -> Tensor:
    """-log p(target | output), the mean over rows, or their sum.

    A row counts once, whatever its target's length: ``torch.nn.CTCLoss`` divides by
    that first. A row whose target is too long is infinite, or, with ``zero_infinity``,
    zero and without gradient, and counts in the mean. Shapes and errors
    are those of ``ctc_negative_log_likelihood``.
    """
    each = ctc_negative_log_likelihood(
        output,
        target,
        lengths,
        target_lengths,
        blank=blank,
        zero_infinity=zero_infinity,
    )
    return each.sum() if reduction == "sum" else each.mean()


def ctc_best_path(
    scores: Tensor, lengths: Tensor | None = None, *, blank: int = 0
) -> tuple[Tensor, Tensor]:
    """What the most probable alignment of each row comes out as.

    scores: (T, B, K). Returns symbols (T, B), blanks behind a row's end, and the number
    of symbols of each row, (B,). Section 3.2 of Graves et al.: the best alignment need
    not belong to the best target. Raises as ``ctc_negative_log_likelihood``.
    """
    _check_ctc_scores(scores, blank)
    steps, batch, _ = scores.shape
    lengths = _lengths_or_all(lengths, steps, scores)
    best = scores.argmax(2)
    is_new = torch.ones_like(best, dtype=torch.bool)
    is_new[1:] = best[1:] != best[:-1]
    kept = is_new & (best != blank) & valid_steps(lengths, steps)
    # What is dropped goes to a row behind the last, which is cut off.
    place = torch.where(kept, kept.cumsum(0) - 1, steps)
    symbols = best.new_full((steps + 1, batch), blank).scatter(0, place, best)
    return symbols[:steps], kept.sum(0)


def _check_ctc_scores(scores: Tensor, blank: int) -> None:
    if scores.dim() != 3 or scores.shape[0] < 1 or not scores.is_floating_point():
        raise ValueError(
            "scores: expected size (T, B, K) of at least one step and a floating-point "
            f"dtype, got {tuple(scores.shape)} of {scores.dtype}"
        )
    if not 0 <= blank < scores.shape[2]:
        raise ValueError(f"blank: expected 0 to {scores.shape[2] - 1}, got {blank}")


def _lengths_or_all(lengths: Tensor | None, steps: int, like: Tensor) -> Tensor:
    if lengths is not None:
        lengths = check_lengths(lengths, steps, like)
    if lengths is not None:
        return lengths.long()
    return torch.full((like.shape[1],), steps, device=like.device)
