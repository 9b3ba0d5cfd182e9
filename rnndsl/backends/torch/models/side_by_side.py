"""Submodules that run on the same input: one statement, or one for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnndsl.backends.torch.layout import WIDTH, call
from rnndsl.backends.torch.models.stage import INDENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """``targets = function(arguments)``, and what is done with the targets ``after``
    it."""

    targets: tuple[str, ...]
    function: str
    arguments: tuple[str, ...]
    after: tuple[str, ...] = ()


def side_by_side(runs: Sequence[Run]) -> list[str]:
    """The statements of runs of which no one needs another's results."""
    after = [line for run in runs for line in run.after]
    if len(runs) == 1:
        (run,) = runs
        assigned = f"{', '.join(run.targets)} = {run.function}"
        return [*call(assigned, run.arguments, indent=INDENT), *after]
    calls = [
        line
        for run in runs
        for line in call(
            f"lambda: {run.function}", run.arguments, indent=INDENT + 4, tail=","
        )
    ]
    head = _targets(runs)
    head[-1] += " = side_by_side("
    return [*head, *(f"    {line}" for line in calls), ")", *after]


def _targets(runs: Sequence[Run]) -> list[str]:
    """``(y_1, state_1), (y_2, state_2)``, one a line where that is too long."""
    pairs = [f"({', '.join(run.targets)})" for run in runs]
    flat = ", ".join(pairs)
    if len(f"{flat} = side_by_side(") + INDENT <= WIDTH:
        return [flat]
    return ["(", *(f"    {pair}," for pair in pairs), ")"]
