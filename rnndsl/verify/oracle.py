"""What the interpreter makes of a case: the values all others are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rnndsl.analysis.program import Cell
from rnndsl.verify.case import Case, sizes_of_layers
from rnndsl.verify.draw import Draw, block_suffixes
from rnndsl.verify.interpreter import run_sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``forward``: the output, each last state and the loss, if there is one.
    ``gradients``: of the weighted sum of the former plus the loss, with respect to each
    input, first state and parameter. Both by name."""

    forward: dict[str, Tensor]
    gradients: dict[str, Tensor]


def run_stack(
    cell: Cell, sizes: dict[str, int], case: Case, draw: Draw
) -> tuple[Tensor, dict[str, Tensor]]:
    """All layers and directions of a case, by the interpreter.

    Returns the output (T, B, ...), directions side by side, and the last states
    (layers * directions, B, ...).
    """
    first = cell.inputs[0].name
    inputs = dict(draw.inputs)
    suffixes = iter(block_suffixes(case))
    last: dict[str, list[Tensor]] = {state.name: [] for state in cell.states}
    block = 0
    for layer_sizes in sizes_of_layers(cell, sizes, case):
        outputs = []
        for reverse in (False, True)[: case.directions]:
            suffix = next(suffixes)
            names = [p.name for p in cell.parameters]
            names += [f"{name}_columns" for name in names]
            held = draw.stored
            stored = {n: held[n + suffix] for n in names if n + suffix in held}
            initial = draw.states and {n: v[block] for n, v in draw.states.items()}
            output, final = run_sequence(
                cell,
                layer_sizes,
                inputs,
                initial,
                stored,
                lengths=case.lengths,
                reverse=reverse,
            )
            outputs.append(output)
            for name, value in final.items():
                last[name].append(value)
            block += 1
        inputs[first] = _side_by_side(outputs)
    return inputs[first], {name: torch.stack(values) for name, values in last.items()}


def _side_by_side(outputs: list[Tensor]) -> Tensor:
    """The outputs of all directions as one; two scalars make a vector."""
    if len(outputs) == 1:
        return outputs[0]
    scalar = outputs[0].dim() == 2
    return torch.stack(outputs, -1) if scalar else torch.cat(outputs, 2)


def weighted_sum(output: Tensor, last: Mapping[str, Tensor], draw: Draw) -> Tensor:
    """The scalar that is differentiated; (), in the dtype of the output."""
    total = (output * draw.output_weights.to(output.dtype)).sum()
    for name, value in last.items():
        total = total + (value * draw.state_weights[name].to(value.dtype)).sum()
    return total


def gradients(total: Tensor, variables: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The gradient of ``total`` at each variable; zero where it has no influence."""
    if not total.requires_grad:
        return {name: torch.zeros_like(value) for name, value in variables.items()}
    found = torch.autograd.grad(total, list(variables.values()), allow_unused=True)
    return {
        name: torch.zeros_like(variable) if gradient is None else gradient
        for (name, variable), gradient in zip(variables.items(), found, strict=True)
    }


def variables_of(draw: Draw) -> dict[str, Tensor]:
    """The tensors of a draw that are differentiated, as results name them."""
    named = dict(draw.inputs) if draw.input_gradients else {}
    named = {name: value for name, value in named.items() if value.is_floating_point()}
    named |= {f"{name}[0]": value for name, value in (draw.states or {}).items()}
    trained = {n: v for n, v in draw.parameters.items() if n not in draw.untrained}
    return named | trained


def differentiable(draw: Draw, dtype: torch.dtype) -> Draw:
    """The same draw in a dtype, its variables leaves that ask for their gradients."""

    variables = variables_of(draw)

    def leaf(value: Tensor) -> Tensor:
        if not value.is_floating_point():
            return value
        is_variable = any(value is variable for variable in variables.values())
        copied = value.detach().to(dtype, copy=True)
        return copied.requires_grad_(is_variable)

    def leaves(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: leaf(value) for name, value in values.items()}

    return replace(
        draw,
        inputs=leaves(draw.inputs),
        states=None if draw.states is None else leaves(draw.states),
        parameters=leaves(draw.parameters),
        target=None if draw.target is None else leaf(draw.target),
    )


def outcome_of(output: Tensor, last: Mapping[str, Tensor], draw: Draw) -> Outcome:
    """Gathers what was computed from ``draw``, whose tensors ask for gradients."""
    total = weighted_sum(output, last, draw)
    forward = {"output": output.detach()}
    forward |= {f"last {name}": value.detach() for name, value in last.items()}
    return Outcome(forward=forward, gradients=gradients(total, variables_of(draw)))


def interpret(
    cell: Cell,
    sizes: dict[str, int],
    case: Case,
    draw: Draw,
    dtype: torch.dtype = torch.float64,
) -> Outcome:
    """The case by the interpreter and autograd."""
    live = differentiable(draw, dtype)
    output, last = run_stack(cell, sizes, case, live)
    return outcome_of(output, last, live)
