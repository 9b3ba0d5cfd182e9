"""Random stacks: a ragged batch is its rows, each run alone."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from model_cases import flat, gradients
from torch import Tensor
from torch.testing import assert_close

from rnndsl import compile_text

CELLS = ("LSTM", "GRU", "Elman", "MinGRU", "PeepholeLSTM", "TimeAwareLSTM")
MERGES = ("concat", "sum", "mean", "product")
POOLINGS = ("last", "mean", "max", "attention")
SEEDS = range(14)


def spec(seed: int) -> str:
    """A model of up to four layers and maps."""
    draw = random.Random(seed)
    lines = ["map linear(4)"] if draw.random() < 0.3 else []
    for _ in range(draw.randint(1, 3)):
        lines.append(f"layer {recurrence(draw)}")
        if draw.random() < 0.4:
            function = draw.choice(["tanh", "exp", "gelu", "leaky_relu(0.1)"])
            lines.append(f"map {function}, linear({draw.randint(2, 5)})")
        if draw.random() < 0.3:
            lines.append("dropout 0.5" + draw.choice(["", ", variational"]))
    if draw.random() < 0.4:
        lines.append(f"io many_to_one({draw.choice(POOLINGS)})")
    if draw.random() < 0.7:
        lines.append(f"head {draw.choice(['linear(K)', 'mlp(3, tanh, K)'])}")
    body = "\n    ".join(["input x: [I], dt: []", *lines, "loss mse"])
    sizes = ", ".join(size for size in "IHK" if re.search(rf"\b{size}\b", body))
    return f"from zoo import {', '.join(CELLS)}\n\nmodel Drawn({sizes}):\n    {body}\n"


def recurrence(draw: random.Random) -> str:
    """A layer with some options."""
    size = draw.choice(["H", "3", "4"])
    cells = draw.choices(CELLS, k=draw.choice([1, 1, 1, 2, 3]))
    text = f"{cells[0]}({size})"
    if len(cells) > 1:
        branches = ", ".join(f"{cell}({size})" for cell in cells)
        text = f"parallel({branches}, merge = {draw.choice(MERGES)})"
    elif draw.random() < 0.2:
        text += " x 2"
    other = draw.choice(["", f", {draw.choice(CELLS)}({size})"])
    both = f"bidirectional({draw.choice(MERGES)}{other})"
    options = [
        draw.choice(["", "", both, both, "reverse"]),
        draw.choice(["", "", "skip"]),
        draw.choice(["", "", "dropout(0.3)"]),
        draw.choice(["", "", "variational(0.3)"]),
        draw.choice(["", "", f"project({draw.randint(2, 5)})"]),
        draw.choice(["", "", "state learned"]),
    ]
    return ", ".join([text, *(option for option in options if option)])


def built(seed: int) -> Any:
    module = ModuleType(f"drawn_{seed}")
    sys.modules[module.__name__] = module
    text = compile_text(spec(seed), f"drawn_{seed}.rnn")
    exec(compile(text, module.__name__, "exec"), vars(module))
    torch.manual_seed(seed)
    names = [dim for dim, _ in module.Drawn.specification.dimensions]
    sizes = [{"I": 3, "H": 5, "K": 2}[name] for name in names]
    model = module.Drawn(*sizes, dtype=torch.float64).eval()
    for parameter in model.parameters():
        torch.nn.init.uniform_(parameter, -0.7, 0.7)
    return model


@pytest.mark.parametrize("seed", SEEDS)
def test_a_ragged_batch_is_its_rows(seed: int) -> None:
    model = built(seed)
    x = torch.randn(5, 4, 3, dtype=torch.float64)
    dt = torch.rand(5, 4, dtype=torch.float64)
    lengths = torch.tensor([3, 5, 1, 4])
    leaves = list(model.parameters())
    rows, states = [], []
    for row, length in enumerate(lengths.tolist()):
        own = slice(row, row + 1)
        output, state = model(x[:length, own], dt[:length, own])
        rows.append(padded(output, 5 - length))
        states.append(flat(state))
    wholes = [torch.cat(parts, 1) for parts in zip(*states, strict=True)]
    batch = 1 if rows[0].dim() == 3 else 0
    expected = (torch.cat(rows, batch), *wholes)
    wanted = gradients(expected, leaves)
    bad_x, bad_dt = x.clone(), dt.clone()
    for row, length in enumerate(lengths.tolist()):
        bad_x[length:, row], bad_dt[length:, row] = float("nan"), float("inf")
    for engine in ("fused", "reference"):
        model.engine = engine
        result = model(bad_x, bad_dt, lengths=lengths)
        assert_close(flat(result), list(expected))
        assert_close(gradients(result, leaves), wanted)


def padded(output: Tensor, steps: int) -> Tensor:
    if output.dim() == 2:
        return output
    return torch.nn.functional.pad(output, (0, 0, 0, 0, 0, steps))


def test_their_text_is_as_ruff_would_have_it(tmp_path: Path) -> None:
    for seed in SEEDS:
        text = compile_text(spec(seed), f"drawn_{seed}.rnn")
        (tmp_path / f"drawn_{seed}.py").write_text(text, encoding="utf-8")
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
