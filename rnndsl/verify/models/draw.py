"""The random numbers of a model's case."""

from __future__ import annotations

from typing import assert_never

import torch
from torch import Tensor

from rnndsl.analysis.model import Exchange, Model, ModelInput, TokenInput, VectorInput
from rnndsl.verify.case import BATCH, STEPS
from rnndsl.verify.draw import Draw, normal
from rnndsl.verify.interpreter import Sizes, shape_of
from rnndsl.verify.models.case import ModelCase
from rnndsl.verify.models.interpreter import run_model
from rnndsl.verify.models.objective import Objective
from rnndsl.verify.models.parameters import Parameters
from rnndsl.verify.models.targets import draw_target, spoilt, spoilt_target

_WARM_UP_STEPS = 3
_MARKED = 0.4


def draw_model_case(
    model: Model,
    sizes: Sizes,
    case: ModelCase,
    generator: torch.Generator,
    *,
    positive: bool = False,
    scale: float = 1.0,
) -> Draw:
    """Draws all numbers of a case.

    Which parameters there are, and how large, is found out by interpreting the model
    on other inputs. That gives the first states, too: ones it reaches by itself from
    those declared. ``positive`` makes the real inputs so, and so large that their
    logarithms are, too. ``scale`` is that of matrices.
    """
    parameters = Parameters({}, generator=generator, scale=scale)
    warm_up = _draw_inputs(model, sizes, _WARM_UP_STEPS, generator, positive)
    values = run_model(
        model, sizes, parameters, warm_up, None, None, repeat=_WARM_UP_STEPS
    )
    output = values.output
    states = {name: value.detach() for name, value in values.last.items()}
    # As the output of the other inputs is, but for the number of steps.
    features = output.shape[len(_leading(model, 1, pooled=True)) :]
    shape = (*_leading(model, STEPS, pooled=True), *features)
    inputs = _draw_inputs(model, sizes, STEPS, generator, positive)
    target = None
    if model.loss is not None:
        objective = Objective(model, model.loss, sizes, parameters, None)
        other = draw_target(model.loss, tuple(output.shape), sizes, generator)
        objective.loss(output, other)
        target = draw_target(model.loss, shape, sizes, generator)
    if case.spoilt:
        rows = case.rows or ()
        has_padding = model.exchange is not Exchange.REPEAT
        for item in model.inputs if has_padding else ():
            inputs[item.name] = spoilt(inputs[item.name], rows)
        for item in () if model.encoder is None else model.encoder.inputs:
            inputs[item.name] = spoilt(inputs[item.name], case.source_rows or ())
        if target is not None and model.loss is not None:
            target = spoilt_target(model, model.loss, target, case)
    return Draw(
        inputs=inputs,
        states=states if case.given_state else None,
        parameters=parameters.values,
        patterns=parameters.patterns,
        output_weights=normal(shape, generator),
        state_weights={n: normal(v.shape, generator) for n, v in states.items()},
        target=target,
        marks=_draw_marks(model, generator),
        untrained=tuple(parameters.untrained),
    )


def _draw_inputs(
    model: Model,
    sizes: Sizes,
    steps: int,
    generator: torch.Generator,
    positive: bool,
) -> dict[str, Tensor]:
    """Contexts (B, ...), inputs of an encoder (S, B, ...), inputs (T, B, ...)."""

    def drawn(item: ModelInput, leading: tuple[int, ...]) -> Tensor:
        match item:
            case TokenInput(vocabulary=vocabulary):
                (high,) = shape_of((vocabulary,), sizes)
                return torch.randint(high, leading, generator=generator)
            case VectorInput(shape=shape):
                value = normal((*leading, *shape_of(shape, sizes)), generator)
                return 1 + value.abs() if positive else value
            case _:
                assert_never(item)

    leading = _leading(model, steps)
    sources = () if model.encoder is None else model.encoder.inputs
    found = {item.name: drawn(item, (BATCH,)) for item in model.contexts}
    # Another number of steps than the decoder has.
    found |= {item.name: drawn(item, (steps - 1, BATCH)) for item in sources}
    return found | {item.name: drawn(item, leading) for item in model.inputs}


def _draw_marks(model: Model, generator: torch.Generator) -> Tensor | None:
    """Where a model that takes marks starts anew, in one row at the first step, too."""
    if model.reset is None:
        return None
    marks = torch.rand(STEPS, BATCH, generator=generator) < _MARKED
    marks[0] = torch.arange(BATCH) == 0
    return marks


def _leading(model: Model, steps: int, *, pooled: bool = False) -> tuple[int, ...]:
    """The axes before the features of an input, or of the output (``pooled``)."""
    match model.exchange:
        case Exchange.ONE_TO_ONE:
            return (BATCH,)
        case Exchange.MANY_TO_ONE:
            return (BATCH,) if pooled else (steps, BATCH)
        case Exchange.REPEAT:
            return (steps, BATCH) if pooled else (BATCH,)
        case Exchange.MANY_TO_MANY | Exchange.ONE_TO_MANY:
            return (steps, BATCH)
        case _:
            assert_never(model.exchange)
