"""A case with its numbers, and what the interpreter makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from rnndsl.analysis.program import Cell
from rnndsl.verify.case import Case
from rnndsl.verify.compare import TOLERANCES, largest_difference
from rnndsl.verify.draw import Draw, draw_case
from rnndsl.verify.oracle import Outcome, interpret

_ATTEMPTS = 8
# How much more than the interpreter's own rounding a module may show where that alone
# leaves no room below the tolerance.
_ROOM = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """``expected`` is the interpreter's outcome in float64, ``allowed`` the tolerance
    of each dtype."""

    cell: Cell
    sizes: dict[str, int]
    case: Case
    draw: Draw
    expected: Outcome
    allowed: dict[torch.dtype, float]

    @property
    def name(self) -> str:
        return self.cell.name

    @property
    def case_name(self) -> str:
        return self.case.name

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(state.name for state in self.cell.states)


def prepare(
    cell: Cell, sizes: dict[str, int], case: Case, generator: torch.Generator
) -> Setting | None:
    """Draws numbers on which the cell is well conditioned, as ``conditioned`` says."""

    def draw(attempt: int) -> Draw:
        return draw_case(cell, sizes, case, generator, positive=attempt % 2 == 1)

    found = conditioned(draw, partial(interpret, cell, sizes, case))
    if found is None:
        return None
    drawn, expected, allowed = found
    return Setting(
        cell=cell,
        sizes=sizes,
        case=case,
        draw=drawn,
        expected=expected,
        allowed=allowed,
    )


def conditioned(
    draw: Callable[[int], Draw], evaluate: Callable[[Draw, torch.dtype], Outcome]
) -> tuple[Draw, Outcome, dict[torch.dtype, float]] | None:
    """Draws numbers on which what the interpreter evaluates is finite and well
    conditioned. Returns them, its outcome in float64 and what each dtype is allowed.

    That is measured: the interpreter runs in float32 too, and its own rounding has to
    leave room below the tolerance. After a few attempts, which ``draw`` is given the
    numbers of, the best draw is taken and float32 allowed in proportion. None if
    nothing is finite on any draw.
    """
    best = None
    best_rounding = math.inf
    single = TOLERANCES[torch.float32]
    for attempt in range(_ATTEMPTS):
        drawn = draw(attempt)
        expected = evaluate(drawn, torch.float64)
        if not all(_is_finite(value) for value in _tensors(expected).values()):
            continue
        rounded = evaluate(drawn, torch.float32)
        rounding = largest_difference(_tensors(rounded), _tensors(expected)).error
        if best is None or rounding < best_rounding:
            best_rounding = rounding
            allowed = {**TOLERANCES, torch.float32: max(single, _ROOM * rounding)}
            best = (drawn, expected, allowed)
        if best_rounding * _ROOM <= single:
            break
    return best


def _tensors(outcome: Outcome) -> dict[str, Tensor]:
    named = {f"gradient of {n}": value for n, value in outcome.gradients.items()}
    return outcome.forward | named


def _is_finite(value: Tensor) -> bool:
    return bool(torch.isfinite(value).all())
