"""Times the engine ``fused`` on the CPU: ``python -m benchmarks.cpu``.

Writes benchmarks/results/cpu-DATE.md, unless ``--quick``, and prints it.
"""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track

from benchmarks.machine import Machine, load_average
from benchmarks.peers import CONTESTS, Contest, Contestants, contestants
from benchmarks.report import Entry, Results, Shape, render
from benchmarks.timing import MODES, Effort, call, measure

RESULTS = Path(__file__).parent / "results"
SHAPES = (
    Shape(1, 1, 128, 256),
    Shape(20, 1, 128, 256),
    Shape(100, 1, 128, 128),
    Shape(100, 32, 128, 128),
    Shape(100, 32, 512, 512),
    Shape(28, 128, 28, 128),
    Shape(35, 20, 200, 200),
    Shape(1000, 1, 64, 64),
)
FULL = Effort(rounds=15, seconds=4.0, sample_seconds=0.03)
QUICK = Effort(rounds=5, seconds=0.5, sample_seconds=0.005)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the benchmark."""
    options = _parser().parse_args(arguments)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    contests = [c for c in CONTESTS if options.cell in (None, c.cell)]
    jobs = [(contest, shape) for contest in contests for shape in SHAPES]
    before = load_average()
    entries: list[Entry] = []
    console = Console(stderr=True)
    for contest, shape in track(jobs, "timing", console=console, transient=True):
        entries.extend(compete(contest, shape, QUICK if options.quick else FULL))
    report = render(
        Results(
            date=options.date,
            machine=Machine.here(),
            load_before=before,
            load_after=load_average(),
            entries=tuple(entries),
        )
    )
    print(report, end="")
    if not options.quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"cpu-{options.date}.md").write_text(report, encoding="utf-8")


def compete(contest: Contest, shape: Shape, effort: Effort) -> Iterator[Entry]:
    """Times one cell at one shape, once the contestants are seen to agree."""
    torch.manual_seed(0)
    layers = contestants(contest, shape.I, shape.H)
    x = torch.randn(shape.T, shape.B, shape.I)
    check_agreement(layers, x)
    for mode in MODES:
        calls = {name: call(layer, x, mode) for name, layer in layers.named().items()}
        yield Entry(contest.cell, shape, mode, measure(calls, effort))


def check_agreement(layers: Contestants, x: torch.Tensor) -> None:
    """Raises AssertionError unless all compute the same output and gradients."""
    found = {}
    for name, layer in layers.named().items():
        call(layer, x, "training")()
        with torch.no_grad():
            output, _ = layer(x)
        gradients = [parameter.grad for parameter in layer.parameters()]
        found[name] = [output, *(g for g in gradients if g is not None)]
    for name, values in found.items():
        for value, expected in zip(values, found["fused"], strict=True):
            _check_close(f"{name} and fused", value, expected)


def _check_close(what: str, value: torch.Tensor, expected: torch.Tensor) -> None:
    # Gradients are sums over all steps: their size sets the scale.
    scale = max(1.0, expected.abs().max().item())
    torch.testing.assert_close(
        value,
        expected,
        rtol=1e-4,
        atol=1e-4 * scale,
        msg=lambda message: f"{what} do not agree: {message}",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.cpu", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a rough look; nothing is written"
    )
    parser.add_argument("--threads", type=int, help="default: what torch chooses")
    parser.add_argument(
        "--cell", choices=[contest.cell for contest in CONTESTS], help="default: all"
    )
    parser.add_argument(
        "--date", default=datetime.date.today().isoformat(), help="of the report"
    )
    return parser


if __name__ == "__main__":
    main()
