"""Random cells whose states are linear in themselves, found for all steps at once.

A state is linear in its own old value, with coefficients that are any function of
inputs and of the states that stand before it; also of those behind it, where these do
not read it.
"""

from __future__ import annotations

import random
import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from rnndsl import compile_text

SEEDS = range(24)
_STEPS = (1, 3, 9, 34)


def spec(seed: int) -> str:
    """A cell with up to four states, updated in some order that is not theirs."""
    rng = random.Random(seed)
    names = [f"s{index}" for index in range(rng.randint(1, 4))]
    order = rng.sample(names, len(names))
    lines: list[str] = []
    known = ["x[t]"]
    for number, name in enumerate(order):
        lines += _update(rng, name, known, number)
        known += [f"{name}[t]", f"{name}[t-1]"]
    states = ", ".join(f"{name}: [H]{rng.choice(['', ' = 0.5'])}" for name in names)
    matrices = "\n".join(
        f"    param A{n}: [H, H], B{n}: [H, H]" for n in range(len(order))
    )
    output = rng.choice([f"tanh({known[-1]})", f"{known[-2]} * {known[1]}", known[-2]])
    body = "\n".join(f"    {line}" for line in lines)
    used = " + ".join(f"g * {name}[t]" for name in names)
    return (
        f"cell Cell(H):\n    input x: [H]\n    state {states}\n{matrices}\n"
        f"    param g: [H], k: []\n{body}\n    output {output} + {used} + k\n"
    )


def _update(rng: random.Random, name: str, known: list[str], number: int) -> list[str]:
    read = rng.choice(known)
    gate = rng.choice(
        [
            f"sigmoid(A{number} @ {read} + g)",
            f"softmax(A{number} @ {read})",
            f"0.6 * cos(g * {read} + A{number} @ x[t])",
            f"exp(-abs(A{number} @ {read}))",
        ]
    )
    added = rng.choice(
        [f"B{number} @ {rng.choice(known)}", f"tanh({read} + B{number} @ x[t])"]
    )
    old = f"{name}[t-1]"
    update = rng.choice(
        [
            f"f{number} * {old} + n{number}",
            f"{old} + f{number} * (n{number} - {old})",
            f"(f{number} * {old} - n{number}) / (2 + f{number})",
            f"n{number} - {old} * f{number} * k",
            f"0.7 * ({old} + n{number} * f{number})",
            f"g * f{number} + n{number}",
        ]
    )
    return [f"f{number} = {gate}", f"n{number} = {added}", f"{name}[t] = {update}"]


def _values(layer: Any, engine: str, x: Tensor, lengths: Any) -> list[Tensor]:
    layer.engine = engine
    output, last = layer(x, lengths=lengths)
    return [output, *(last if isinstance(last, tuple) else (last,))]


@pytest.mark.parametrize("seed", SEEDS)
def test_scans_agree_with_the_step(seed: int) -> None:
    module = ModuleType(f"scan_{seed}")
    sys.modules[module.__name__] = module
    text = spec(seed)
    exec(compile(compile_text(text), module.__name__, "exec"), module.__dict__)
    assert callable(module.Cell.specification.scan), text
    torch.manual_seed(seed)
    layer = module.Cell(3, bidirectional=bool(seed % 2), dtype=torch.float64)
    for steps in _STEPS:
        x = torch.randn(steps, 4, 3, dtype=torch.float64, requires_grad=True)
        lengths = torch.randint(1, steps + 1, (4,)) if seed % 3 else None
        leaves = [x, *layer.parameters()]
        found = _values(layer, "scan", x, lengths)
        expected = _values(layer, "reference", x, lengths)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10, msg=text)
        pairs = [
            torch.autograd.grad(sum(v.square().sum() for v in values), leaves)
            for values in (found, expected)
        ]
        torch.testing.assert_close(pairs[0], pairs[1], rtol=1e-7, atol=1e-8, msg=text)
