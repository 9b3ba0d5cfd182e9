"""Losses of whole rows: a conditional random field over tags, and CTC.

Both are sums over paths, written as plain recursions over the steps of one row.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rnndsl.verify.models.parameters import Parameters


def surprise_of_tags(
    scores: Sequence[Tensor], tags: Sequence[int], parameters: Parameters
) -> Tensor:
    """-log p(tags | scores) of a linear chain (Lafferty et al., 2001); scores: one
    vector (K) a step. Zero for a row of no steps."""
    if not scores:
        return parameters.like.new_zeros(())
    transitions, start, end = _chain(parameters, len(scores[0]))
    path = start[tags[0]] + scores[0][tags[0]]
    for t in range(1, len(scores)):
        path = path + transitions[tags[t - 1], tags[t]] + scores[t][tags[t]]
    path = path + end[tags[-1]]
    reached = list(start + scores[0])
    for score in scores[1:]:
        reached = [
            _log_sum([u + transitions[i, j] for i, u in enumerate(reached)]) + score[j]
            for j in range(len(score))
        ]
    return _log_sum([u + end[j] for j, u in enumerate(reached)]) - path


def best_tags(scores: Sequence[Tensor], parameters: Parameters) -> list[int]:
    """The most probable tags of a row (Viterbi, 1967)."""
    if not scores:
        return []
    transitions, start, end = _chain(parameters, len(scores[0]))
    best = [(float(start[j] + scores[0][j]), [j]) for j in range(len(scores[0]))]
    for score in scores[1:]:
        best = [
            max(
                (value + float(transitions[path[-1], j] + score[j]), [*path, j])
                for value, path in best
            )
            for j in range(len(score))
        ]
    return max((value + float(end[path[-1]]), path) for value, path in best)[1]


def _chain(parameters: Parameters, tags: int) -> tuple[Tensor, Tensor, Tensor]:
    return (
        parameters.tensor("crf.transitions", tags, tags),
        parameters.tensor("crf.start", tags),
        parameters.tensor("crf.end", tags),
    )


def surprise_of_symbols(
    scores: Sequence[Tensor], symbols: Sequence[int], blank: int, like: Tensor
) -> Tensor:
    """-log p(symbols | scores) summed over all alignments (Graves et al., 2006,
    equations 5 to 8); scores: one vector (K) a step, before the softmax.

    An alignment goes through the symbols with a blank before, between and behind them;
    blanks may be left out except between equal symbols.
    """
    if not scores:
        return like.new_zeros(())
    places = [blank]
    for symbol in symbols:
        places += [symbol, blank]
    logs = [score - torch.log(torch.exp(score).sum()) for score in scores]
    reached: dict[int, Tensor] = {s: logs[0][p] for s, p in enumerate(places[:2])}
    for log in logs[1:]:
        arrived: dict[int, Tensor] = {}
        for s, place in enumerate(places):
            before = [s, s - 1]
            if place != blank and s >= 2 and places[s - 2] != place:
                before.append(s - 2)
            ways = [reached[r] for r in before if r in reached]
            if ways:
                arrived[s] = _log_sum(ways) + log[place]
        reached = arrived
    ends = [reached[s] for s in range(len(places))[-2:] if s in reached]
    assert ends, "there is an alignment"
    return -_log_sum(ends)


def best_alignment(scores: Sequence[Tensor], blank: int) -> list[int]:
    """What the most probable alignment reads as: repeated symbols merged, blanks
    dropped."""
    best = [int(score.argmax()) for score in scores]
    merged = [p for t, p in enumerate(best) if t == 0 or p != best[t - 1]]
    return [symbol for symbol in merged if symbol != blank]


def _log_sum(values: Sequence[Tensor]) -> Tensor:
    """log of the sum of exponentials."""
    return torch.stack(list(values)).logsumexp(0)
