"""The losses of models, each from its definition, and what is predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import torch
from torch import Tensor

from rnndsl.analysis.model import Loss, LossKind, Reduction
from rnndsl.verify.definitions import apply_function
from rnndsl.verify.interpreter import Sizes, shape_of
from rnndsl.verify.models.adaptive import adaptive_log_probabilities
from rnndsl.verify.models.parameters import Parameters
from rnndsl.verify.models.sequence_losses import (
    best_alignment,
    best_tags,
    surprise_of_symbols,
    surprise_of_tags,
)

IGNORED = -100
"""The target that does not count where the spec names none."""

Rows = Sequence[Sequence[Tensor]]


def loss_value(
    loss: Loss, outputs: Rows, targets: Rows, sizes: Sizes, parameters: Parameters
) -> Tensor:
    """The mean, or the sum, over what counts: rows of CRF and CTC, steps of the
    cross-entropy, and else every number of every step.

    outputs: for each row, one vector a step; targets: for each row, one target a step,
    or its symbols.
    """
    terms: list[Tensor] = []
    for output, target in zip(outputs, targets, strict=True):
        match loss.kind:
            case LossKind.CRF:
                tags = [int(tag) for tag in target]
                terms.append(surprise_of_tags(output, tags, parameters))
            case LossKind.CTC:
                symbols = [int(symbol) for symbol in target]
                like = parameters.like
                terms.append(surprise_of_symbols(output, symbols, loss.blank, like))
            case _:
                for scores, wanted in zip(output, target, strict=True):
                    terms += _terms(loss, scores, wanted, sizes, parameters)
    total = torch.stack(terms).sum()
    match loss.reduction:
        case Reduction.MEAN:
            return total / len(terms)
        case Reduction.SUM:
            return total
        case _:
            assert_never(loss.reduction)


def _terms(
    loss: Loss, output: Tensor, target: Tensor, sizes: Sizes, parameters: Parameters
) -> list[Tensor]:
    """What one output (K), or one of each direction, contributes."""
    if output.dim() == 2:
        pairs = zip(output, target, strict=True)
        return [t for o, w in pairs for t in _terms(loss, o, w, sizes, parameters)]
    ignored = IGNORED if loss.ignore is None else loss.ignore
    match loss.kind:
        case LossKind.CROSS_ENTROPY:
            if int(target) == ignored:
                return []
            surprise = torch.log(torch.exp(output).sum()) - output
            own = (1 - loss.smoothing) * surprise[int(target)]
            return [own + loss.smoothing * surprise.sum() / len(output)]
        case LossKind.ADAPTIVE_SOFTMAX:
            every = _adaptive(loss, output, sizes, parameters)
            return [] if int(target) == ignored else [-every[int(target)]]
        case LossKind.BINARY:
            one = apply_function("log_sigmoid", (output,), ())
            zero = apply_function("log_sigmoid", (-output,), ())
            return list(-(target * one + (1 - target) * zero))
        case LossKind.SQUARED_ERROR:
            return list((output - target) ** 2)
        case LossKind.ABSOLUTE_ERROR:
            return list((output - target).abs())
        case LossKind.CRF | LossKind.CTC:
            raise AssertionError("a loss of whole rows")
        case _:
            assert_never(loss.kind)


def predicted(
    loss: Loss, outputs: Rows, sizes: Sizes, parameters: Parameters
) -> list[list[Tensor]]:
    """What is read from the output of each row: a prediction for each step, or, with
    CTC, the symbols."""
    rows: list[list[Tensor]] = []
    for output in outputs:
        match loss.kind:
            case LossKind.CROSS_ENTROPY:
                powers = [torch.exp(u) for u in output]
                rows.append([v / v.sum(-1, keepdim=True) for v in powers])
            case LossKind.ADAPTIVE_SOFTMAX:
                every = [_adaptive(loss, u, sizes, parameters) for u in output]
                rows.append([torch.exp(value) for value in every])
            case LossKind.BINARY:
                rows.append([apply_function("sigmoid", (u,), ()) for u in output])
            case LossKind.SQUARED_ERROR | LossKind.ABSOLUTE_ERROR:
                rows.append(list(output))
            case LossKind.CRF:
                rows.append([torch.tensor(t) for t in best_tags(output, parameters)])
            case LossKind.CTC:
                symbols = best_alignment(output, loss.blank)
                rows.append([torch.tensor(symbol) for symbol in symbols])
            case _:
                assert_never(loss.kind)
    return rows


def _adaptive(
    loss: Loss, output: Tensor, sizes: Sizes, parameters: Parameters
) -> Tensor:
    if output.dim() == 2:
        every = [_adaptive(loss, part, sizes, parameters) for part in output]
        return torch.stack(every)
    assert loss.classes is not None, "it has classes"
    (classes,) = shape_of((loss.classes,), sizes)
    return adaptive_log_probabilities(output, classes, loss.cutoffs, parameters)
