"""Checks and times the engine ``graph`` on a GPU: ``python -m benchmarks.gpu``.

Writes benchmarks/results/gpu-DATE.md, unless ``--quick``, and prints it. It ends within
``--minutes``: what is not checked or timed by then is left out, and the report says so.
The report is written again after every shape, in case something ends it before.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

import rnndsl
from benchmarks.gpu_checks import Check, checks
from benchmarks.gpu_models import ModelEntry, compete, subjects
from benchmarks.gpu_peers import GpuContestants, Loop, gpu_contestants, set_loop
from benchmarks.gpu_report import GpuEntry, GpuResults, render_gpu
from benchmarks.machine import Machine
from benchmarks.peers import CONTESTS, Contest
from benchmarks.report import Shape
from benchmarks.timing import MODES, Effort, call, measure
from rnndsl import zoo

DEVICE = "cuda"
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
    start = time.monotonic()
    deadline = start + 60 * options.minutes
    # Torch before 2.9 collects garbage before every capture: what is there by now, the
    # compiler and torch, is left out.
    gc.collect()
    gc.freeze()
    # As ours are, so that all compute the same.
    torch.backends.cudnn.allow_tf32 = False
    done: list[Check] = []
    entries: list[GpuEntry] = []
    models: list[ModelEntry] = []
    versions = _versions(options.loop)

    def report() -> str:
        text = render_gpu(
            GpuResults(
                date=options.date,
                device=torch.cuda.get_device_name(),
                versions=versions,
                checks=tuple(done),
                models=tuple(models),
                entries=tuple(entries),
                minutes=(time.monotonic() - start) / 60,
            )
        )
        if not options.quick:
            RESULTS.mkdir(exist_ok=True)
            file = RESULTS / f"gpu-{options.date}.md"
            file.write_text(text, encoding="utf-8")
        return text

    def has_time() -> bool:
        return time.monotonic() < deadline

    if not options.no_checks:
        for check in checks(DEVICE, has_time):
            print(f"{check.what}: {check.passed}, {check.seen}", file=sys.stderr)
            done.append(check)
        report()
    effort = QUICK if options.quick else FULL
    for model in _timed_models(effort, has_time, done, options.loop):
        models.append(model)
        report()
    for entry in _timed(effort, has_time, done, options.loop):
        if entries and entry.shape != entries[-1].shape:
            report()
        entries.append(entry)
    print(report(), end="")
    if not all(check.passed for check in done):
        sys.exit(1)


def _versions(loop: Loop) -> tuple[str, ...]:
    """What is installed, and which loop the graphs are of."""
    module: Any = rnndsl.load(zoo.path("LSTM"))
    layer = module.LSTM(2, 2, device=DEVICE)
    set_loop(layer, loop)
    explained = layer.explain().splitlines()
    machine = Machine.here()
    return (
        f"{machine.processor}, {machine.cores} cores",
        f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}, cuDNN "
        f"{torch.backends.cudnn.version()}, Python {platform.python_version()}",
        f"float32 products: {torch.get_float32_matmul_precision()}, without TF32",
        *(
            line.strip()
            for line in explained
            if line.startswith(("  cuda:", "  fused:"))
        ),
    )


def _timed_models(
    effort: Effort, has_time: Callable[[], bool], failed: list[Check], loop: Loop
) -> Iterator[ModelEntry]:
    """Models and steps; what fails is noted in ``failed``."""
    for subject in subjects():
        for name, dtype in DTYPES.items():
            found: list[ModelEntry] = []
            what = f"{subject.what}, {name}"
            if has_time():
                print(what, file=sys.stderr)
                gc.collect()
                try:
                    found.extend(
                        compete(subject, name, dtype, effort, device=DEVICE, loop=loop)
                    )
                except Exception as error:
                    failed.append(Check(what, False, _first_line(error)))
            timed = [entry.mode for entry in found]
            yield from found
            for mode in subject.modes:
                if mode not in timed:
                    yield ModelEntry(subject.what, name, mode, None)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _timed(
    effort: Effort,
    has_time: Callable[[], bool],
    failed: list[Check],
    loop: Loop = "cuda",
) -> Iterator[GpuEntry]:
    """Small shapes first: they are those that fit. What fails is noted in ``failed``,
    and the others go on."""
    for shape in SHAPES:
        for contest in CONTESTS:
            for name, dtype in DTYPES.items():
                found: list[GpuEntry] = []
                what = f"{contest.cell} at {shape}, {name}"
                if has_time():
                    print(what, file=sys.stderr)
                    try:
                        found.extend(
                            _compete(contest, shape, name, dtype, effort, loop)
                        )
                    except Exception as error:
                        failed.append(Check(what, False, _first_line(error)))
                timed = [entry.mode for entry in found]
                yield from found
                for mode in MODES:
                    if mode not in timed:
                        yield GpuEntry(contest.cell, shape, name, mode, None)


def _compete(
    contest: Contest,
    shape: Shape,
    name: str,
    dtype: torch.dtype,
    effort: Effort,
    loop: Loop,
) -> Iterator[GpuEntry]:
    """One cell at one shape, once the contestants are seen to agree."""
    # Graphs of the layers before are in cycles with these, and their memory is large.
    gc.collect()
    torch.manual_seed(0)
    x = torch.randn(shape.T, shape.B, shape.I, device=DEVICE, dtype=dtype)
    layers = gpu_contestants(contest, x, shape.H, loop)
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
        "--loop",
        choices=("cuda", "fused", "auto"),
        default="cuda",
        help="what the graphs are of: generated kernels, torch operations, or what is "
        "taken by itself",
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
