"""Modules compiled from specs in a string, and layers of them."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

import rnndsl
from rnndsl import compile_text

ROOT = Path(rnndsl.__file__).parents[1]
ENGINES = ("fused", "reference")


@cache
def module_of(text: str) -> ModuleType:
    """The module that a spec compiles to."""
    name = f"equations_{abs(hash(text))}"
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(compile_text(text, "spec.rnn"), f"{name}.py", "exec"), module.__dict__)
    return module


def layer_of(text: str, cell: str, engine: str, *sizes: int, **options: Any) -> Any:
    """A layer in float64 with random parameters, the same ones each time."""
    torch.manual_seed(7)
    layer = getattr(module_of(text), cell)(*sizes, dtype=torch.float64, **options)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    layer.engine = engine
    return layer


def faults(folder: Path, text: str) -> str:
    """What ruff says about the modules of a spec, with the runtime in it and without,
    and mypy about the former; nothing if they are clean."""
    for standalone in (False, True):
        module = compile_text(text, "spec.rnn", standalone=standalone)
        name = "whole.py" if standalone else "plain.py"
        (folder / name).write_text(module, encoding="utf-8")
    cache_folder = str(ROOT / ".mypy_cache")
    said = ""
    for command in (
        ["ruff", "check", "-q", "--isolated", "."],
        ["ruff", "format", "--check", "-q", "--isolated", "."],
        ["mypy", "--strict", "--cache-dir", cache_folder, "whole.py"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        said += done.stdout + done.stderr if done.returncode else ""
    return said
