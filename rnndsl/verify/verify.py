"""Compares generated modules with the interpreter, torch.nn and finite differences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import torch

from rnndsl.analysis.program import Cell, Program
from rnndsl.runtime.engines import ENGINES
from rnndsl.verify.case import Case, cases_of, draw_sizes
from rnndsl.verify.checks import (
    cell_against_interpreter,
    interpreter_against_differences,
    layer_against_differences,
    layer_against_interpreter,
    layer_against_torch,
)
from rnndsl.verify.differences import alters_gradient
from rnndsl.verify.report import Result, VerificationReport
from rnndsl.verify.setting import prepare
from rnndsl.verify.torch_nn import recognise


def verify_program(
    program: Program, module: ModuleType, *, seed: int
) -> VerificationReport:
    """Verifies every cell of a program in the module generated from it.

    What the module cannot build or run is a failed result, not an exception. The same
    seed gives the same numbers.
    """
    with _one_thread():
        results = [
            result
            for cell in program.cells
            for result in verify_cell(cell, module, seed=seed)
        ]
    return VerificationReport(seed=seed, results=tuple(results))


def verify_cell(cell: Cell, module: ModuleType, *, seed: int) -> Iterator[Result]:
    """Verifies one cell: its layer class and its cell class, by every engine."""
    generator = torch.Generator().manual_seed(seed)
    sizes = draw_sizes(cell, generator)
    cases = cases_of(cell, sizes)
    is_differentiable = not alters_gradient(cell)
    twin = None
    for case in cases:
        setting = prepare(cell, sizes, case, generator)
        if setting is None:
            yield _not_finite(cell, case)
            continue
        is_first, is_last = case is cases[0], case is cases[-1]
        if is_first:
            twin = recognise(setting)
        has_differences = is_differentiable and (is_first or is_last)
        if has_differences:
            yield from interpreter_against_differences(setting, generator)
        for engine in _available_engines(setting.draw.parameters):
            yield from layer_against_interpreter(module, setting, engine)
            if twin is not None:
                yield from layer_against_torch(module, setting, engine, twin)
            if is_first:
                yield from cell_against_interpreter(module, setting, engine)
            if has_differences:
                yield from layer_against_differences(module, setting, engine, generator)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Tensors this small only lose time by waiting for one another's threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _available_engines(tensors: dict[str, torch.Tensor]) -> tuple[str, ...]:
    """The engines that can run on this machine."""
    values = tuple(tensors.values())
    return tuple(engine.name for engine in ENGINES if engine.refusal(values) is None)


def _not_finite(cell: Cell, case: Case) -> Result:
    return Result(
        cell=cell.name,
        subject="interpreter",
        quantity="forward",
        reference="finite numbers",
        engine="",
        dtype="float64",
        case=case.name,
        error=0.0,
        tolerance=1.0,
        worst="",
        problem="the equations give no finite numbers for random inputs and weights",
    )
