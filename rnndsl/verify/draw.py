"""The random numbers of a case: weights, inputs, first states, and what is summed.

All are drawn from one generator, so a seed repeats a run, and all fit into float32, so
one float64 reference serves both precisions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import assert_never

import torch
from torch import Tensor

from rnndsl.analysis.program import (
    Cell,
    DrawnFrom,
    FilledWith,
    Initial,
    StoredParameter,
    StructureKind,
)
from rnndsl.formulas.formula import (
    Apply,
    Binary,
    Compare,
    Formula,
    Negate,
    Number,
    Power,
    Symbol,
)
from rnndsl.formulas.functions import FUNCTIONS
from rnndsl.verify.case import BATCH, STEPS, Case, sizes_of_layers
from rnndsl.verify.interpreter import Sizes, run_sequence, shape_of
from rnndsl.verify.structures import draw_pattern, spread_of, stored_shape

_WARM_UP_STEPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Everything a layer or a model is called with, and the weights of the sum that is
    differentiated: of the output and of each last state.

    inputs: (T, B, ...); states: (layers * directions, B, ...), None where the call
    leaves them out; parameters: by the names of the module's state_dict, of which
    ``untrained`` are not differentiated, and so are patterns, the columns of the
    entries of sparse ones. Inputs are only if ``input_gradients``. ``target`` is that
    of a model's loss, ``marks`` (T, B) are the steps before which a model starts anew.
    """

    inputs: dict[str, Tensor]
    states: dict[str, Tensor] | None
    parameters: dict[str, Tensor]
    output_weights: Tensor
    state_weights: dict[str, Tensor]
    input_gradients: bool = True
    patterns: dict[str, Tensor] = field(default_factory=dict)
    target: Tensor | None = None
    marks: Tensor | None = None
    untrained: tuple[str, ...] = ()

    @property
    def stored(self) -> dict[str, Tensor]:
        """All that the module's state_dict holds."""
        return self.parameters | self.patterns


def block_suffixes(case: Case) -> tuple[str, ...]:
    """What ends the parameter names of each layer and direction, as in torch.nn."""
    ends = ("", "_reverse")[: case.directions]
    return tuple(f"_l{layer}{end}" for layer in range(case.num_layers) for end in ends)


def draw_case(
    cell: Cell,
    sizes: dict[str, int],
    case: Case,
    generator: torch.Generator,
    *,
    positive: bool = False,
) -> Draw:
    """Draws all numbers of a case.

    Weights are of the size that keeps units out of saturation; ``positive`` makes the
    inputs so. First states are ones the cell reaches by itself from its declared state
    in a few steps, so that they lie where its equations mean something.
    """
    layers = sizes_of_layers(cell, sizes, case)
    per_block = [layer for layer in layers for _ in range(case.directions)]
    suffixes = block_suffixes(case)
    parameters: dict[str, Tensor] = {}
    patterns: dict[str, Tensor] = {}
    reached: list[dict[str, Tensor]] = []
    for suffix, block_sizes in zip(suffixes, per_block, strict=True):
        stored = {
            parameter.name: draw_parameter(parameter, block_sizes, generator)
            for parameter in cell.parameters
            if case.bias or not parameter.is_bias
        }
        parameters |= {name + suffix: value for name, value in stored.items()}
        places = draw_patterns(cell, block_sizes, generator)
        patterns |= {name + suffix: value for name, value in places.items()}
        stored |= places
        warm_up = _draw_inputs(cell, block_sizes, _WARM_UP_STEPS, generator, positive)
        reached.append(run_sequence(cell, block_sizes, warm_up, None, stored)[1])
    states = {
        state.name: single(torch.stack([block[state.name] for block in reached]))
        for state in cell.states
    }
    output_shape = list(shape_of(cell.output.shape, sizes))
    if cell.emitted:
        output_shape[0] += sum(
            math.prod(shape_of(value.shape, sizes)) for value in cell.emitted
        )
    if case.bidirectional:
        output_shape[:1] = [2 * size for size in output_shape[:1]] or [2]
    return Draw(
        inputs=_draw_inputs(cell, sizes, STEPS, generator, positive),
        states=states if case.given_state else None,
        parameters=parameters,
        output_weights=normal((STEPS, BATCH, *output_shape), generator),
        state_weights={
            name: normal(value.shape, generator) for name, value in states.items()
        },
        input_gradients=case.input_gradients,
        patterns=patterns,
    )


def _draw_inputs(
    cell: Cell, sizes: Sizes, steps: int, generator: torch.Generator, positive: bool
) -> dict[str, Tensor]:
    inputs = {}
    for declared in cell.inputs:
        shape = (steps, BATCH, *shape_of(declared.shape, sizes))
        if declared.one_hot:
            (size,) = shape_of(declared.shape, sizes)
            places = torch.randint(size, (steps, BATCH), generator=generator)
            inputs[declared.name] = places
            continue
        value = normal(shape, generator)
        inputs[declared.name] = value.abs() if positive else value
    return inputs


def draw_patterns(
    cell: Cell, sizes: Sizes, generator: torch.Generator
) -> dict[str, Tensor]:
    """The columns of the entries of a cell's sparse parameters, as they are stored."""
    found = {}
    for parameter in cell.parameters:
        structure = parameter.structure
        if structure is not None and structure.kind is StructureKind.SPARSE:
            shape = shape_of(parameter.member_shape, sizes)
            drawn = [
                draw_pattern(structure, shape, generator) for _ in parameter.members
            ]
            found[f"{parameter.name}_columns"] = torch.cat(drawn)
    return found


def draw_parameter(
    parameter: StoredParameter, sizes: Sizes, generator: torch.Generator
) -> Tensor:
    shape = shape_of(parameter.member_shape, sizes)
    spread = 1.5 / math.sqrt(shape[1]) if len(shape) == 2 else 0.7
    structure = parameter.structure
    if structure is not None:
        spread = spread_of(structure, shape)
        shape = stored_shape(structure, shape)
    drawn = [
        draw_member(member.initial, shape, spread, sizes, generator)
        for member in parameter.members
    ]
    if len(drawn) == 1:
        return drawn[0]
    return torch.cat(drawn) if shape else torch.stack(drawn)


def draw_member(
    initial: Initial | None,
    shape: tuple[int, ...],
    spread: float,
    sizes: Sizes,
    generator: torch.Generator,
) -> Tensor:
    """Around its declared value, or from its declared distribution; a matrix of no
    declared distribution so that its product with unit inputs has unit size, which
    takes this ``spread`` of its entries."""
    match initial:
        case DrawnFrom(function="uniform", arguments=(low, high)):
            a, b = _constant(low, sizes), _constant(high, sizes)
            return single(a + (b - a) * uniform(shape, generator))
        case DrawnFrom(function="normal", arguments=(mean, deviation)) if (
            len(shape) < 2
        ):
            scale = _constant(deviation, sizes)
            return single(_constant(mean, sizes) + scale * normal(shape, generator))
        case FilledWith(value=value):
            centre = value
        case _:
            centre = 0.0
    return single(centre + spread * (2 * uniform(shape, generator) - 1))


def _constant(formula: Formula, sizes: Sizes) -> float:
    """The value of an initialiser's argument."""
    match formula:
        case Number(value=value):
            return value
        case Symbol(name=name):
            return float(sizes[name])
        case Negate(operand=operand):
            return -_constant(operand, sizes)
        case Power(base=base, exponent=exponent):
            return math.pow(_constant(base, sizes), exponent)
        case Binary(operator=operator, left=left, right=right):
            a, b = _constant(left, sizes), _constant(right, sizes)
            match operator:
                case "+":
                    return a + b
                case "-":
                    return a - b
                case "*":
                    return a * b
                case "/":
                    return a / b
                case _:
                    assert_never(operator)
        case Apply(function=function, operands=operands, constants=constants):
            values = (_constant(operand, sizes) for operand in operands)
            return FUNCTIONS[function].value(*values, *constants)
        case Compare():
            raise ValueError("an initialiser's argument is a number, not a comparison")
        case _:
            assert_never(formula)


def single(value: Tensor) -> Tensor:
    """Rounded to float32, kept as float64."""
    return value.to(torch.float32).to(torch.float64)


def normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return single(torch.randn(shape, generator=generator, dtype=torch.float64))


def uniform(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=torch.float64)
