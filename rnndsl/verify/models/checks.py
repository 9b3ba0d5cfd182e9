"""The checks of one setting of a model, each against one reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from rnndsl.analysis.model import Embedding
from rnndsl.verify.compare import TOLERANCES
from rnndsl.verify.comparison import DIFFERENCES, INTERPRETER, Comparison
from rnndsl.verify.differences import difference_error
from rnndsl.verify.draw import Draw
from rnndsl.verify.models.layers import EMBEDDING
from rnndsl.verify.models.setting import ModelSetting, values_of
from rnndsl.verify.models.subject import (
    build_model,
    call_model,
    pieces_of,
    run_model,
    run_pieces,
    run_steps,
)
from rnndsl.verify.oracle import Outcome
from rnndsl.verify.report import Result
from rnndsl.verify.subject import BrokenModuleError, attempt, fill

_DOUBLE = torch.float64
_Run = Callable[[Any, ModelSetting, torch.dtype], Outcome]


def model_against_interpreter(
    module: ModuleType, setting: ModelSetting, engine: str
) -> Iterator[Result]:
    """``forward`` and ``loss`` in every dtype."""
    yield from _against_interpreter(module, setting, engine, "model", run_model)


def steps_against_interpreter(
    module: ModuleType, setting: ModelSetting, engine: str
) -> Iterator[Result]:
    """``step``, called once for each step, in every dtype."""
    yield from _against_interpreter(module, setting, engine, "step", run_steps)


def pieces_against_interpreter(
    module: ModuleType, setting: ModelSetting, engine: str
) -> Iterator[Result]:
    """A model that keeps its state, called once for each of two pieces."""
    setting = replace(
        setting,
        case=replace(setting.case, name="in pieces"),
        draw=replace(setting.draw, states=None),
    )
    wanted = _interpreted_pieces(setting)
    check = Comparison(setting, "model", INTERPRETER, engine, _DOUBLE)
    try:
        model = build_model(module, setting, engine, _DOUBLE)
        found = run_pieces(model, setting, _DOUBLE)
    except BrokenModuleError as broken:
        yield check.broken(broken)
    else:
        yield from check.compared(found, Outcome(forward=wanted, gradients={}))


def _interpreted_pieces(setting: ModelSetting) -> dict[str, Tensor]:
    """What ``run_pieces`` gives, each piece from the states behind the one before."""
    model, outputs = replace(setting.model, loss=None), []
    draw, last = setting.draw, setting.draw.states
    for piece in pieces_of(setting):
        own = replace(
            draw,
            inputs={name: value[piece] for name, value in draw.inputs.items()},
            marks=None if draw.marks is None else draw.marks[piece],
            states=last,
        )
        values = values_of(model, setting.sizes, setting.case, own)
        outputs.append(values.output)
        last = values.last
    assert last is not None, "there are two pieces"
    named = {f"last {name}": value for name, value in last.items()}
    return {"output": torch.cat(outputs), **named}


def interpreter_against_differences(
    setting: ModelSetting, generator: torch.Generator
) -> Iterator[Result]:
    """The interpreter's own gradients against differences of its values."""

    def evaluate(draw: Draw) -> Tensor:
        values = values_of(setting.model, setting.sizes, setting.case, draw)
        return values.total(draw)

    error = difference_error(evaluate, setting.draw, setting.expected, generator)
    check = Comparison(setting, INTERPRETER, DIFFERENCES, "", _DOUBLE)
    yield check.differentiated(error)


def model_against_differences(
    module: ModuleType, setting: ModelSetting, engine: str, generator: torch.Generator
) -> Iterator[Result]:
    """The model's gradients against differences of its values without gradients."""
    check = Comparison(setting, "model", DIFFERENCES, engine, _DOUBLE)
    try:
        model = build_model(module, setting, engine, _DOUBLE)
        found = run_model(model, setting, _DOUBLE)
        evaluate = partial(_sum_of_model, model, setting, engine)
        error = difference_error(evaluate, _movable(setting), found, generator)
    except BrokenModuleError as broken:
        yield check.broken(broken)
    else:
        yield check.differentiated(error)


def _movable(setting: ModelSetting) -> Draw:
    """The draw with tables that do not move where a vector of them stays zero."""
    draw, untrained = setting.draw, list(setting.draw.untrained)
    encoder = setting.model.encoder
    fronts = {EMBEDDING: setting.model.front}
    if encoder is not None:
        fronts[f"encoder.{EMBEDDING}"] = encoder.front
    for name, front in fronts.items():
        if isinstance(front, Embedding) and front.padding is not None:
            untrained.append(name)
    return replace(draw, untrained=tuple(untrained))


def _against_interpreter(
    module: ModuleType, setting: ModelSetting, engine: str, subject: str, run: _Run
) -> Iterator[Result]:
    for dtype in TOLERANCES:
        check = Comparison(setting, subject, INTERPRETER, engine, dtype)
        try:
            model = build_model(module, setting, engine, dtype)
            found = run(model, setting, dtype)
        except BrokenModuleError as broken:
            yield check.broken(broken)
        else:
            yield from check.compared(found, setting.expected)


def _sum_of_model(model: Any, setting: ModelSetting, engine: str, draw: Draw) -> Tensor:
    fill(model, draw.stored, engine)
    with attempt("fails without gradients"):
        return call_model(model, setting, draw).total(draw)
