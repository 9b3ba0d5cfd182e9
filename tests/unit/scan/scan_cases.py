"""Cells whose states can be found for all steps at once, and layers of them."""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from rnndsl import compile_text, zoo

ZOO = ("HGRN", "MinGRU", "MinLSTM", "QRNN", "RGLRU")

CHAIN = """
cell Chain(I, H):
    input x: [I], dt: []
    state h: [H], s: [], k: [H], M: [H, I], start: [H] = 0.5
    param W_{a,b}: [H, I], U: [H, H], g: [H]
    bias b_{a,b}: [H]
    s[t] = 0.9 * s[t-1] + dt[t]
    f = sigmoid(W_a @ x[t] + b_a + s[t])
    u = f * h[t-1]
    h[t] = u + (1 - f) * tanh(W_b @ x[t] + b_b) - g * s[t-1]
    z = sigmoid(U @ h[t-1] + g)
    k[t] = k[t-1] - z * (k[t-1] - U @ h[t]) / (1 + f)
    M[t] = M[t-1] * -0.5 + 1
    start[t] = start[t-1]
    output k[t] * u + h[t] * start[t]
"""


@cache
def text_of(cell: str) -> str:
    """The module of a cell of the zoo, or of ``CHAIN``."""
    return compile_text(CHAIN if cell == "Chain" else zoo.read(cell), "spec.rnn")


@cache
def module_of(cell: str) -> ModuleType:
    name = f"scan_{cell.lower()}"
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(text_of(cell), f"{name}.py", "exec"), module.__dict__)
    return module


def layer_of(cell: str, engine: str, **options: Any) -> Any:
    """A layer in float64 with random parameters, the same ones each time."""
    torch.manual_seed(3)
    sizes = (3,) if cell == "RGLRU" else (4, 3)
    layer = getattr(module_of(cell), cell)(*sizes, dtype=torch.float64, **options)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    layer.engine = engine
    return layer


def inputs_of(cell: str, steps: int, rows: int) -> tuple[Tensor, ...]:
    features = 3 if cell == "RGLRU" else 4
    x = torch.randn(steps, rows, features, dtype=torch.float64, requires_grad=True)
    if cell == "Chain":
        return x, torch.rand(steps, rows, dtype=torch.float64, requires_grad=True)
    return (x,)


def flat(result: Any) -> list[Tensor]:
    """The output and the last states."""
    output, last = result
    return [output, *(last if isinstance(last, tuple) else (last,))]


def gradients(result: Any, leaves: list[Tensor]) -> tuple[Tensor, ...]:
    """Of a weighted sum of all that a layer returns."""
    generator = torch.Generator().manual_seed(1)
    total = torch.zeros((), dtype=torch.float64)
    for value in flat(result):
        weight = torch.rand(value.shape, generator=generator, dtype=torch.float64)
        total = total + (weight * value).sum()
    return torch.autograd.grad(total, leaves)
