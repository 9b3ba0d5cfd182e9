"""A spec run three ways, which must agree: the generated loops, the generated step in
autograd, and the interpreter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from random import Random
from types import ModuleType
from typing import Any

import torch
from ties import TieWatch
from torch import Tensor

from rnndsl.analysis.program import Cell, Program
from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source
from rnndsl.verify.interpreter import run_sequence, shape_of

TOLERANCE = 1e-9
_PRIMES = (2, 3, 5, 7, 11, 13)
_LARGEST = 1e8


class DisagreementError(AssertionError):
    """Two ways to run a spec give different numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way to call a layer: ``lengths`` None for rows of equal length."""

    steps: int
    batch: int
    lengths: tuple[int, ...] | None
    given_state: bool
    input_gradients: bool
    bias: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """The numbers of a scenario; ``weights`` are those of the sum that is
    differentiated, of the output and of each last state."""

    inputs: dict[str, Tensor]
    states: dict[str, Tensor] | None
    parameters: dict[str, Tensor]
    weights: dict[str, Tensor]


def check_text(text: str, seed: int) -> None:
    """Compiles a spec and runs it in a few scenarios.

    Raises DisagreementError, SpecError for a spec that is rejected, and whatever the
    compiler or the generated module raise.
    """
    compilation = Compilation(Source("fuzz.rnn", text), None)
    check_module(compilation.module_text, compilation.program, seed)


def check_module(module_text: str, program: Program, seed: int) -> None:
    """Runs a module, said to be that of a program, in a few scenarios."""
    module = ModuleType("fuzz")
    exec(compile(module_text, "fuzz.py", "exec"), module.__dict__)
    rng = Random(seed)
    for cell in program.cells:
        sizes = _sizes(cell, rng)
        for scenario in _scenarios(rng):
            _check(module, cell, sizes, scenario, rng.randrange(2**31))


def _sizes(cell: Cell, rng: Random) -> dict[str, int]:
    """A prime for each dimension, all different."""
    primes = rng.sample(_PRIMES, len(cell.dimensions))
    return {d.name: p for d, p in zip(cell.dimensions, primes, strict=True)}


def _scenarios(rng: Random) -> list[Scenario]:
    found = []
    for steps in (5, rng.choice((1, 2))):
        batch = rng.choice((1, 3, 3))
        ragged = rng.random() < 0.5
        lengths = tuple(rng.randint(1, steps) for _ in range(batch))
        found.append(
            Scenario(
                steps=steps,
                batch=batch,
                lengths=lengths if ragged else None,
                given_state=rng.random() < 0.6,
                input_gradients=rng.random() < 0.75,
                bias=rng.random() < 0.8,
            )
        )
    return found


def _draw(
    cell: Cell, sizes: dict[str, int], layer: Any, scenario: Scenario, seed: int
) -> Draw:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    steps, batch = scenario.steps, scenario.batch
    output_shape = list(shape_of(cell.output.shape, sizes))
    for value in cell.emitted:
        output_shape[-1] += math.prod(shape_of(value.shape, sizes))
    output_weights = normal(steps, batch, *output_shape)
    for row, length in enumerate(scenario.lengths or ()):
        output_weights[length:, row] = 0
    states = {s.name: (batch, *shape_of(s.shape, sizes)) for s in cell.states}
    return Draw(
        inputs={
            value.name: normal(steps, batch, *shape_of(value.shape, sizes))
            for value in cell.inputs
        },
        states={n: normal(*shape) for n, shape in states.items()}
        if scenario.given_state
        else None,
        parameters={
            name.removesuffix("_l0"): normal(*value.shape)
            / math.sqrt(value.shape[-1] if value.dim() == 2 else 2)
            for name, value in layer.state_dict().items()
        },
        weights={
            "output": output_weights,
            **{n: normal(*shape) for n, shape in states.items()},
        },
    )


def _leaves(values: dict[str, Tensor], wanted: bool = True) -> dict[str, Tensor]:
    return {n: v.clone().requires_grad_(wanted) for n, v in values.items()}


def _outcome(
    output: Tensor, last: dict[str, Tensor], draw: Draw, scenario: Scenario
) -> dict[str, Tensor]:
    """Results and gradients by name; the output is zero where a row has ended."""
    weights = draw.weights
    total = (output * weights["output"]).sum()
    for name, value in last.items():
        total = total + (value * weights[name]).sum()
    variables = {f"gradient of {n}": v for n, v in draw.parameters.items()}
    if scenario.input_gradients:
        variables |= {f"gradient of {n}": v for n, v in draw.inputs.items()}
    variables |= {f"gradient of {n}[0]": v for n, v in (draw.states or {}).items()}
    if total.requires_grad:
        torch.autograd.backward(total)
    valid = output.detach().clone()
    for row, length in enumerate(scenario.lengths or ()):
        valid[length:, row] = 0
    return {
        "output": valid,
        **{f"last {n}": v.detach() for n, v in last.items()},
        **{
            n: torch.zeros_like(v) if v.grad is None else v.grad
            for n, v in variables.items()
        },
    }


def _live(draw: Draw, scenario: Scenario) -> Draw:
    return Draw(
        inputs=_leaves(draw.inputs, scenario.input_gradients),
        states=None if draw.states is None else _leaves(draw.states),
        parameters=_leaves(draw.parameters),
        weights=draw.weights,
    )


def _interpreted(
    cell: Cell, sizes: dict[str, int], scenario: Scenario, draw: Draw
) -> dict[str, Tensor]:
    live = _live(draw, scenario)
    output, last = run_sequence(
        cell,
        sizes,
        live.inputs,
        live.states,
        live.parameters,
        lengths=scenario.lengths,
    )
    return _outcome(output, last, live, scenario)


def _generated(
    layer: Any, cell: Cell, scenario: Scenario, draw: Draw, engine: str
) -> dict[str, Tensor]:
    layer.engine = engine
    layer.load_state_dict({f"{n}_l0": v for n, v in draw.parameters.items()})
    layer.zero_grad(set_to_none=True)
    own = dict(layer.named_parameters())
    live = _live(draw, scenario)
    live = Draw(
        inputs=live.inputs,
        states=live.states,
        parameters={n: own[f"{n}_l0"] for n in draw.parameters},
        weights=live.weights,
    )
    mask = None
    if scenario.lengths is not None:
        times = torch.arange(scenario.steps).unsqueeze(-1)
        mask = times < torch.tensor(scenario.lengths)
    inputs = tuple(live.inputs.values())
    states = None if live.states is None else tuple(live.states.values())
    output, last = layer.scan(0, inputs, states, mask, None)
    named = {state.name: v for state, v in zip(cell.states, last, strict=True)}
    found = _outcome(output, named, live, scenario)
    _check_owned(engine, live, output, named, found)
    with torch.no_grad():
        again, last_again = layer.scan(0, inputs, states, mask, None)
    # Products with matrices that are made of parameters may round another way.
    is_exact = all(parameter.structure is None for parameter in cell.parameters)
    same = torch.equal if is_exact else partial(torch.allclose, rtol=1e-12, atol=1e-12)
    if not same(again, output) or not all(
        same(a, b) for a, b in zip(last, last_again, strict=True)
    ):
        raise DisagreementError(f"{engine}: other numbers without gradients")
    return found


def _check_owned(
    engine: str,
    live: Draw,
    output: Tensor,
    last: dict[str, Tensor],
    found: dict[str, Tensor],
) -> None:
    """Results and gradients have memory of their own: an in-place change of one would
    show in another."""
    arguments = [*live.inputs.values(), *(live.states or {}).values()]
    arguments += live.parameters.values()
    places = {tensor.untyped_storage().data_ptr() for tensor in arguments}
    for name, result in {"output": output, **last}.items():
        place = result.untyped_storage().data_ptr()
        if engine != "reference" and place in places:
            raise DisagreementError(f"{engine}: {name} shares another's memory")
        places.add(place)
    gradients = {n: g.clone() for n, g in found.items() if n.startswith("gradient")}
    tensors = [found[name] for name in gradients]
    for index, tensor in enumerate(tensors):
        tensor.fill_(index)
    for index, tensor in enumerate(tensors):
        if not bool((tensor == index).all()):
            name = list(gradients)[index]
            raise DisagreementError(f"{engine}: {name} shares another's memory")
    found.update(gradients)


def _check(
    module: ModuleType,
    cell: Cell,
    sizes: dict[str, int],
    scenario: Scenario,
    seed: int,
) -> None:
    arguments = {d.argument: sizes[d.name] for d in cell.dimensions}
    layer = getattr(module, cell.name)(
        **arguments, bias=scenario.bias, dtype=torch.float64
    )
    draw = _draw(cell, sizes, layer, scenario, seed)
    expected = _interpreted(cell, sizes, scenario, draw)
    values = [value for value in expected.values() if value.numel()]
    largest = max(float(value.abs().max().nan_to_num(math.inf)) for value in values)
    if not largest < _LARGEST:
        return
    engines = ["reference", "fused"]
    if callable(layer.specification.scan):
        engines.append("scan")
    for engine in engines:
        found = _generated(layer, cell, scenario, draw, engine)
        try:
            _compare(f"{engine}, {scenario}, sizes {sizes}", found, expected, largest)
        except DisagreementError:
            with TieWatch() as watch:
                _interpreted(cell, sizes, scenario, draw)
            if not watch.found:
                raise


def _compare(
    what: str,
    found: dict[str, Tensor],
    expected: dict[str, Tensor],
    largest: float,
) -> None:
    for name, value in found.items():
        wanted = expected[name]
        if value.shape != wanted.shape:
            raise DisagreementError(
                f"{what}: {name} has shape {tuple(value.shape)}, "
                f"not {tuple(wanted.shape)}"
            )
        if not wanted.numel():
            continue
        scale = max(float(wanted.abs().max()), 1e-3 * max(1.0, largest))
        error = float((value - wanted).abs().max()) / scale
        if not error < TOLERANCE:
            raise DisagreementError(f"{what}: {name} is off by {error:.1e}")
