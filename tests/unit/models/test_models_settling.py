"""Models whose one input is held until their states settle."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from model_specs import compiled
from torch import Tensor
from torch.testing import assert_close

from rnndsl import compile_text
from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source
from rnndsl.verify.models.verify import verify_model

EQUILIBRIUM = """from zoo import Elman, GRU

model Equilibrium(I, K):
    input x: [I]
    map linear(8)
    layer parallel(Elman(4), GRU(5)), residual, project(8), state learned
    layer Elman(5)
    io one_to_one(settle = 30, tolerance = 0.01)
    head linear(K)
    loss cross_entropy
"""
MEMORY = """from zoo import Hopfield

model Memory(N):
    input pattern: [N]
    layer Hopfield()
    io one_to_one(settle = 50)
"""


def equilibrium() -> Any:
    torch.manual_seed(1)
    module: Any = compiled(EQUILIBRIUM, "equilibrium")
    return module.Equilibrium(3, 4, dtype=torch.float64)


def settled(layer: Any, below: Tensor, first: Any) -> Tensor:
    """Each row of a layer alone: its output (1, B, H) where it settles."""
    rows = []
    for row in range(below.shape[1]):
        own, state = below[:, row : row + 1], first[:, row : row + 1]
        for _ in range(30):
            output, new = layer(own, state)
            change = float((new - state).detach().abs().max())
            state = new
            if change <= 0.01:
                break
        rows.append(output)
    return torch.cat(rows, 1)


def by_hand(model: Any, x: Tensor) -> Tensor:
    flow = model.map_1(x.unsqueeze(0))
    rows = x.shape[0]
    one = settled(model.layer_1_1, flow, model.layer_1_1_state(rows))
    two = settled(model.layer_1_2, flow, model.layer_1_2_state(rows))
    flow = flow + model.layer_1_projection(torch.cat((one, two), -1))
    flow = settled(model.layer_2, flow, torch.zeros(1, rows, 5).double())
    output: Tensor = model.head(flow).squeeze(0)
    return output


@pytest.mark.parametrize("engine", ["fused", "reference"])
def test_each_layer_settles_on_the_one_below(engine: str) -> None:
    model = equilibrium()
    model.engine = engine
    x = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    output, state = model(x)
    expected = by_hand(model, x)
    assert_close(output, expected, rtol=0, atol=1e-12)
    variables = (x, *model.parameters())
    weights = torch.randn(6, 4, dtype=torch.float64)
    found = torch.autograd.grad((output * weights).sum(), variables)
    wanted = torch.autograd.grad((expected * weights).sum(), variables)
    for ours, theirs in zip(found, wanted, strict=True):
        assert_close(ours, theirs, rtol=1e-9, atol=1e-12)
    again, _ = model(x, state=state)
    assert_close(again, output, rtol=0, atol=0.05)


def test_a_single_row_and_one_of_no_numbers() -> None:
    model = equilibrium()
    x = torch.randn(4, 3, dtype=torch.float64)
    output, _ = model(x)
    assert_close(model(x[2])[0], output[2], rtol=0, atol=1e-12)
    assert_close(model.step(x)[0], output)
    x[1] = torch.nan
    beside = model(x)[0]
    assert torch.equal(beside[[0, 2, 3]], output[[0, 2, 3]])
    assert bool(beside[1].isnan().all())


def test_a_batch_without_rows() -> None:
    model = equilibrium()
    output, state = model(torch.zeros(0, 3, dtype=torch.float64))
    assert output.shape == (0, 4)
    again, _ = model(torch.zeros(0, 3, dtype=torch.float64), state=state)
    again.sum().backward()
    assert not model.map_1.weight.grad.any()


def test_it_trains() -> None:
    model = equilibrium()
    x = torch.randn(20, 3, dtype=torch.float64)
    target = (x[:, 0] > 0).long() + 2 * (x[:, 1] > 0).long()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = model.loss(model(x)[0], target)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]


def test_a_memory_recalls_what_is_stored() -> None:
    torch.manual_seed(3)
    module: Any = compiled(MEMORY, "memory")
    memory = module.Memory(n_size=80)
    stored = torch.randn(5, 80).sign()
    weight = stored.T @ stored
    memory.layer_1.assign_weight("weight_l0", weight - weight.diagonal().diag())
    probe = torch.where(torch.rand(5, 80) < 0.1, -stored, stored)
    assert not torch.equal(probe, stored)
    assert torch.equal(memory(stored)[0], stored)
    assert torch.equal(memory(probe)[0], stored)
    assert torch.equal(memory(probe[3])[0], stored[3])


def test_what_is_generated() -> None:
    text = compile_text(EQUILIBRIUM, "equilibrium.rnn")
    assert (
        """
        out, state_3, _ = self.layer_2.settle(
            out,
            hx=state[2],
            steps=30,
            tolerance=0.01,
        )
"""
        in text
    )
    assert "by more than 0.01, 30 times" in text
    module: Any = compiled(EQUILIBRIUM, "equilibrium")
    lines = module.EQUILIBRIUM_SPECIFICATION.summary
    assert "equilibrium.rnn:8  io one_to_one(settle = 30, tolerance = 0.01)" in lines
    text = compile_text(MEMORY, "memory.rnn")
    assert "self.layer_1.settle(pattern, hx=state[0], steps=50)" in text


@pytest.mark.parametrize("standalone", [False, True])
def test_it_is_laid_out_as_ruff_would(standalone: bool, tmp_path: Path) -> None:
    for name, spec in {"equilibrium": EQUILIBRIUM, "memory": MEMORY}.items():
        text = compile_text(spec, f"{name}.rnn", standalone=standalone)
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("spec", [EQUILIBRIUM, MEMORY], ids=["equilibrium", "memory"])
def test_it_is_what_its_lines_say(spec: str) -> None:
    compilation = Compilation(Source("settling.rnn", spec), None)
    (model,) = compilation.program.models
    results = list(verify_model(model, compiled(spec, model.name.lower()), seed=1))
    assert {result.engine for result in results} >= {"fused", "reference"}
    assert [result for result in results if not result.passed] == []
