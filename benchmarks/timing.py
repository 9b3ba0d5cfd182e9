"""Paired timing: in every round all contestants run once, each time in another order.

Other work on the machine slows a whole round, so the ratio of two times of one round
is far steadier than the ratio of two averages.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

Mode: TypeAlias = Literal["inference", "training"]
MODES: tuple[Mode, ...] = ("inference", "training")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long to measure: at least ``rounds`` rounds and about ``seconds`` in all,
    each time of a round over enough calls to last ``sample_seconds``."""

    rounds: int
    seconds: float
    sample_seconds: float


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds per call of every contestant, one for each round."""

    seconds: Mapping[str, tuple[float, ...]]

    @property
    def rounds(self) -> int:
        return len(next(iter(self.seconds.values())))

    def median(self, name: str) -> float:
        """The median time of a call."""
        return statistics.median(self.seconds[name])

    def ratios(self, slow: str, fast: str) -> tuple[float, ...]:
        """How many times longer ``slow`` took than ``fast``, round by round."""
        pairs = zip(self.seconds[slow], self.seconds[fast], strict=True)
        return tuple(a / b for a, b in pairs)


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of paired ratios, and the quartiles around it."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, ratios: Sequence[float]) -> Ratio:
        """From the ratios of at least two rounds."""
        low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return cls(low, median, high)


def geometric_mean(values: Sequence[float]) -> float:
    """The mean for ratios: the inverse ratios have the inverse mean."""
    return math.exp(statistics.fmean(map(math.log, values)))


def call(layer: nn.Module, x: Tensor, mode: Mode) -> Callable[[], None]:
    """One pass over x (T, B, I): forward, or forward and backward from the sum of the
    output to new gradients of all parameters."""

    def inference() -> None:
        with torch.no_grad():
            layer(x)

    def training() -> None:
        layer.zero_grad(set_to_none=True)
        output, _ = layer(x)
        output.sum().backward()

    return inference if mode == "inference" else training


def _nothing() -> None:
    """On a CPU work is done when its call returns."""


def measure(
    calls: Mapping[str, Callable[[], None]],
    effort: Effort,
    finish: Callable[[], None] = _nothing,
) -> Timing:
    """Times all calls against each other; ``finish`` waits until their work is done."""
    names = list(calls)
    repeats = {name: _repeats(calls[name], effort, finish) for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    deadline = time.perf_counter() + effort.seconds
    rounds = 0
    while rounds < effort.rounds or time.perf_counter() < deadline:
        shift = rounds % len(names)
        for name in names[shift:] + names[:shift]:
            seconds[name].append(_time(calls[name], repeats[name], finish))
        rounds += 1
    return Timing({name: tuple(times) for name, times in seconds.items()})


def _repeats(
    function: Callable[[], None], effort: Effort, finish: Callable[[], None]
) -> int:
    """Warms up; how many calls last as long as a sample should."""
    function()
    once = min(_time(function, 1, finish) for _ in range(2))
    return max(1, math.ceil(effort.sample_seconds / once))


def _time(
    function: Callable[[], None], repeats: int, finish: Callable[[], None]
) -> float:
    """Seconds per call."""
    finish()
    start = time.perf_counter()
    for _ in range(repeats):
        function()
    finish()
    return (time.perf_counter() - start) / repeats
