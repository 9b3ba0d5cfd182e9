"""Finite differences: gradients checked by calling forward alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import torch
from torch import Tensor

from rnndsl.analysis.program import Applied, Cell
from rnndsl.analysis.walk import typed_subexpressions
from rnndsl.verify.draw import Draw
from rnndsl.verify.oracle import Outcome, variables_of

DIFFERENCE_TOLERANCE = 1e-6
_STEP = 1e-5
_DIRECTIONS = 3


def alters_gradient(cell: Cell) -> bool:
    """Whether a gradient of the cell is no derivative on purpose, so that it cannot be
    compared with differences."""
    return any(
        isinstance(expression, Applied) and expression.function == "clip_gradient"
        for expression in typed_subexpressions(cell)
    )


def difference_error(
    evaluate: Callable[[Draw], Tensor],
    draw: Draw,
    outcome: Outcome,
    generator: torch.Generator,
) -> float:
    """How far the gradients are from central differences in float64.

    ``evaluate`` computes the weighted sum of a draw. All variables move together along
    a random direction of unit length; the change of the sum is compared with the
    gradients' product with the direction, relative to it or to 1. The median of three
    directions is returned: one may cross a kink, where neither value is wrong.
    """
    errors = []
    for _ in range(_DIRECTIONS):
        direction = _unit_direction(variables_of(draw), generator)
        with torch.no_grad():
            ahead = float(evaluate(_moved(draw, direction, _STEP)))
            behind = float(evaluate(_moved(draw, direction, -_STEP)))
        measured = (ahead - behind) / (2 * _STEP)
        derived = sum(
            float((outcome.gradients[name] * value).sum())
            for name, value in direction.items()
        )
        errors.append(abs(measured - derived) / max(1.0, abs(derived)))
    return median(errors)


def _unit_direction(
    variables: dict[str, Tensor], generator: torch.Generator
) -> dict[str, Tensor]:
    drawn = {
        name: torch.randn(value.shape, generator=generator, dtype=torch.float64)
        for name, value in variables.items()
    }
    length = math.sqrt(sum(float((value**2).sum()) for value in drawn.values()))
    return {name: value / length for name, value in drawn.items()}


def _moved(draw: Draw, direction: dict[str, Tensor], distance: float) -> Draw:
    moved = {
        name: value + distance * direction[name]
        for name, value in variables_of(draw).items()
    }
    return replace(
        draw,
        inputs={name: moved.get(name, value) for name, value in draw.inputs.items()},
        states=draw.states and {name: moved[f"{name}[0]"] for name in draw.states},
        parameters={n: moved.get(n, value) for n, value in draw.parameters.items()},
    )
