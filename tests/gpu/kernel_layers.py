"""Layers of the zoo on the GPU, in the cases of ``rnndsl verify``."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from rnndsl import zoo
from rnndsl.compiler import Compilation, open_spec
from rnndsl.loading import SpecLoader, execute
from rnndsl.verify.case import cases_of, draw_sizes
from rnndsl.verify.compare import largest_difference
from rnndsl.verify.oracle import Outcome, differentiable, outcome_of
from rnndsl.verify.setting import Setting, prepare
from rnndsl.verify.subject import build_cell, build_layer, call_layer

DEVICE = "cuda"


@cache
def compilation(name: str) -> Compilation:
    return open_spec(zoo.path(name))


@cache
def module_of(name: str) -> Any:
    return execute(SpecLoader(zoo.path(name), compilation(name)), f"on_gpu_{name}")


@cache
def settings(name: str) -> tuple[Setting, ...]:
    """Every case of a cell, with what the interpreter computes on the CPU."""
    (cell,) = (c for c in compilation(name).program.cells if c.name == name)
    generator = torch.Generator().manual_seed(0)
    sizes = draw_sizes(cell, generator)
    found = [prepare(cell, sizes, case, generator) for case in cases_of(cell, sizes)]
    return tuple(setting for setting in found if setting is not None)


def run(name: str, setting: Setting, engine: str, dtype: torch.dtype) -> Outcome:
    """A layer on the GPU: values and gradients, brought back to the CPU."""
    layer = build_layer(module_of(name), setting, "auto", dtype).to(DEVICE)
    layer.engine = engine
    live = differentiable(setting.draw, dtype)

    def moved(values: dict[str, Tensor]) -> dict[str, Tensor]:
        return {
            key: value.detach().to(DEVICE).requires_grad_(value.requires_grad)
            for key, value in values.items()
        }

    own = dict(layer.named_parameters())
    live = replace(
        live,
        inputs=moved(live.inputs),
        states=None if live.states is None else moved(live.states),
        parameters={key: own[key] for key in live.parameters},
        output_weights=live.output_weights.to(DEVICE),
        state_weights=moved(live.state_weights),
    )
    output, last = call_layer(layer, setting.case, live, setting.states)
    found = outcome_of(output, last, live)
    return Outcome(
        forward={key: value.cpu() for key, value in found.forward.items()},
        gradients={key: value.cpu() for key, value in found.gradients.items()},
    )


def error(found: Outcome, expected: Outcome) -> float:
    """The largest, relative to the largest entry of each tensor or to 1."""
    values = largest_difference(found.forward, expected.forward).error
    return max(values, largest_difference(found.gradients, expected.gradients).error)


def step_by_step(name: str, setting: Setting, engine: str) -> Tensor:
    """The first input's steps through the cell class, in float64: all states."""
    cell: Any = build_cell(module_of(name), setting, "auto", torch.float64).to(DEVICE)
    cell.engine = engine
    live = setting.draw
    assert live.states is not None
    state: Any = tuple(value[0].double().to(DEVICE) for value in live.states.values())
    state = state[0] if len(state) == 1 else state
    found = []
    steps = next(iter(live.inputs.values())).shape[0]
    with torch.no_grad():
        for t in range(steps):
            given = [value[t].double().to(DEVICE) for value in live.inputs.values()]
            state = cell(*given, state)
            found.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(found).cpu()
