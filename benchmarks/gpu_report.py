"""The report of a run on a GPU, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.gpu_checks import Check
from benchmarks.gpu_models import ModelEntry
from benchmarks.report import Shape
from benchmarks.timing import MODES, Mode, Ratio, Timing, geometric_mean

OPPONENTS = ("eager", "captured", "torch.nn")
# Times the speed of the eager loop, of every cell where T >= 100.
EXPECTED = 10
INTRODUCTION = """\
The engine `graph` against an eager loop of the same cell, written by hand and
differentiated by autograd; against that loop captured by
`torch.cuda.make_graphed_callables`; and against `torch.nn`, which is cuDNN. Training is
forward, the sum of the output, and backward for all parameters. Times are medians, in
milliseconds a call; microseconds per step are those of `graph`. Ratios are medians of
paired ratios, and above 1 where `graph` is faster.
"""


@dataclass(frozen=True, slots=True)
class GpuEntry:
    """One cell at one shape; ``timing`` None where there was no time left for it, or
    where it failed, as a check then says."""

    cell: str
    shape: Shape
    dtype: str
    mode: Mode
    timing: Timing | None

    def ratio(self, opponent: str) -> Ratio | None:
        """How many times faster ``graph`` was; None if there is no such opponent."""
        if self.timing is None or opponent not in self.timing.seconds:
            return None
        return Ratio.of(self.timing.ratios(opponent, "graph"))


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuResults:
    """A run. ``device`` is the GPU, ``versions`` what is installed."""

    date: str
    device: str
    versions: tuple[str, ...]
    checks: tuple[Check, ...]
    models: tuple[ModelEntry, ...]
    entries: tuple[GpuEntry, ...]
    minutes: float


def render_gpu(results: GpuResults) -> str:
    """The whole report."""
    lines = [
        f"# GPU, {results.date}",
        "",
        INTRODUCTION,
        f"- {results.device}",
        *(f"- {version}" for version in results.versions),
        f"- written after {results.minutes:.1f} minutes",
        "",
        *_checks(results.checks),
    ]
    if results.entries:
        lines += ["## Summary", "", *_summary(results.entries), ""]
    if results.models:
        lines += ["## Models and single steps", "", *_models(results.models)]
    for dtype in dict.fromkeys(entry.dtype for entry in results.entries):
        for mode in MODES:
            chosen = [e for e in results.entries if (e.dtype, e.mode) == (dtype, mode)]
            lines += ["", f"## {mode.capitalize()}, {dtype}", "", *_table(chosen)]
    return "\n".join(lines) + "\n"


def _models(entries: Sequence[ModelEntry]) -> list[str]:
    """In microseconds a call, since a step takes but a few. ``plain`` is the engine
    ``fused``, without a graph."""
    names = ("graph", "plain", "torch.nn")
    heads = (*(f"{name}, µs" for name in names), "plain / graph", "torch.nn / graph")
    lines = [
        "Microseconds a call; `plain` is the engine `fused`, which no graph replays.",
        "",
        f"| what | mode | dtype | {' | '.join(heads)} |",
        "|---|---|---|" + "--:|" * len(heads),
    ]
    for entry in entries:
        start = f"| {entry.what} | {entry.mode} | {entry.dtype} |"
        timing = entry.timing
        if timing is None:
            lines.append(f"{start} not timed |" + " |" * 4)
            continue
        cells = [
            f"{1e6 * timing.median(name):.1f}" if name in timing.seconds else ""
            for name in names
        ]
        cells += [
            f"**{Ratio.of(timing.ratios(name, 'graph')).median:.2f}**"
            if name in timing.seconds
            else ""
            for name in names[1:]
        ]
        lines.append(f"{start} {' | '.join(cells)} |")
    return lines


def _checks(checks: Sequence[Check]) -> list[str]:
    failed = [check for check in checks if not check.passed]
    lines = [
        "## Checks",
        "",
        f"{len(checks) - len(failed)} of {len(checks)} passed.",
        "",
    ]
    shown = failed + [check for check in checks if ":" not in check.what[:7]]
    for check in dict.fromkeys(shown):
        verdict = "passed" if check.passed else "**failed**"
        lines.append(f"- {check.what}: {verdict}, {check.seen}")
    return [*lines, ""]


def _summary(entries: Sequence[GpuEntry]) -> list[str]:
    """Geometric means over all cells and the shapes of 100 steps and more."""
    lines = [
        "Geometric means of the ratios, of T >= 100.",
        "",
        "| against | " + " | ".join(MODES) + " |",
        "|---|" + "--:|" * len(MODES),
    ]
    for opponent in OPPONENTS:
        means = []
        for mode in MODES:
            found = [
                ratio.median
                for entry in entries
                if entry.mode == mode and entry.shape.T >= 100
                if (ratio := entry.ratio(opponent)) is not None
            ]
            means.append(_mean(found))
        lines.append(f"| {opponent} | {' | '.join(means)} |")
    found = [
        ratio.median
        for entry in entries
        if entry.shape.T >= 100 and (ratio := entry.ratio("eager")) is not None
    ]
    fast = sum(ratio >= EXPECTED for ratio in found)
    lines += [
        "",
        f"At least {EXPECTED} times as fast as the eager loop: {fast} of {len(found)}.",
    ]
    return lines


def _mean(values: Sequence[float]) -> str:
    if not values:
        return "not measured"
    low, high = min(values), max(values)
    return f"**{geometric_mean(values):.2f}**, {low:.2f} to {high:.2f}"


def _table(entries: Sequence[GpuEntry]) -> list[str]:
    names = ("graph", *OPPONENTS)
    heads = (*names, "µs per step", *(f"{name} / graph" for name in OPPONENTS))
    return [
        f"| cell | T, B, I, H | {' | '.join(heads)} |",
        "|---|---|" + "--:|" * len(heads),
        *(_row(entry, names) for entry in entries),
    ]


def _row(entry: GpuEntry, names: Sequence[str]) -> str:
    timing = entry.timing
    if timing is None:
        return f"| {entry.cell} | {entry.shape} | not timed |" + " |" * 7
    times = [
        f"{1000 * timing.median(name):.3f}" if name in timing.seconds else ""
        for name in names
    ]
    per_step = f"{1e6 * timing.median('graph') / entry.shape.T:.2f}"
    ratios = [
        "" if ratio is None else f"**{ratio.median:.2f}**"
        for ratio in map(entry.ratio, OPPONENTS)
    ]
    return (
        f"| {entry.cell} | {entry.shape} | {' | '.join([*times, per_step, *ratios])} |"
    )
