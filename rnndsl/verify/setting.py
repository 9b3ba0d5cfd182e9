"""A case with its numbers, and what the interpreter makes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

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
    def states(self) -> tuple[str, ...]:
        return tuple(state.name for state in self.cell.states)


def prepare(
    cell: Cell, sizes: dict[str, int], case: Case, generator: torch.Generator
) -> Setting | None:
    """Draws numbers on which the equations are finite and well conditioned.

    That is measured: the interpreter runs in float32 too, and its own rounding has to
    leave room below the tolerance. After a few attempts, every other one with positive
    inputs, the best draw is taken and float32 allowed in proportion. None if the
    equations are finite on no draw.
    """
    best: Setting | None = None
    best_rounding = math.inf
    single = TOLERANCES[torch.float32]
    for attempt in range(_ATTEMPTS):
        draw = draw_case(cell, sizes, case, generator, positive=attempt % 2 == 1)
        expected = interpret(cell, sizes, case, draw)
        if not all(_is_finite(value) for value in _tensors(expected).values()):
            continue
        rounded = interpret(cell, sizes, case, draw, torch.float32)
        rounding = largest_difference(_tensors(rounded), _tensors(expected)).error
        if best is None or rounding < best_rounding:
            best_rounding = rounding
            best = Setting(
                cell=cell,
                sizes=sizes,
                case=case,
                draw=draw,
                expected=expected,
                allowed={**TOLERANCES, torch.float32: max(single, _ROOM * rounding)},
            )
        if best_rounding * _ROOM <= single:
            break
    return best


def _tensors(outcome: Outcome) -> dict[str, Tensor]:
    named = {f"gradient of {n}": value for n, value in outcome.gradients.items()}
    return outcome.forward | named


def _is_finite(value: Tensor) -> bool:
    return bool(torch.isfinite(value).all())
