"""Calls of generated loops, in torch operations and over kernels."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any

import torch
from cpu_kernels import cpu_kernels
from torch import Tensor

import rnndsl
from rnndsl import zoo
from rnndsl.runtime.specification import CellSpecification, KernelLoops, resolve_shape

STEPS, ROWS = 5, 3


@cache
def zoo_module(name: str) -> ModuleType:
    return rnndsl.load(zoo.path(name))


def load_text(text: str) -> ModuleType:
    """A generated module, from its text."""
    module = ModuleType("generated")
    # Dataclasses look for the module of their annotations.
    sys.modules[module.__name__] = module
    exec(compile(text, "generated.py", "exec"), module.__dict__)
    return module


def specification(name: str) -> CellSpecification:
    """What the compiler tells the runtime of a cell of the zoo."""
    found: CellSpecification = getattr(zoo_module(name), name).specification
    return found


def cells_with_kernels() -> list[str]:
    """The names of the cells of the zoo that can run over kernels."""
    return [
        name
        for name in zoo.cell_names()
        if isinstance(specification(name).kernels, KernelLoops)
    ]


def written(cell: CellSpecification) -> KernelLoops:
    assert isinstance(cell.kernels, KernelLoops), cell.kernels
    return cell.kernels


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Arguments of a forward and a backward loop."""

    inputs: tuple[Tensor, ...]
    state: tuple[Tensor, ...]
    parameters: tuple[Tensor, ...]
    mask: Tensor | None
    d_output: Tensor
    d_state: tuple[Tensor, ...]


def draw(
    cell: CellSpecification,
    dtype: torch.dtype,
    *,
    masked: bool,
    seed: int = 0,
    steps: int = STEPS,
    rows: int = ROWS,
) -> Case:
    """Random sizes and numbers, positive where logarithms or roots may be taken."""
    generator = torch.Generator().manual_seed(seed)
    sizes = {
        name: int(torch.randint(2, 8, (), generator=generator)) + index
        for index, (name, _) in enumerate(cell.dimensions)
    }

    def normal(*shape: int) -> Tensor:
        value = torch.randn(shape, generator=generator, dtype=torch.float64)
        return value.clamp(-2, 2).to(dtype)

    def of(shape: Any, *leading: int) -> Tensor:
        return normal(*leading, *resolve_shape(shape, sizes))

    output = resolve_shape(cell.output_shape, sizes)
    lengths = torch.tensor([steps, 1, *range(2, rows)])[:rows]
    return Case(
        inputs=tuple(of(item.shape, steps, rows).abs() + 0.1 for item in cell.inputs),
        state=tuple(of(state.shape, rows).abs() + 0.5 for state in cell.states),
        parameters=tuple(
            normal(*replace(item, structure=None).stored_shape(sizes)) * 0.5
            for item in cell.parameters
        ),
        mask=torch.arange(steps)[:, None] < lengths if masked else None,
        d_output=normal(steps, rows, *output),
        d_state=tuple(of(state.shape, rows) for state in cell.states),
    )


def run_fused(cell: CellSpecification, case: Case) -> list[Tensor | None]:
    """Output, last states, then all gradients."""
    arguments = (case.inputs, case.state, case.parameters, case.mask)
    output, last, saved = cell.forward(*arguments, True)
    found = cell.backward(case.d_output, case.d_state, *arguments, saved, True)
    return [output, *last, *(gradient for group in found for gradient in group)]


def run_kernels(
    cell: CellSpecification, case: Case, source: str | None = None
) -> list[Tensor | None]:
    """The same over kernels; ``source`` has those of other cells too."""
    loops = written(cell)
    kernels = cpu_kernels(source or loops.source, case.inputs[0].dtype)
    arguments = (case.inputs, case.state, case.parameters, case.mask)
    output, last, saved = loops.forward(kernels, *arguments, True)
    found = loops.backward(
        kernels, case.d_output, case.d_state, *arguments, saved, True
    )
    return [output, *last, *(gradient for group in found for gradient in group)]


def largest_error(found: list[Tensor | None], expected: list[Tensor | None]) -> float:
    """Relative to the largest entry of each tensor, or to 1 if that is larger."""
    assert len(found) == len(expected)
    largest = 0.0
    for mine, other in zip(found, expected, strict=True):
        assert (mine is None) == (other is None)
        if mine is None or other is None or not other.numel():
            continue
        assert mine.shape == other.shape
        assert mine.dtype == other.dtype
        mine, other = mine.double(), other.double()
        scale = max(1.0, float(other.abs().max()))
        largest = max(largest, float((mine - other).abs().max()) / scale)
        assert torch.isfinite(other).all()
        assert torch.isfinite(mine).all()
    return largest
