"""The cost of a model as a table of formulas, with an example in numbers.

This is what ``rnndsl show --as cost`` prints of a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sympy

from rnndsl.analysis.model import Model
from rnndsl.columns import aligned
from rnndsl.ir.models.listing import model_heading
from rnndsl.plan.cost import BYTES, Cost
from rnndsl.plan.models.cost import StageCost, stages_of
from rnndsl.plan.sizes import dimension

_SIZE, _ROWS, _STEPS = 256, 32, 100


def model_cost_text(model: Model, costs: Mapping[str, Cost]) -> str:
    """Parameters, operations forward and backward, and what is kept, of every stage
    and in all. ``costs`` are those of the cells by name."""
    stages = stages_of(model, costs)
    names = [d.name for d in model.dimensions]
    sizes = {dimension(name): _size(model, name) for name in names}
    given = [f"{name} = {sizes[dimension(name)]:,}" for name in names]
    example = [*given, f"T = {_STEPS} steps", f"B = {_ROWS} rows"]
    lines = [
        model_heading(model),
        f"The last column is for {', '.join(example)}.",
        "",
        "parameters",
        *aligned(_parameters(stages, sizes), right=(2,)),
        "",
        "operations",
        *aligned(_operations(stages, sizes), right=(4,)),
        "",
        "kept for the backward pass, in bytes at float32",
        *aligned(_kept(stages, sizes), right=(3,)),
    ]
    return "\n".join(lines) + "\n"


def _size(model: Model, name: str) -> int:
    """An example of a dimension; above the cutoffs of classes."""
    loss = model.loss
    if loss is None or loss.classes != name:
        return _SIZE
    return _SIZE + loss.cutoffs[-1]


def _number(formula: sympy.Expr, sizes: Mapping[sympy.Expr, int]) -> str:
    return f"{int(formula.subs(sizes)):,}"


def _parameters(
    stages: Sequence[StageCost], sizes: Mapping[sympy.Expr, int]
) -> Iterable[tuple[str, str, str]]:
    for stage in stages:
        if stage.parameters != 0:
            size = stage.parameters
            yield (stage.name, str(size), _number(size, sizes))
    total = sympy.Add(*(stage.parameters for stage in stages))
    yield ("in all", str(total), _number(total, sizes))


def _operations(
    stages: Sequence[StageCost], sizes: Mapping[sympy.Expr, int]
) -> Iterable[tuple[str, str, str, str, str]]:
    yield ("", "of each", "forward", "backward", "both, in all")
    total = 0
    for stage in stages:
        both = stage.forward + stage.backward
        if both != 0:
            number = int(both.subs(sizes)) * _times(stage)
            total += number
            formulas = str(stage.forward), str(stage.backward)
            yield (stage.name, _each(stage), *formulas, f"{number:,}")
    yield ("in all", "", "", "", f"{total:,}")


def _kept(
    stages: Sequence[StageCost], sizes: Mapping[sympy.Expr, int]
) -> Iterable[tuple[str, str, str, str]]:
    yield ("", "of each", "", "in all")
    total = 0
    for stage in stages:
        if stage.kept != 0:
            kept = BYTES * stage.kept
            number = int(kept.subs(sizes)) * _times(stage)
            total += number
            yield (stage.name, _each(stage), str(kept), f"{number:,}")
    yield ("in all", "", "", f"{total:,}")


def _each(stage: StageCost) -> str:
    return "row" if stage.is_once else "row and step"


def _times(stage: StageCost) -> int:
    return _ROWS if stage.is_once else _ROWS * _STEPS
