"""What the GPU benchmark checks and reports, as far as a CPU can tell."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import rnndsl
from benchmarks import gpu, gpu_checks, gpu_models
from benchmarks.gpu import main
from benchmarks.gpu_checks import CELLS, Check, checks, parity, training
from benchmarks.gpu_models import ModelEntry, compete, subjects
from benchmarks.gpu_peers import set_loop
from benchmarks.gpu_report import GpuEntry, GpuResults, render_gpu
from benchmarks.gpu_scenarios import SCENARIOS
from benchmarks.peers import Contest
from benchmarks.report import Shape
from benchmarks.timing import Timing
from rnndsl import zoo


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


def test_parity_on_whole_rows() -> None:
    (found,) = parity("GRU", ("vendor",), torch.float64, "cpu", None)
    assert found.passed, found.seen
    assert found.what == "parity: GRU, vendor, float64, whole rows"


def test_an_engine_that_cannot_run_is_a_failed_check() -> None:
    (found,) = parity("GRU", ("graph",), torch.float32, "cpu")
    assert not found.passed
    assert "CUDA graphs need an NVIDIA GPU" in found.seen


def test_training_of_all_kinds_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_checks, "_STEPS", 2 * len(SCENARIOS))
    passed, seen = training("GRU", ("fused", "reference"), "cpu")
    assert passed
    assert seen.endswith(", not replayed")


def test_training_that_goes_astray_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another first input for one of the two."""
    monkeypatch.setattr(gpu_checks, "_STEPS", 20)
    called: list[int] = []

    def step(layer: Any, x: torch.Tensor) -> None:
        called.append(1)
        layer(x * (1 + len(called) % 2))[0].square().sum().backward()

    monkeypatch.setattr(gpu_checks, "SCENARIOS", (step,))
    passed, _ = training("GRU", ("fused", "reference"), "cpu")
    assert not passed


def test_without_time_nothing_is_checked() -> None:
    found = list(checks("cpu", lambda: False))
    assert [check.seen for check in found] == ["there was no time left"] * 3


def test_an_error_of_any_kind_is_a_failed_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*arguments: object) -> None:
        raise ImportError("no driver")

    monkeypatch.setattr(gpu_checks, "CELLS", ())
    monkeypatch.setattr(gpu_checks, "_layer", fail)
    found = list(checks("cpu", lambda: True))
    assert [(check.passed, check.seen) for check in found] == [(False, "no driver")] * 3


def test_models_and_steps_compete(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where graphs are of no use: by the engine below them."""
    monkeypatch.setattr(gpu_models, "set_loop", lambda module, loop: None)
    for name, value in {"WORDS": 20, "WIDTH": 6, "T": 6, "B": 3}.items():
        monkeypatch.setattr(gpu_models, name, value)
    found = [
        entry
        for subject in subjects()
        for entry in compete(
            subject,
            "float32",
            torch.float32,
            gpu.QUICK,
            device="cpu",
            finish=lambda: None,
        )
    ]
    assert [(entry.what, entry.mode) for entry in found] == [
        ("LSTMCell, 1 row", "inference"),
        ("Tagger, a step of 1 row", "inference"),
        ("Tagger, 6 steps of 3 rows", "inference"),
        ("Tagger, 6 steps of 3 rows", "training"),
        ("Translator, 3 steps of 3 rows", "inference"),
        ("Translator, 3 steps of 3 rows", "training"),
    ]
    timings = [entry.timing for entry in found if entry.timing is not None]
    assert [list(timing.seconds) for timing in timings] == [
        ["graph", "plain", "torch.nn"],
        *[["graph", "plain"]] * 5,
    ]


def test_models_that_do_not_agree_are_not_timed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def spoil(module: Any, loop: str) -> None:
        with torch.no_grad():
            module.weight_hh.add_(1)

    monkeypatch.setattr(gpu_models, "set_loop", spoil)
    cell = subjects()[0]
    with pytest.raises(AssertionError, match="Tensor-likes are not close"):
        list(compete(cell, "", torch.float32, gpu.QUICK, device="cpu"))


def test_a_loop_without_kernels() -> None:
    module: Any = rnndsl.load(zoo.path("LSTM"))
    layer, other, third = (module.LSTM(2, 3) for _ in range(3))
    set_loop(layer, "fused")
    set_loop(other, "cuda")
    set_loop(third, "auto")
    assert layer.engine == other.engine == third.engine == "graph"
    assert layer.specification.kernels == "has to do without"
    assert layer.specification.vendor is other.specification.vendor is None
    assert other.specification.kernels is module.LSTM.specification.kernels
    assert third.specification is module.LSTM.specification
    assert third.specification.vendor is not None


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
            models=(
                ModelEntry(
                    "A step",
                    "float32",
                    "inference",
                    Timing({"graph": (1e-5,) * 2, "plain": (3e-5,) * 2}),
                ),
                ModelEntry("A model", "bfloat16", "training", None),
            ),
            minutes=6.54,
        )
    )
    lines = report.splitlines()
    assert lines[0] == "# GPU, 2001-02-03"
    assert "- written after 6.5 minutes" in lines
    assert "2 of 3 passed." in lines
    assert "| A step | inference | float32 | 10.0 | 30.0 |  | **3.00** |  |" in lines
    assert "| A model | training | bfloat16 | not timed | | | | |" in lines
    assert "- parity: GRU, graph, float16: **failed**, largest error 1" in lines
    assert "- memory over 10 random shapes: passed, 1 MiB, then 1 MiB" in lines
    assert not any("1.0e-07" in line for line in lines)
    assert "| eager | **10.00**, 5.00 to 20.00 | not measured |" in lines
    assert "At least 10 times as fast as the eager loop: 1 of 2." in lines
    assert "| torch.nn | **0.50**, 0.50 to 0.50 | not measured |" in lines
    assert (
        "| GRU | 100, 3, 5, 7 | 1.000 | 20.000 |  | 0.500 | 10.00 | **20.00** |  | "
        "**0.50** |"
    ) in lines
    assert "| GRU | 100, 3, 5, 7 | not timed | | | | | | | |" in lines


def test_what_fails_takes_nothing_else_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def contestants(
        contest: Contest, x: torch.Tensor, hidden_size: int, loop: str
    ) -> None:
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
