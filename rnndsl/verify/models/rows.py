"""Rows by themselves: a row of NaN that reaches no other, and a row without a batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import torch
from torch import Tensor

from rnndsl.analysis.model import Exchange
from rnndsl.verify.case import BATCH
from rnndsl.verify.comparison import INTERPRETER, Comparison
from rnndsl.verify.draw import Draw
from rnndsl.verify.models.setting import ModelSetting, values_of
from rnndsl.verify.models.subject import (
    build_model,
    call_model,
    call_single,
    live_draw,
)
from rnndsl.verify.models.values import ModelValues
from rnndsl.verify.oracle import Outcome, differentiable, gradients, weighted_sum
from rnndsl.verify.report import Result
from rnndsl.verify.subject import BrokenModuleError, attempt

_SPOILT = 1
_SINGLE = 2
_KEPT = tuple(row for row in range(BATCH) if row != _SPOILT)


def rows_by_themselves(
    module: ModuleType, setting: ModelSetting, engine: str
) -> Iterator[Result]:
    """With NaN in the real inputs of one row: the other rows' outputs, last states and
    gradients with respect to their inputs and states, against the interpreter's."""
    draw = setting.draw
    if not any(value.is_floating_point() for value in draw.inputs.values()):
        return
    dtype = torch.float64
    case = replace(setting.case, name="NaN in another row")
    setting = replace(setting, case=case)
    check = Comparison(setting, "model", INTERPRETER, engine, dtype)
    clean = differentiable(draw, dtype)
    values = values_of(setting.model, setting.sizes, case, clean)
    expected = _outcome(values, clean, setting)
    bad = {n: _spoilt(value, _axis(setting, n)) for n, value in draw.inputs.items()}
    try:
        model = build_model(module, setting, engine, dtype)
        with attempt("fails with NaN in a row"):
            live = live_draw(model, replace(draw, inputs=bad), dtype)
            found = _outcome(call_model(model, setting, live), live, setting)
    except BrokenModuleError as broken:
        yield check.broken(broken)
    else:
        yield from check.compared(found, expected)


def single_against_interpreter(
    module: ModuleType, setting: ModelSetting, engine: str
) -> Iterator[Result]:
    """One row, given and returned without the axis of rows; values alone."""
    case = replace(setting.case, name="a row without a batch")
    setting = replace(setting, case=case, draw=replace(setting.draw, states=None))
    dtype = torch.float64
    check = Comparison(setting, "model", INTERPRETER, engine, dtype)
    values = values_of(setting.model, setting.sizes, case, setting.draw)
    try:
        model = build_model(module, setting, engine, dtype)
        with attempt("fails without a batch"), torch.no_grad():
            output, last = call_single(model, setting, _SINGLE)
    except BrokenModuleError as broken:
        yield check.broken(broken)
        return
    axis = 1 if setting.model.exchange.has_steps else 0
    expected = {"output": values.output.detach().select(axis, _SINGLE)}
    found = {"output": output}
    for name, value in values.last.items():
        expected[f"last {name}"] = value.detach().select(1, _SINGLE)
        found[f"last {name}"] = last[name]
    yield from check.compared(
        Outcome(forward=found, gradients={}), Outcome(forward=expected, gradients={})
    )


def _spoilt(value: Tensor, axis: int) -> Tensor:
    if not value.is_floating_point():
        return value
    return value.index_fill(axis, torch.tensor([_SPOILT]), torch.nan)


def _outcome(values: ModelValues, draw: Draw, setting: ModelSetting) -> Outcome:
    """Of the other rows alone."""
    axis = 1 if setting.model.exchange.has_steps else 0
    kept_output = _kept(values.output, axis)
    kept_last = {name: _kept(value, 1) for name, value in values.last.items()}
    weights = replace(
        draw,
        output_weights=_kept(draw.output_weights, axis),
        state_weights={n: _kept(v, 1) for n, v in draw.state_weights.items()},
    )
    total = weighted_sum(kept_output, kept_last, weights)
    inputs = {n: v for n, v in draw.inputs.items() if v.is_floating_point()}
    states = {f"{name}[0]": value for name, value in (draw.states or {}).items()}
    found = gradients(total, inputs | states)
    of_inputs = {n: _kept(found[n], _axis(setting, n)) for n in inputs}
    forward = {"output": kept_output.detach()}
    forward |= {f"last {name}": value.detach() for name, value in kept_last.items()}
    return Outcome(
        forward=forward,
        gradients=of_inputs | {name: _kept(found[name], 1) for name in states},
    )


def _axis(setting: ModelSetting, name: str) -> int:
    """Where the rows are in an input or a context."""
    model = setting.model
    is_context = any(item.name == name for item in model.contexts)
    has_no_time = model.exchange in (Exchange.ONE_TO_ONE, Exchange.REPEAT)
    return 0 if is_context or has_no_time else 1


def _kept(value: Tensor, axis: int) -> Tensor:
    return value.index_select(axis, torch.tensor(_KEPT))
