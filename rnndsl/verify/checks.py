"""The checks of one setting: each compares a module, in an engine, with a reference."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import ModuleType

import torch
from torch import Tensor, nn

from rnndsl.verify.compare import TOLERANCES
from rnndsl.verify.comparison import DIFFERENCES, INTERPRETER, Comparison
from rnndsl.verify.differences import difference_error
from rnndsl.verify.draw import Draw
from rnndsl.verify.oracle import run_stack, weighted_sum
from rnndsl.verify.report import Result
from rnndsl.verify.setting import Setting
from rnndsl.verify.subject import (
    BrokenModuleError,
    attempt,
    build_cell,
    build_layer,
    call_layer,
    fill,
    run_cell,
    run_layer,
)
from rnndsl.verify.torch_nn import TorchModule, run_reference

_DOUBLE = torch.float64


def layer_against_interpreter(
    module: ModuleType, setting: Setting, engine: str
) -> Iterator[Result]:
    """The layer against the interpreter, in every dtype."""
    for dtype in TOLERANCES:
        check = Comparison(setting, "layer", INTERPRETER, engine, dtype)
        try:
            layer = build_layer(module, setting, engine, dtype)
            found = run_layer(layer, setting, dtype)
        except BrokenModuleError as broken:
            yield check.broken(broken)
        else:
            yield from check.compared(found, setting.expected)


def layer_against_torch(
    module: ModuleType, setting: Setting, engine: str, candidate: TorchModule
) -> Iterator[Result]:
    """The layer against torch's, in every dtype, parameters exchanged both ways."""
    for dtype in TOLERANCES:
        check = Comparison(setting, "layer", candidate.name, engine, dtype)
        reference = candidate.module(setting.cell, setting.sizes, setting.case, dtype)
        try:
            layer = build_layer(module, setting, engine, dtype)
            with attempt(f"state_dict does not load into {candidate.name}"):
                reference.load_state_dict(layer.state_dict(), strict=True)
            fill(layer, reference.state_dict(), engine)
            found = run_layer(layer, setting, dtype)
        except BrokenModuleError as broken:
            yield check.broken(broken)
        else:
            yield from check.compared(found, run_reference(reference, setting, dtype))


def cell_against_interpreter(
    module: ModuleType, setting: Setting, engine: str
) -> Iterator[Result]:
    """The cell class, called once for each step, against the interpreter's layer."""
    for dtype in TOLERANCES:
        check = Comparison(setting, "cell", INTERPRETER, engine, dtype)
        try:
            cell = build_cell(module, setting, engine, dtype)
            found = run_cell(cell, setting, dtype)
        except BrokenModuleError as broken:
            yield check.broken(broken)
        else:
            yield from check.compared(found, setting.expected)


def interpreter_against_differences(
    setting: Setting, generator: torch.Generator
) -> Iterator[Result]:
    """The interpreter's own gradients against differences of its values."""

    def evaluate(draw: Draw) -> Tensor:
        output, last = run_stack(setting.cell, setting.sizes, setting.case, draw)
        return weighted_sum(output, last, draw)

    error = difference_error(evaluate, setting.draw, setting.expected, generator)
    check = Comparison(setting, INTERPRETER, DIFFERENCES, "", _DOUBLE)
    yield check.differentiated(error)


def layer_against_differences(
    module: ModuleType, setting: Setting, engine: str, generator: torch.Generator
) -> Iterator[Result]:
    """The layer's gradients against differences of its values without gradients."""
    check = Comparison(setting, "layer", DIFFERENCES, engine, _DOUBLE)
    try:
        layer = build_layer(module, setting, engine, _DOUBLE)
        found = run_layer(layer, setting, _DOUBLE)
        evaluate = partial(_sum_of_layer, layer, setting, engine)
        error = difference_error(evaluate, setting.draw, found, generator)
    except BrokenModuleError as broken:
        yield check.broken(broken)
    else:
        yield check.differentiated(error)


def _sum_of_layer(
    layer: nn.Module, setting: Setting, engine: str, draw: Draw
) -> Tensor:
    fill(layer, draw.stored, engine)
    with attempt("fails without gradients"):
        output, last = call_layer(layer, setting.case, draw, setting.states)
        return weighted_sum(output, last, draw)
