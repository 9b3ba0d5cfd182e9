"""Compiled models whose cells are variants of others, and what goes into them."""

from __future__ import annotations

import itertools
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from rnndsl import compile_text

ENGINES = ("fused", "reference")
STEPS, ROWS = 6, 4
LENGTHS = (4, 6, 1, 3)
_numbers = itertools.count()


def spec(*lines: str, imports: str = "GRU, LSTM", name: str = "M") -> str:
    """A model on vectors of width I with these lines."""
    body = textwrap.indent("\n".join(lines), "    ")
    return f"from zoo import {imports}\n\nmodel {name}(I):\n    input x: [I]\n{body}\n"


@cache
def module_of(text: str) -> ModuleType:
    """The module of a spec, importable under a name of its own."""
    number = next(_numbers)
    made = ModuleType(f"variant_{number}")
    sys.modules[made.__name__] = made
    code = compile(compile_text(text, "variant.rnn"), made.__name__, "exec")
    exec(code, vars(made))
    return made


def build(text: str, *sizes: int, **options: Any) -> Any:
    """The model M of a spec in double precision, its parameters drawn widely."""
    model = module_of(text).M(*sizes, **{"dtype": torch.float64, **options})
    for parameter in model.parameters():
        nn.init.uniform_(parameter, -0.7, 0.7)
    return model


def vectors(width: int, steps: int = STEPS, rows: int = ROWS) -> Tensor:
    """Random vectors that are differentiated."""
    return torch.randn(steps, rows, width, dtype=torch.float64, requires_grad=True)


@contextmanager
def watched(model: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Fills with what each submodule without parameters returned last, by its name:
    the masks."""
    found: dict[str, Tensor] = {}
    handles = []
    for name, module in model.named_modules():
        if name and not list(module.parameters()):

            def keep(_: nn.Module, __: Any, result: Tensor, name: str = name) -> None:
                found[name] = result

            handles.append(module.register_forward_hook(keep))
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def gradients(output: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    """Gradients of a sum in which every entry has a weight of its own."""
    return list(torch.autograd.grad((output * output.cos()).sum(), leaves))
