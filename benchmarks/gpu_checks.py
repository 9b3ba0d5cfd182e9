"""What has to be right on a GPU before anything is timed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

import rnndsl
from benchmarks.gpu_peers import set_loop
from benchmarks.gpu_scenarios import SCENARIOS
from rnndsl import compiler, zoo
from rnndsl.runtime.engines.choice import ENGINES, GRAPH
from rnndsl.verify.interpreter import run_sequence

CELLS = ("LSTM", "GRU", "Elman", "PeepholeLSTM", "MGU", "MinGRU", "SLSTM")
# Of values of size 1, by dtype, against float64.
TOLERANCES = {
    torch.float64: 1e-11,
    torch.float32: 5e-5,
    torch.bfloat16: 0.1,
    torch.float16: 0.02,
}
T, B, D, H = 7, 3, 5, 6
LENGTHS = (7, 1, 4)
_STEPS, _SHAPES = 1000, 1000
_GROWTH = 0.5


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried, and what came of it."""

    what: str
    passed: bool
    seen: str


def checks(device: str, has_time: Callable[[], bool]) -> Iterator[Check]:
    """All of them, one after the other, as long as there is time."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    for cell in CELLS:
        for dtype in TOLERANCES:
            if has_time():
                ragged = [e.name for e in ENGINES if e.ragged_refusal is None]
                yield from parity(cell, (GRAPH, *ragged), dtype, device)
                if _layer(cell).specification.vendor is not None:
                    yield from parity(cell, (GRAPH, "vendor"), dtype, device, None)
    for cell in ("LSTM", "MGU"):
        what = f"{_STEPS:,} optimiser steps of {len(SCENARIOS)} kinds, {cell}"
        yield _tried(what, partial(training, cell, (GRAPH, "fused"), device), has_time)
    what = f"memory over {_SHAPES:,} random shapes"
    yield _tried(what, partial(_memory, device), has_time)


def _tried(
    what: str, run: Callable[[], tuple[bool, str]], has_time: Callable[[], bool]
) -> Check:
    if not has_time():
        return Check(what, False, "there was no time left")
    try:
        passed, seen = run()
    # Whatever it is, the others go on.
    except Exception as error:
        passed, seen = False, (str(error).splitlines() or [type(error).__name__])[0]
    return Check(what, passed, seen)


def _layer(cell: str) -> Any:
    module: Any = rnndsl.load(zoo.path(cell))
    torch.manual_seed(1)
    return getattr(module, cell)(D, H)


def parity(
    cell: str,
    engines: Sequence[str],
    dtype: torch.dtype,
    device: str,
    lengths: Sequence[int] | None = LENGTHS,
) -> Iterator[Check]:
    """Output and gradients of each engine against the interpreter in float64, on ragged
    rows or on whole ones; over three calls, so that the last is a replay."""
    layer = _layer(cell).to(device, dtype)
    inputs = [torch.randn(T, B, D, dtype=dtype, device=device) for _ in range(3)]
    expected = [_interpreted(cell, layer, x, lengths) for x in inputs]
    for engine in engines:
        layer.engine = engine

        def run() -> tuple[bool, str]:
            pairs = zip(inputs, expected, strict=True)
            worst = max(_largest_error(layer, x, lengths, own) for x, own in pairs)
            return worst <= TOLERANCES[dtype], f"largest relative error {worst:.1e}"

        name = str(dtype).removeprefix("torch.")
        rows = "" if lengths is not None else ", whole rows"
        yield _tried(f"parity: {cell}, {engine}, {name}{rows}", run, lambda: True)


def _interpreted(
    cell: str, layer: Any, x: Tensor, lengths: Sequence[int] | None
) -> dict[str, Tensor | None]:
    program = compiler.open_spec(zoo.path(cell)).program
    (own,) = [c for c in program.cells if c.name == cell]
    sizes = {d.name: getattr(layer, d.argument) for d in own.dimensions}
    stored = {
        name.removesuffix("_l0"): _exact(parameter)
        for name, parameter in layer.named_parameters()
    }
    exact = _exact(x)
    output, _ = run_sequence(
        own, sizes, {own.inputs[0].name: exact}, None, stored, lengths=lengths
    )
    _weighted(output).backward()
    found = {f"{name}_l0": value.grad for name, value in stored.items()}
    return {"output": output.detach(), "input": exact.grad, **found}


def _largest_error(
    layer: Any,
    x: Tensor,
    lengths: Sequence[int] | None,
    expected: dict[str, Tensor | None],
) -> float:
    x = x.clone().requires_grad_()
    layer.zero_grad()
    ends = None if lengths is None else torch.tensor(lengths, device=x.device)
    output, _ = layer(x, lengths=ends)
    _weighted(output).backward()
    found = {name: value.grad for name, value in layer.named_parameters()}
    actual = {"output": output.detach(), "input": x.grad, **found}
    return max(_difference(actual[name], value) for name, value in expected.items())


def _exact(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().double().requires_grad_()


def _weighted(output: Tensor) -> Tensor:
    weights = torch.linspace(-1, 1, output.numel(), dtype=torch.float64)
    weights = weights.to(output.device, output.dtype)
    return (output * weights.view_as(output)).sum()


def _difference(actual: Tensor | None, expected: Tensor | None) -> float:
    """The largest, relative to the largest expected value or 1."""
    if actual is None or expected is None:
        return 0.0 if actual is expected else float("inf")
    difference = (actual.detach().double().cpu() - expected.detach()).abs().max()
    return float(difference / expected.detach().abs().max().clamp(min=1))


def training(cell: str, engines: tuple[str, str], device: str) -> tuple[bool, str]:
    """Adam over all that training loops do, by two engines from the same start; whether
    they end with the same parameters, and the first, if it is ``graph``, replays."""
    first = _layer(cell).to(device)
    second = copy.deepcopy(first)
    for module, engine in zip((first, second), engines, strict=True):
        _ask(module, engine)
    pairs = [(m, torch.optim.Adam(m.parameters(), lr=1e-3)) for m in (first, second)]
    generator = torch.Generator(device).manual_seed(2)
    for step in range(_STEPS):
        x = torch.randn(T, B, D, generator=generator, device=device)
        for module, optimiser in pairs:
            optimiser.zero_grad()
            SCENARIOS[step % len(SCENARIOS)](module, x.clone().requires_grad_())
            optimiser.step()
    for module, _ in pairs:
        module(x.requires_grad_())
    worst = max(
        _difference(a, b.double().cpu())
        for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )
    replayed = "the last call replayed" in first.explain()
    seen = f"parameters differ by {worst:.1e}, {'' if replayed else 'not '}replayed"
    return worst <= 1e-3 and replayed is (engines[0] == GRAPH), seen


def _ask(layer: Any, engine: str) -> None:
    """Makes it the layer's engine; graphs are of the generated kernels."""
    if engine == GRAPH:
        set_loop(layer, "cuda")
    else:
        layer.engine = engine


def _memory(device: str) -> tuple[bool, str]:
    """Reserved memory, before and after shapes that come twice, each captured."""
    layer = _layer("LSTM").to(device)
    _ask(layer, GRAPH)
    generator = torch.Generator().manual_seed(3)

    def call() -> None:
        steps, rows = torch.randint(1, 33, (2,), generator=generator).tolist()
        x = torch.zeros(steps, rows, D, device=device, requires_grad=True)
        for _ in range(2):
            layer(x)[0].sum().backward()

    def most(shapes: int) -> int:
        """The most memory that is kept behind one of so many shapes."""
        found = 0
        for _ in range(shapes):
            call()
            found = max(found, torch.cuda.memory_reserved())
        return found

    # It varies with the shapes that are kept; but a graph that is not given back keeps
    # 2 MiB and more, and there are a thousand of them.
    before = most(_SHAPES // 10)
    most(_SHAPES - _SHAPES // 5)
    after = most(_SHAPES // 10)
    seen = f"{before / 2**20:.0f} MiB, then {after / 2**20:.0f} MiB"
    return after <= before * (1 + _GROWTH), seen
