"""A linear-chain conditional random field over the tags of a sequence.

Lafferty, McCallum and Pereira 2001. With scores s_t (K) of a network, the path y has

    score(y) = start[y_1] + sum over t of s_t[y_t]
               + sum over t of transitions[y_t, y_t+1] + end[y_T]

and the likelihood exp(score(y)) / Z, where Z sums exp(score) over all K^T paths.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnndsl.runtime.losses.means import Reduction
from rnndsl.runtime.sequences.ragged import (
    check_lengths,
    is_traced,
    last_step,
    valid_steps,
    zero_padding,
)


class LinearChainCRF(nn.Module):
    """Scores of neighbouring tags, learned on top of a network's scores of single ones.

    Its parameters ``transitions`` (K, K), from the row's tag to the column's, ``start``
    (K) and ``end`` (K) begin at zero, where the tags are independent of each other.
    They may hold -inf for what is forbidden, as long as some path is left.
    """

    num_tags: int

    def __init__(
        self,
        num_tags: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if num_tags < 1:
            raise ValueError(f"num_tags: expected at least 1, got {num_tags}")
        self.num_tags = num_tags
        self.transitions = nn.Parameter(
            torch.empty(num_tags, num_tags, device=device, dtype=dtype)
        )
        self.start = nn.Parameter(torch.empty(num_tags, device=device, dtype=dtype))
        self.end = nn.Parameter(torch.empty(num_tags, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def log_likelihood(
        self, scores: Tensor, tags: Tensor, lengths: Tensor | None = None
    ) -> Tensor:
        """log p(tags | scores) of each row, (B,); zero for a row of no steps.

        scores: (T, B, K). tags: (T, B), integers below K, anything in the padding.
        lengths: (B,), in any order, or None. In half precision it is computed, and
        returned, in float32. Raises ValueError for other shapes, dtypes and tags, and
        what ``check_lengths`` raises.
        """
        scores, mask, lengths = self._checked(scores, lengths)
        steps, batch, _ = scores.shape
        if tags.shape != (steps, batch) or tags.dtype.is_floating_point:
            raise ValueError(
                f"tags: expected size {(steps, batch)} of integers, got "
                f"{tuple(tags.shape)} of {tags.dtype}"
            )
        tags = torch.where(mask, tags, 0).long()
        self._check_tags(tags)
        transitions, start, end = self._parameters_in(scores.dtype)
        single = scores.gather(2, tags.unsqueeze(2)).squeeze(2)
        pairs = transitions[tags[:-1], tags[1:]]
        path = torch.where(mask, single, 0).sum(0)
        path = path + torch.where(mask[1:], pairs, 0).sum(0)
        path = path + start[tags[0]] + end[last_step(tags, lengths)]
        reached = start + scores[0]
        for step in range(1, steps):
            arrived = (reached.unsqueeze(2) + transitions).logsumexp(1) + scores[step]
            reached = torch.where(mask[step].unsqueeze(1), arrived, reached)
        return torch.where(mask[0], path - (reached + end).logsumexp(1), 0)

    def forward(
        self, scores: Tensor, tags: Tensor, lengths: Tensor | None = None
    ) -> Tensor:
        """The same as ``log_likelihood``."""
        return self.log_likelihood(scores, tags, lengths)

    def decode(
        self, scores: Tensor, lengths: Tensor | None = None, *, padding: int = 0
    ) -> tuple[Tensor, Tensor]:
        """The best path of each row and its score (Viterbi 1967).

        scores and lengths as in ``log_likelihood``. Returns tags (T, B), ``padding``
        behind a row's end, and score(tags), (B,). Of equal paths, the one that has the
        lower tag where they differ last.
        """
        scores, mask, _ = self._checked(scores, lengths)
        transitions, start, end = self._parameters_in(scores.dtype)
        own = torch.arange(self.num_tags, device=scores.device)
        best = start + scores[0]
        previous: list[Tensor] = []
        for step in range(1, scores.shape[0]):
            is_step = mask[step].unsqueeze(1)
            arrived, source = (best.unsqueeze(2) + transitions).max(1)
            best = torch.where(is_step, arrived + scores[step], best)
            previous.append(torch.where(is_step, source, own))
        score, tag = (best + end).max(1)
        path = [tag]
        for source in reversed(previous):
            tag = source.gather(1, tag.unsqueeze(1)).squeeze(1)
            path.append(tag)
        tags = torch.stack(path[::-1])
        return torch.where(mask, tags, padding), torch.where(mask[0], score, 0)

    def extra_repr(self) -> str:
        return f"{self.num_tags}"

    def _checked(
        self, scores: Tensor, lengths: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """The scores with zeros in the padding, the mask (T, B), and the lengths."""
        tags = self.num_tags
        if scores.dim() != 3 or scores.shape[0] < 1 or scores.shape[2] != tags:
            raise ValueError(
                f"scores: expected size (T, B, {tags}) of at least one step, got "
                f"{tuple(scores.shape)}"
            )
        if not scores.is_floating_point():
            raise ValueError(
                f"scores: expected a floating-point dtype, got {scores.dtype}"
            )
        if scores.dtype in (torch.float16, torch.bfloat16):
            scores = scores.float()
        if lengths is not None:
            lengths = check_lengths(lengths, scores.shape[0], scores)
        if lengths is None:
            mask = scores.new_ones(scores.shape[:2], dtype=torch.bool)
            return scores, mask, None
        mask = valid_steps(lengths, scores.shape[0])
        return zero_padding(scores, lengths), mask, lengths

    def _check_tags(self, tags: Tensor) -> None:
        if tags.device.type != "cpu" or not tags.numel() or is_traced():
            return
        lowest, highest = (int(bound) for bound in tags.aminmax())
        if lowest < 0 or highest >= self.num_tags:
            raise ValueError(
                f"tags: expected 0 to {self.num_tags - 1}, got {lowest} to {highest}"
            )

    def _parameters_in(self, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        return self.transitions.to(dtype), self.start.to(dtype), self.end.to(dtype)


def crf_loss(
    crf: LinearChainCRF,
    output: Tensor,
    target: Tensor,
    lengths: Tensor | None,
    *,
    reduction: Reduction = "mean",
) -> Tensor:
    """-log p(target | output), the mean over rows, or their sum.

    A row counts once, however many steps it has. Shapes and errors are those of
    ``LinearChainCRF.log_likelihood``, its scores being the output.
    """
    each = crf.log_likelihood(output, target, lengths)
    return -each.sum() if reduction == "sum" else -each.mean()
