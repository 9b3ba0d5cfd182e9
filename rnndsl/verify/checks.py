"""The checks of one setting: each compares a module, in an engine, with a reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from types import ModuleType

import torch
from torch import Tensor, nn

from rnndsl.verify.compare import TOLERANCES, Difference, largest_difference
from rnndsl.verify.differences import DIFFERENCE_TOLERANCE, difference_error
from rnndsl.verify.draw import Draw
from rnndsl.verify.oracle import Outcome, run_stack, weighted_sum
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
_INTERPRETER = "interpreter"
_DIFFERENCES = "finite differences"


def layer_against_interpreter(
    module: ModuleType, setting: Setting, engine: str
) -> Iterator[Result]:
    """The layer against the interpreter, in every dtype."""
    for dtype in TOLERANCES:
        check = _Check(setting, "layer", _INTERPRETER, engine, dtype)
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
        check = _Check(setting, "layer", candidate.name, engine, dtype)
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
        check = _Check(setting, "cell", _INTERPRETER, engine, dtype)
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
    check = _Check(setting, _INTERPRETER, _DIFFERENCES, "", _DOUBLE)
    yield check.differentiated(error)


def layer_against_differences(
    module: ModuleType, setting: Setting, engine: str, generator: torch.Generator
) -> Iterator[Result]:
    """The layer's gradients against differences of its values without gradients."""
    check = _Check(setting, "layer", _DIFFERENCES, engine, _DOUBLE)
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


@dataclass(frozen=True, slots=True)
class _Check:
    """Makes results of one comparison."""

    setting: Setting
    subject: str
    reference: str
    engine: str
    dtype: torch.dtype

    def compared(self, found: Outcome, expected: Outcome) -> Iterator[Result]:
        forward = largest_difference(found.forward, expected.forward)
        yield self._result("forward", forward)
        if expected.gradients:
            gradients = largest_difference(found.gradients, expected.gradients)
            yield self._result("gradients", gradients)

    def differentiated(self, error: float) -> Result:
        difference = Difference(error=error, worst="a directional derivative")
        return self._result("gradients", difference, tolerance=DIFFERENCE_TOLERANCE)

    def broken(self, broken: BrokenModuleError) -> Result:
        nothing = Difference(error=0.0, worst="")
        return self._result("forward", nothing, problem=str(broken))

    def _result(
        self,
        quantity: str,
        difference: Difference,
        *,
        tolerance: float | None = None,
        problem: str = "",
    ) -> Result:
        if tolerance is None:
            tolerance = self.setting.allowed[self.dtype]
        return Result(
            cell=self.setting.cell.name,
            subject=self.subject,
            quantity=quantity,
            reference=self.reference,
            engine=self.engine,
            dtype=str(self.dtype).removeprefix("torch."),
            case=self.setting.case.name,
            error=difference.error,
            tolerance=tolerance,
            worst=difference.worst,
            problem=problem,
        )
