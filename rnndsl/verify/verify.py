"""Compares generated modules with the interpreter, torch.nn and finite differences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from types import ModuleType

import torch

from rnndsl.analysis.program import Cell, Program
from rnndsl.verify.case import cases_of, draw_sizes
from rnndsl.verify.checks import (
    cell_against_interpreter,
    interpreter_against_differences,
    layer_against_differences,
    layer_against_interpreter,
    layer_against_torch,
)
from rnndsl.verify.comparison import not_finite
from rnndsl.verify.differences import alters_gradient
from rnndsl.verify.models.verify import verify_model
from rnndsl.verify.report import Result, VerificationReport
from rnndsl.verify.setting import prepare
from rnndsl.verify.subject import available_engines, refused_engines
from rnndsl.verify.torch_nn import recognise


def verify_program(
    program: Program, module: ModuleType, *, seed: int
) -> VerificationReport:
    """Verifies every cell and every model of a program in its generated module.

    What the module cannot build or run is a failed result, not an exception. The same
    seed gives the same numbers.
    """
    with _one_thread():
        of_cells = (verify_cell(cell, module, seed=seed) for cell in program.cells)
        of_models = (verify_model(model, module, seed=seed) for model in program.models)
        results = tuple(chain.from_iterable(chain(of_cells, of_models)))
    return VerificationReport(seed=seed, results=results, not_run=refused_engines())


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
            yield not_finite(cell.name, case.name)
            continue
        is_first, is_last = case is cases[0], case is cases[-1]
        if is_first:
            twin = recognise(setting)
        has_differences = is_differentiable and (is_first or is_last)
        if has_differences:
            yield from interpreter_against_differences(setting, generator)
        engines = available_engines(
            module,
            [cell],
            setting.draw.parameters,
            is_ragged=case.lengths is not None,
        )
        for engine in engines:
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
