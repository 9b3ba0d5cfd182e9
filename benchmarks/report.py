"""The table of results, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.machine import Machine
from benchmarks.timing import MODES, Mode, Ratio, Timing, geometric_mean

COLUMNS = ("fused", "eager", "torch.nn", "eager / fused", "torch.nn / fused")
HEADER = (
    f"| cell | T, B, I, H | {' | '.join(COLUMNS)} |",
    "|---|---|" + "--:|" * len(COLUMNS),
)
INTRODUCTION = """\
The engine `fused` against an eager loop of the same cell, written by hand and
differentiated by autograd, and against `torch.nn`. Float32. Training is forward, the
sum of the output, and backward for all parameters. Times are medians, in milliseconds;
ratios are medians of paired ratios, with quartiles, and above 1 where `fused` is
faster.
"""
OPPONENTS = {"eager": "the eager loop", "torch.nn": "torch.nn"}


@dataclass(frozen=True, slots=True)
class Shape:
    """Steps, batch, input size, hidden size."""

    T: int
    B: int
    I: int  # noqa: E741 - the dimension's name
    H: int

    def __str__(self) -> str:
        return f"{self.T}, {self.B}, {self.I}, {self.H}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell at one shape."""

    cell: str
    shape: Shape
    mode: Mode
    timing: Timing

    def ratio(self, opponent: str) -> Ratio | None:
        """How many times faster fused was; None if there is no such opponent."""
        if opponent not in self.timing.seconds:
            return None
        return Ratio.of(self.timing.ratios(opponent, "fused"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A run of the benchmark."""

    date: str
    machine: Machine
    load_before: float
    load_after: float
    entries: tuple[Entry, ...]


def render(results: Results) -> str:
    """The whole report."""
    machine = results.machine
    lines = [
        f"# CPU, {results.date}",
        "",
        INTRODUCTION,
        f"- {machine.processor}, {machine.cores} cores, {machine.capability}; "
        f"{machine.threads} {'thread' if machine.threads == 1 else 'threads'}",
        f"- PyTorch {machine.torch}, Python {machine.python}",
        f"- load average {results.load_before:.1f} at the start, "
        f"{results.load_after:.1f} at the end; "
        f"{min(e.timing.rounds for e in results.entries)} or more rounds",
        "",
        "## Summary",
        "",
        *_summary(results.entries),
    ]
    for mode in MODES:
        entries = [entry for entry in results.entries if entry.mode == mode]
        lines += ["", f"## {mode.capitalize()}", "", *HEADER, *map(_row, entries)]
    return "\n".join(lines) + "\n"


def ratios(entries: Sequence[Entry], mode: Mode, opponent: str) -> list[float]:
    """The median ratios of a mode against an opponent, where there is one."""
    found = (entry.ratio(opponent) for entry in entries if entry.mode == mode)
    return [ratio.median for ratio in found if ratio is not None]


def _summary(entries: Sequence[Entry]) -> list[str]:
    """Geometric means over all shapes: of the cells of torch.nn, and of the others."""
    vendor = {entry.cell for entry in entries if entry.ratio("torch.nn") is not None}
    known = [entry for entry in entries if entry.cell in vendor]
    custom = [entry for entry in entries if entry.cell not in vendor]
    lines = [
        "| geometric mean of the ratios | cells | " + " | ".join(MODES) + " |",
        "|---|---|" + "--:|" * len(MODES),
    ]
    for group, opponent in (
        (known, "eager"),
        (custom, "eager"),
        (known, "torch.nn"),
    ):
        if not group:
            continue
        cells = ", ".join(dict.fromkeys(entry.cell for entry in group))
        means = " | ".join(_mean(ratios(group, mode, opponent)) for mode in MODES)
        lines.append(f"| against {OPPONENTS[opponent]} | {cells} | {means} |")
    return lines


def _mean(values: Sequence[float]) -> str:
    slower = sum(value < 1 for value in values)
    return (
        f"**{geometric_mean(values):.2f}**, {min(values):.2f} to {max(values):.2f}, "
        f"slower in {slower} of {len(values)}"
    )


def _row(entry: Entry) -> str:
    timing = entry.timing
    times = " | ".join(
        f"{1000 * timing.median(name):.3f}" if name in timing.seconds else ""
        for name in ("fused", "eager", "torch.nn")
    )
    shown = " | ".join(_shown(entry.ratio(opponent)) for opponent in OPPONENTS)
    return f"| {entry.cell} | {entry.shape} | {times} | {shown} |"


def _shown(ratio: Ratio | None) -> str:
    if ratio is None:
        return ""
    return f"**{ratio.median:.2f}** ({ratio.low:.2f} to {ratio.high:.2f})"
