"""What the GPU benchmark checks and reports, as far as a CPU can tell."""

from __future__ import annotations

import pytest
import torch

from benchmarks import gpu
from benchmarks.gpu import main
from benchmarks.gpu_checks import CELLS, Check, parity
from benchmarks.gpu_report import GpuEntry, GpuResults, render_gpu
from benchmarks.peers import Contest
from benchmarks.report import Shape
from benchmarks.timing import Timing


@pytest.mark.parametrize("cell", CELLS)
def test_parity_with_the_interpreter(cell: str) -> None:
    found = list(parity(cell, ("fused", "reference"), torch.float64, "cpu"))
    assert [check.passed for check in found] == [True, True]
    assert found[0].what == f"parity: {cell}, fused, float64"
    assert found[0].seen.startswith("largest relative error ")


@pytest.mark.parametrize("cell", ["SLSTM", "LSTM"])
def test_parity_in_half_precision(cell: str) -> None:
    """A state that starts at -1e30, beyond a half, too."""
    engines = ("fused", "reference")
    for check in parity(cell, engines, torch.float16, "cpu"):
        assert check.passed, check.seen


def test_an_engine_that_cannot_run_is_a_failed_check() -> None:
    (found,) = parity("GRU", ("graph",), torch.float32, "cpu")
    assert not found.passed
    assert "CUDA graphs need an NVIDIA GPU" in found.seen


def entry(T: int, mode: str, *, timed: bool = True, **seconds: float) -> GpuEntry:
    times = {name.replace("_", "."): (value,) * 2 for name, value in seconds.items()}
    timing = Timing(times) if timed else None
    return GpuEntry("GRU", Shape(T, 3, 5, 7), "float32", mode, timing)  # type: ignore[arg-type]


def test_the_report() -> None:
    report = render_gpu(
        GpuResults(
            date="2001-02-03",
            device="A GPU",
            versions=("PyTorch 2.13.0",),
            checks=(
                Check("parity: GRU, graph, float32", True, "largest error 1.0e-07"),
                Check("parity: GRU, graph, float16", False, "largest error 1"),
                Check("memory over 10 random shapes", True, "1 MiB, then 1 MiB"),
            ),
            entries=(
                entry(100, "inference", graph=1e-3, eager=0.02, torch_nn=5e-4),
                entry(200, "inference", graph=1e-3, eager=0.005, captured=2e-3),
                entry(1, "inference", graph=1e-3, eager=1e-3),
                entry(100, "training", timed=False),
            ),
        )
    )
    lines = report.splitlines()
    assert lines[0] == "# GPU, 2001-02-03"
    assert "2 of 3 passed." in lines
    assert "- parity: GRU, graph, float16: **failed**, largest error 1" in lines
    assert "- memory over 10 random shapes: passed, 1 MiB, then 1 MiB" in lines
    assert not any("1.0e-07" in line for line in lines)
    assert "| eager | **10.00**, 5.00 to 20.00 | not measured |" in lines
    assert "| torch.nn | **0.50**, 0.50 to 0.50 | not measured |" in lines
    assert (
        "| GRU | 100, 3, 5, 7 | 1.000 | 20.000 |  | 0.500 | 10.00 | **20.00** |  | "
        "**0.50** |"
    ) in lines
    assert "| GRU | 100, 3, 5, 7 | not timed | | | | | | | |" in lines


def test_what_fails_takes_nothing_else_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def contestants(contest: Contest, x: torch.Tensor, hidden_size: int) -> None:
        if contest.cell == "GRU":
            raise RuntimeError("out of memory\nand more")
        raise AssertionError("graph and eager do not agree: by 3")

    monkeypatch.setattr(gpu, "DEVICE", "cpu")
    monkeypatch.setattr(gpu, "gpu_contestants", contestants)
    failed: list[Check] = []
    entries = list(gpu._timed(gpu.QUICK, lambda: True, failed))
    assert len(entries) == 100
    assert all(entry.timing is None for entry in entries)
    assert {check.seen for check in failed} == {
        "out of memory",
        "graph and eager do not agree: by 3",
    }
    assert failed[0].what == "LSTM at 1, 1, 128, 256, float32"
    assert not any(check.passed for check in failed)


def test_it_needs_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit, match="needs an NVIDIA GPU"):
        main([])
