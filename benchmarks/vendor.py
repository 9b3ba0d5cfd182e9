"""Times the engines ``vendor`` and ``fused`` against each other and against torch.nn:
``python -m benchmarks.vendor``. Prints a table in Markdown."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

import torch

import rnndsl
from benchmarks.machine import load_average
from benchmarks.peers import CONTESTS, Contest
from benchmarks.report import Shape
from benchmarks.timing import MODES, Effort, Mode, Ratio, call, measure
from rnndsl import zoo

ENGINES = ("fused", "vendor", "auto")
SHAPES = (
    Shape(1, 1, 128, 256),
    Shape(4, 1, 64, 64),
    Shape(20, 1, 128, 256),
    Shape(64, 1, 512, 512),
    Shape(128, 1, 128, 256),
    Shape(1000, 1, 64, 64),
    Shape(4, 32, 128, 256),
    Shape(128, 8, 128, 256),
    Shape(128, 32, 128, 256),
    Shape(35, 20, 200, 200),
    Shape(100, 32, 128, 128),
    Shape(100, 32, 512, 512),
    Shape(28, 128, 28, 128),
)
EFFORT = Effort(rounds=7, seconds=1.5, sample_seconds=0.02)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(prog="benchmarks.vendor", description=__doc__)
    parser.add_argument("--threads", type=int, help="default: what torch chooses")
    parser.add_argument("--cell", choices=[c.cell for c in CONTESTS if c.vendor])
    options = parser.parse_args(arguments)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    print(f"threads: {torch.get_num_threads()}, load average: {load_average():.1f}\n")
    print("| cell | T, B, I, H | mode | fused | vendor | auto | torch.nn | ", end="")
    print("vendor / fused | auto / torch.nn |")
    print("|---|---|---|" + "--:|" * 6)
    for contest in CONTESTS:
        if contest.vendor is not None and options.cell in (None, contest.cell):
            for shape in SHAPES:
                for line in rows(contest, shape, EFFORT):
                    print(line, flush=True)


def rows(contest: Contest, shape: Shape, effort: Effort) -> Iterator[str]:
    """Milliseconds and paired ratios of one cell at one shape, a line for each mode."""
    torch.manual_seed(0)
    layers = contestants(contest, shape)
    x = torch.randn(shape.T, shape.B, shape.I)
    for mode in MODES:
        yield row(contest, shape, mode, layers, x, effort)


def contestants(contest: Contest, shape: Shape) -> dict[str, Any]:
    """A layer for each engine, and torch's, with the same parameters."""
    assert contest.vendor is not None, "torch has no such cell"
    theirs = contest.vendor(shape.I, shape.H)
    layers: dict[str, Any] = {}
    for engine in ENGINES:
        module: Any = rnndsl.load(zoo.path(contest.cell))
        layers[engine] = getattr(module, contest.cell)(shape.I, shape.H)
        layers[engine].load_state_dict(theirs.state_dict())
        layers[engine].engine = engine
    return {**layers, "torch.nn": theirs}


def row(
    contest: Contest,
    shape: Shape,
    mode: Mode,
    layers: dict[str, Any],
    x: torch.Tensor,
    effort: Effort,
) -> str:
    """One line of the table."""
    calls = {name: call(layer, x, mode) for name, layer in layers.items()}
    timing = measure(calls, effort)
    times = " | ".join(f"{1000 * timing.median(name):.2f}" for name in layers)
    ratios = " | ".join(
        f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
        for ratio in (
            Ratio.of(timing.ratios("vendor", "fused")),
            Ratio.of(timing.ratios("auto", "torch.nn")),
        )
    )
    return f"| {contest.cell} | {shape} | {mode} | {times} | {ratios} |"


if __name__ == "__main__":
    main()
