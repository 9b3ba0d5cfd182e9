"""Checks and times the engine ``graph`` on a GPU: ``python -m benchmarks.gpu``.

Writes benchmarks/results/gpu-DATE.md, unless ``--quick``, and prints it. It ends within
``--minutes``: what is not timed by then is left out, and the report says so.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from benchmarks.gpu_checks import Check, checks
from benchmarks.gpu_peers import GpuContestants, gpu_contestants
from benchmarks.gpu_report import GpuEntry, GpuResults, render_gpu
from benchmarks.peers import CONTESTS, Contest
from benchmarks.report import Shape
from benchmarks.timing import MODES, Effort, call, measure

RESULTS = Path(__file__).parent / "results"
SHAPES = (
    Shape(1, 1, 128, 256),
    Shape(100, 1, 128, 128),
    Shape(100, 32, 256, 256),
    Shape(128, 64, 512, 512),
    Shape(1024, 16, 768, 768),
)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
FULL = Effort(rounds=5, seconds=0.6, sample_seconds=0.01)
QUICK = Effort(rounds=3, seconds=0.1, sample_seconds=0.002)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the checks, then the timings."""
    options = _parser().parse_args(arguments)
    if not torch.cuda.is_available():
        sys.exit("benchmarks.gpu needs an NVIDIA GPU, and torch sees none")
    deadline = time.monotonic() + 60 * options.minutes
    done = tuple(() if options.no_checks else _checked())
    effort = QUICK if options.quick else FULL
    entries = tuple(_timed(effort, lambda: time.monotonic() < deadline))
    report = render_gpu(
        GpuResults(
            date=options.date,
            device=torch.cuda.get_device_name(),
            versions=(
                f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}, cuDNN "
                f"{torch.backends.cudnn.version()}, Python {platform.python_version()}",
                f"float32 products: {torch.get_float32_matmul_precision()}",
            ),
            checks=done,
            entries=entries,
        )
    )
    print(report, end="")
    if not options.quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"gpu-{options.date}.md").write_text(report, encoding="utf-8")
    if not all(check.passed for check in done):
        sys.exit(1)


def _checked() -> Iterator[Check]:
    for check in checks():
        print(f"{check.what}: {check.passed}, {check.seen}", file=sys.stderr)
        yield check


def _timed(effort: Effort, has_time: Callable[[], bool]) -> Iterator[GpuEntry]:
    """Small shapes first: they are those that fit."""
    for shape in SHAPES:
        for contest in CONTESTS:
            for name, dtype in DTYPES.items():
                if has_time():
                    print(f"{contest.cell}, {shape}, {name}", file=sys.stderr)
                    yield from _compete(contest, shape, name, dtype, effort)
                else:
                    yield from (
                        GpuEntry(contest.cell, shape, name, mode, None)
                        for mode in MODES
                    )


def _compete(
    contest: Contest, shape: Shape, name: str, dtype: torch.dtype, effort: Effort
) -> Iterator[GpuEntry]:
    """One cell at one shape, once the contestants are seen to agree."""
    torch.manual_seed(0)
    x = torch.randn(shape.T, shape.B, shape.I, device="cuda", dtype=dtype)
    layers = gpu_contestants(contest, x, shape.H)
    _check_agreement(layers, x)
    for mode in MODES:
        calls = {title: call(layer, x, mode) for title, layer in layers.named().items()}
        timing = measure(calls, effort, finish=torch.cuda.synchronize)
        yield GpuEntry(contest.cell, shape, name, mode, timing)


def _check_agreement(layers: GpuContestants, x: torch.Tensor) -> None:
    """Raises AssertionError unless all compute the same output, also by replay."""
    expected = layers.eager(x)[0].detach()
    tolerance = 1e-3 if x.dtype == torch.float32 else 0.1
    for name, layer in layers.named().items():
        for _ in range(3):
            call(layer, x, "training")()
            with torch.no_grad():
                output, _ = layer(x)
            torch.testing.assert_close(
                output,
                expected,
                rtol=tolerance,
                atol=tolerance,
                msg=lambda text, name=name: f"{name} and eager do not agree: {text}",
            )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.gpu", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a rough look; nothing is written"
    )
    parser.add_argument(
        "--no-checks", action="store_true", help="timings alone, for work on these"
    )
    parser.add_argument(
        "--minutes", type=float, default=7.5, help="to stop after (default: 7.5)"
    )
    parser.add_argument(
        "--date", default=datetime.date.today().isoformat(), help="of the report"
    )
    return parser


if __name__ == "__main__":
    main()
