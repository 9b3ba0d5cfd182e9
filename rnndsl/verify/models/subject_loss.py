"""The loss of a generated model, and what it predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from rnndsl.analysis.model import LossKind
from rnndsl.verify.case import BATCH, STEPS
from rnndsl.verify.draw import Draw
from rnndsl.verify.models.objective import symbols_of
from rnndsl.verify.models.setting import ModelSetting
from rnndsl.verify.models.values import ModelValues


def with_loss(
    model: Any,
    setting: ModelSetting,
    draw: Draw,
    values: ModelValues,
    options: Mapping[str, Any],
) -> ModelValues:
    """The values with what ``loss`` and ``predict`` make of an output, which is laid
    out as the model returns it; ``options`` say which steps count."""
    loss, case = setting.model.loss, setting.case
    if loss is None:
        return values
    assert draw.target is not None, "a loss has a target"
    has_steps = setting.model.exchange.has_steps
    has_rows = case.batch_first and has_steps
    target = by_rows(draw.target, has_rows)
    match loss.kind:
        case LossKind.CRF:
            found = model.predict(values.output, **options)
            others = {"prediction": by_rows(found, has_rows)}
            value = model.loss(values.output, target, **options)
        case LossKind.CTC:
            found, counts = model.predict(values.output, **options)
            others = {
                "prediction": by_rows(found, has_rows),
                "number of symbols": counts,
            }
            ends = (STEPS,) * BATCH if case.rows is None else map(len, case.rows)
            target_lengths = torch.tensor([symbols_of(length) for length in ends])
            value = model.loss(
                values.output, target, **options, target_lengths=target_lengths
            )
        case _:
            found = model.predict(values.output)
            others = {"prediction": by_rows(found, has_rows)}
            value = model.loss(values.output, target, **options)
    return replace(values, loss=value, others=others)


def by_rows(value: Tensor, has_rows: bool) -> Tensor:
    """(T, B, ...) as (B, T, ...) and back, if ``has_rows``."""
    return value.transpose(0, 1) if has_rows else value
