"""Variants of generated cells, run three ways with the same result."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
import torch
from differential import check_module
from spec_generator import generate

from rnndsl.analysis.models.variants.emission import emittable
from rnndsl.analysis.models.variants.recurrent import recurrent_members
from rnndsl.analysis.models.variants.variant import Changes, Variants
from rnndsl.analysis.program import Cell
from rnndsl.backends.torch.emit import emit_module
from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source, SpecError
from rnndsl.ir.lower import lower_cell
from rnndsl.plan.planner import plan_cell

SEEDS = int(os.environ.get("RNNDSL_FUZZ_SEEDS", "120")) // 2
CHUNK = 10


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """The tensors are too small for more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def changes(cell: Cell, rng: Random) -> Changes:
    """Some of what can be changed of a cell."""
    states = [state.name for state in cell.states if rng.random() < 0.6]
    names = emittable(cell) if len(cell.output.shape) == 1 else ()
    resets = rng.random() < 0.5
    return Changes(
        drops=bool(recurrent_members(cell)) and rng.random() < 0.6,
        zoned=tuple(states),
        resets=resets,
        learned=resets and rng.random() < 0.5,
        emitted=tuple(rng.sample(names, rng.randint(0, min(3, len(names))))),
    )


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_three_ways_to_run_a_variant_agree(first: int) -> None:
    checked = 0
    for seed in range(first, min(first + CHUNK, SEEDS)):
        compilation = Compilation(Source("fuzz.rnn", generate(seed)), None)
        try:
            program = compilation.program
        except SpecError:
            continue
        rng, variants = Random(seed), Variants()
        for cell in program.cells:
            wanted = changes(cell, rng)
            if wanted != Changes():
                variants.of(cell, wanted)
        changed = replace(program, cells=variants.cells)
        plans = tuple(plan_cell(lower_cell(cell)) for cell in changed.cells)
        text = emit_module(changed, plans, standalone=False, version="0")
        check_module(text, changed, seed)
        checked += len(changed.cells)
    assert checked > 0
