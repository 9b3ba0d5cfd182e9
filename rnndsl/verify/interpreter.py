"""Evaluates a resolved cell directly: the reference that everything is compared with.

One batch row and one step at a time, as the equations stand. Torch serves for scalar
arithmetic on float64 and for autograd; a product is a sum of products, not a GEMM.
Nothing here is shared with the stages that produce code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, assert_never

import torch
from torch import Tensor

from rnndsl.analysis.program import (
    Applied,
    AppliedAcross,
    BinaryOperation,
    Cell,
    Compared,
    Constant,
    Convolved,
    MatrixProduct,
    Negated,
    Raised,
    ReadCurrent,
    ReadDimension,
    ReadInput,
    ReadLocal,
    ReadParameter,
    ReadPrevious,
    Shape,
    TypedExpression,
)
from rnndsl.verify.convolution import convolution
from rnndsl.verify.definitions import apply_across, apply_function
from rnndsl.verify.structures import matrix_of, stored_shape

Sizes: TypeAlias = Mapping[str, int]
Values: TypeAlias = Mapping[str, Tensor]


def shape_of(shape: Shape, sizes: Sizes) -> tuple[int, ...]:
    """The sizes of a shape's dimensions."""
    return tuple(d if isinstance(d, int) else sizes[d] for d in shape)


def members(
    cell: Cell, sizes: Sizes, stored: Values, like: Tensor
) -> dict[str, Tensor]:
    """The parameters by the author's names, from the stored tensors.

    A brace group of n members of shape [R, C] is stored as [n * R, C]. A bias that is
    not stored is zero, of the dtype of ``like``. ``stored`` has the columns of a sparse
    parameter ``W`` under ``W_columns``.
    """
    found: dict[str, Tensor] = {}
    for parameter in cell.parameters:
        shape = shape_of(parameter.member_shape, sizes)
        tensor = stored.get(parameter.name)
        structure = parameter.structure
        own_shape = shape if structure is None else stored_shape(structure, shape)
        for index, member in enumerate(parameter.members):
            if tensor is None and parameter.is_bias:
                found[member.name] = like.new_zeros(shape)
                continue
            assert tensor is not None, f"no value for parameter {parameter.name}"
            count = len(parameter.members)
            value = _block(tensor, index, count, own_shape)
            assert value.shape == own_shape, f"{member.name}: {value.shape}"
            if structure is not None:
                pattern = stored.get(f"{parameter.name}_columns")
                if pattern is not None:
                    pattern = _block(pattern, index, count, own_shape)
                value = matrix_of(structure, value, shape, pattern)
            found[member.name] = value
    return found


def _block(tensor: Tensor, index: int, count: int, shape: tuple[int, ...]) -> Tensor:
    """One of ``count`` blocks of this shape, below one another in a tensor."""
    if count == 1:
        return tensor
    if not shape:
        return tensor[index]
    return tensor[index * shape[0] : (index + 1) * shape[0]]


def first_state(
    cell: Cell, sizes: Sizes, parameters: Values, like: Tensor
) -> dict[str, Tensor]:
    """The state of one row before the first step; ``parameters`` are members."""
    return {
        state.name: parameters[state.initial]
        if isinstance(state.initial, str)
        else like.new_full(shape_of(state.shape, sizes), state.initial)
        for state in cell.states
    }


def step(
    cell: Cell, sizes: Sizes, inputs: Values, state: Values, parameters: Values
) -> tuple[Tensor, dict[str, Tensor]]:
    """One step of one row: no batch dimension. Returns the output, with what is emitted
    behind it, and the new state.

    ``parameters`` are members, by the author's names.
    """
    scope = _Scope(sizes, inputs, dict(state), parameters, {}, {})
    for equation in cell.equations:
        value = _evaluate(equation.value, scope).expand(
            shape_of(equation.value.shape, sizes)
        )
        if equation.is_state:
            scope.current[equation.target] = value
        else:
            scope.locals[equation.target] = value
    output = _evaluate(cell.output, scope)
    if cell.emitted:
        beside = [
            _evaluate(value, scope).expand(shape_of(value.shape, sizes)).reshape(-1)
            for value in cell.emitted
        ]
        output = torch.cat([output.expand(shape_of(cell.output.shape, sizes)), *beside])
    return output, {state.name: scope.current[state.name] for state in cell.states}


def run_sequence(
    cell: Cell,
    sizes: Sizes,
    inputs: Values,
    initial: Values | None,
    stored: Values,
    *,
    lengths: tuple[int, ...] | None = None,
    reverse: bool = False,
) -> tuple[Tensor, dict[str, Tensor]]:
    """One layer in one direction over a batch of sequences.

    inputs: (T, B, ...) each; initial: (B, ...) each, None for the declared states;
    stored: the stored tensors. A row of length n has steps 0 to n - 1, read from the
    last to the first if ``reverse``. Returns the output (T, B, ...), zero where a row
    has ended, and each row's last state (B, ...).
    """
    inputs = _with_unit_vectors(cell, sizes, inputs, stored)
    like = next(iter(inputs.values()))
    steps, batch = like.shape[:2]
    parameters = members(cell, sizes, stored, like)
    rows: list[Tensor] = []
    finals: list[dict[str, Tensor]] = []
    for row in range(batch):
        length = steps if lengths is None else lengths[row]
        state = (
            first_state(cell, sizes, parameters, like)
            if initial is None
            else {name: value[row] for name, value in initial.items()}
        )
        outputs: dict[int, Tensor] = {}
        for t in reversed(range(length)) if reverse else range(length):
            now = {name: value[t, row] for name, value in inputs.items()}
            outputs[t], state = step(cell, sizes, now, state, parameters)
        ended = torch.zeros_like(next(iter(outputs.values())))
        rows.append(torch.stack([outputs.get(t, ended) for t in range(steps)]))
        finals.append(state)
    last = {s.name: torch.stack([f[s.name] for f in finals]) for s in cell.states}
    return torch.stack(rows, dim=1), last


def _with_unit_vectors(
    cell: Cell, sizes: Sizes, inputs: Values, stored: Values
) -> Values:
    """The inputs, with vectors for those that are given as the place of a 1."""
    made = dict(inputs)
    for declared in cell.inputs:
        value = inputs[declared.name]
        if declared.one_hot and not value.is_floating_point():
            (size,) = shape_of(declared.shape, sizes)
            unit = torch.eye(size, dtype=next(iter(stored.values())).dtype)
            made[declared.name] = unit[value]
    return made


@dataclass(frozen=True, slots=True)
class _Scope:
    sizes: Sizes
    inputs: Values
    previous: dict[str, Tensor]
    parameters: Values
    current: dict[str, Tensor]
    locals: dict[str, Tensor]


def _evaluate(expression: TypedExpression, scope: _Scope) -> Tensor:
    match expression:
        case Constant(value=number):
            return _number(number, scope)
        case ReadDimension(name=name):
            return _number(float(scope.sizes[name]), scope)
        case ReadInput(name=name):
            return scope.inputs[name]
        case ReadPrevious(name=name):
            return scope.previous[name]
        case ReadCurrent(name=name):
            return scope.current[name]
        case ReadLocal(name=name):
            return scope.locals[name]
        case ReadParameter(name=name):
            return scope.parameters[name]
        case MatrixProduct(matrix=matrix, operand=operand):
            return (_evaluate(matrix, scope) * _evaluate(operand, scope)).sum(1)
        case Convolved(kernel=kernel, operand=operand, bias=bias):
            added = None if bias is None else _evaluate(bias, scope)
            image = _evaluate(operand, scope).expand(
                shape_of(operand.shape, scope.sizes)
            )
            return convolution(_evaluate(kernel, scope), image, added)
        case BinaryOperation(operator=operator, left=left, right=right):
            a, b = _evaluate(left, scope), _evaluate(right, scope)
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
        case Negated(operand=operand):
            return -_evaluate(operand, scope)
        case Raised(base=base, exponent=exponent):
            return torch.pow(_evaluate(base, scope), exponent)
        case Compared(operator=comparison, left=left, right=right):
            a, b = _evaluate(left, scope), _evaluate(right, scope)
            match comparison:
                case "<":
                    return a < b
                case "<=":
                    return a <= b
                case ">":
                    return a > b
                case ">=":
                    return a >= b
                case "==":
                    return a == b
                case "!=":
                    return a != b
                case _:
                    assert_never(comparison)
        case Applied(function=function, operands=operands, constants=constants):
            values = tuple(_evaluate(operand, scope) for operand in operands)
            return apply_function(function, values, constants)
        case AppliedAcross(function=function, operand=operand, constants=constants):
            return apply_across(function, _evaluate(operand, scope), constants)
        case _:
            assert_never(expression)


def _number(value: float, scope: _Scope) -> Tensor:
    return next(iter(scope.inputs.values())).new_tensor(value)
