"""Compares a generated model with the interpreter and finite differences."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import torch

from rnndsl.analysis.model import Exchange, Model
from rnndsl.analysis.model_layers import Activation
from rnndsl.verify.case import STEPS
from rnndsl.verify.comparison import not_finite
from rnndsl.verify.differences import alters_gradient
from rnndsl.verify.models.case import (
    cases_of,
    cells_of,
    draw_model_sizes,
    runs_step_by_step,
)
from rnndsl.verify.models.checks import (
    interpreter_against_differences,
    model_against_differences,
    model_against_interpreter,
    pieces_against_interpreter,
    steps_against_interpreter,
)
from rnndsl.verify.models.generating import generated_against_interpreter
from rnndsl.verify.models.rows import rows_by_themselves, single_against_interpreter
from rnndsl.verify.models.setting import prepare_model
from rnndsl.verify.report import Result
from rnndsl.verify.subject import available_engines


def verify_model(model: Model, module: ModuleType, *, seed: int) -> Iterator[Result]:
    """Verifies one model by every engine: its class, and its ``step`` if it runs step
    by step."""
    generator = torch.Generator().manual_seed(seed)
    sizes = draw_model_sizes(model, generator)
    cases = cases_of(model)
    is_differentiable = not any(map(alters_gradient, cells_of(model))) and not any(
        isinstance(part, Activation) and part.function == "clip_gradient"
        for part in (*model.layers, *model.head)
    )
    for case in cases:
        setting = prepare_model(model, sizes, case, generator)
        if setting is None:
            yield not_finite(model.name, case.name)
            continue
        is_first = case is cases[0]
        # Values know of no cut.
        is_cut = case.truncation is not None and case.truncation < STEPS
        if is_first and is_differentiable and not is_cut:
            yield from interpreter_against_differences(setting, generator)
        engines = available_engines(
            module, cells_of(model), setting.draw.parameters, is_ragged=True
        )
        for engine in engines:
            yield from model_against_interpreter(module, setting, engine)
            if not is_first:
                continue
            if runs_step_by_step(model) and not is_cut:
                yield from steps_against_interpreter(module, setting, engine)
            if is_differentiable and not is_cut:
                yield from model_against_differences(module, setting, engine, generator)
            yield from rows_by_themselves(module, setting, engine)
            yield from single_against_interpreter(module, setting, engine)
            yield from generated_against_interpreter(module, setting, engine)
            if model.stateful is not None and model.exchange is not Exchange.REPEAT:
                yield from pieces_against_interpreter(module, setting, engine)
