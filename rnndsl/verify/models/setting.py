"""A model's case with its numbers, and what the interpreter makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import torch

from rnndsl.analysis.model import Masking, Model
from rnndsl.verify.draw import Draw
from rnndsl.verify.models.case import Form, ModelCase
from rnndsl.verify.models.draw import draw_model_case
from rnndsl.verify.models.interpreter import run_model
from rnndsl.verify.models.objective import Objective
from rnndsl.verify.models.parameters import Parameters
from rnndsl.verify.models.values import ModelValues
from rnndsl.verify.oracle import Outcome, differentiable
from rnndsl.verify.setting import conditioned

_SHRINK = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSetting:
    """``expected`` is the interpreter's outcome in float64, ``allowed`` the tolerance
    of each dtype."""

    model: Model
    sizes: dict[str, int]
    case: ModelCase
    draw: Draw
    expected: Outcome
    allowed: dict[torch.dtype, float]

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def case_name(self) -> str:
        return self.case.name


def prepare_model(
    model: Model, sizes: dict[str, int], case: ModelCase, generator: torch.Generator
) -> ModelSetting | None:
    """Draws numbers on which the model is finite and well conditioned, if it can be:
    every other time with positive inputs, and with ever smaller matrices, since a stack
    of layers may grow what it is given."""

    def draw(attempt: int) -> Draw:
        return draw_model_case(
            model,
            sizes,
            case,
            generator,
            positive=attempt % 2 == 1,
            scale=_SHRINK ** (attempt // 2),
        )

    found = conditioned(draw, partial(interpret_model, model, sizes, case))
    if found is None:
        return None
    drawn, expected, allowed = found
    return ModelSetting(
        model=model,
        sizes=sizes,
        case=case,
        draw=drawn,
        expected=expected,
        allowed=allowed,
    )


def interpret_model(
    model: Model, sizes: dict[str, int], case: ModelCase, draw: Draw, dtype: torch.dtype
) -> Outcome:
    """The case by the interpreter and autograd."""
    live = differentiable(draw, dtype)
    return values_of(model, sizes, case, live, dtype).outcome(live)


def values_of(
    model: Model,
    sizes: dict[str, int],
    case: ModelCase,
    draw: Draw,
    dtype: torch.dtype = torch.float64,
) -> ModelValues:
    """What the interpreter computes from a draw of this dtype."""
    parameters = Parameters(draw.parameters, dtype, patterns=draw.patterns)
    values = run_model(
        model,
        sizes,
        parameters,
        draw.inputs,
        case.rows,
        draw.states,
        training=case.training,
        truncation=case.truncation,
        marks=draw.marks,
        source_counted=case.source_rows,
        hold=model.masking is Masking.HOLD and case.form is not Form.PACKED,
    )
    if model.loss is None:
        return values
    assert draw.target is not None, "a loss has a target"
    objective = Objective(model, model.loss, sizes, parameters, case.rows)
    return replace(
        values,
        loss=objective.loss(values.output, draw.target),
        others=objective.prediction(values.output),
    )
