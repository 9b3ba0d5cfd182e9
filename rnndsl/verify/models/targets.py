"""Random targets of a loss, and padding that is no number."""

from __future__ import annotations

from typing import assert_never

import torch
from torch import Tensor

from rnndsl.analysis.model import Loss, LossKind, Model
from rnndsl.verify.draw import normal
from rnndsl.verify.interpreter import Sizes, shape_of
from rnndsl.verify.models.case import ModelCase, Rows
from rnndsl.verify.models.losses import IGNORED
from rnndsl.verify.models.objective import symbols_of

_NO_TOKEN = -7


def draw_target(
    loss: Loss, shape: tuple[int, ...], sizes: Sizes, generator: torch.Generator
) -> Tensor:
    """What an output of this shape is compared with: numbers (T, B, K) or classes
    (T, B), the same without T, or symbols (S, B). Some classes are the ignored one."""
    ignored = IGNORED if loss.ignore is None else loss.ignore
    match loss.kind:
        case LossKind.CROSS_ENTROPY:
            target = torch.randint(shape[-1], shape[:-1], generator=generator)
            target[..., 0] = ignored
            return target
        case LossKind.ADAPTIVE_SOFTMAX:
            assert loss.classes is not None, "it has classes"
            bounds = torch.tensor([0, *loss.cutoffs, *shape_of((loss.classes,), sizes)])
            # Every cluster is as likely, whatever its size.
            cluster = torch.randint(len(bounds) - 1, shape[:-1], generator=generator)
            low, high = bounds[cluster], bounds[cluster + 1]
            share = torch.rand(shape[:-1], generator=generator)
            target = low + (share * (high - low)).long()
            target[..., 0] = ignored
            return target
        case LossKind.BINARY:
            return torch.randint(2, shape, generator=generator).to(torch.float64)
        case LossKind.SQUARED_ERROR | LossKind.ABSOLUTE_ERROR:
            return normal(shape, generator)
        case LossKind.CRF:
            return torch.randint(shape[-1], shape[:-1], generator=generator)
        case LossKind.CTC:
            places = (symbols_of(shape[0]), shape[1])
            symbols = torch.randint(shape[-1] - 1, places, generator=generator)
            return symbols + (symbols >= loss.blank).long()
        case _:
            assert_never(loss.kind)


def spoilt_target(model: Model, loss: Loss, target: Tensor, case: ModelCase) -> Tensor:
    """The same with what is no number, or no class, where no step counts."""
    rows = case.rows or ()
    if loss.kind is LossKind.CTC:
        rows = tuple(tuple(range(symbols_of(len(row)))) for row in rows)
    if not model.exchange.has_steps:
        return target
    return spoilt(target, rows)


def spoilt(value: Tensor, rows: Rows) -> Tensor:
    """(T, B, ...) with NaN, or what is no token, except at these steps of each row."""
    fill = torch.nan if value.is_floating_point() else _NO_TOKEN
    result = torch.full_like(value, fill)
    for row, steps in enumerate(rows):
        for t in steps:
            result[t, row] = value[t, row]
    return result
