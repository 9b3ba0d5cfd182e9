"""A statement of a plan as an equation, with the names of the generated module."""

from __future__ import annotations

from typing import assert_never

from rnndsl.formulas.convolutions import convolution_text
from rnndsl.formulas.features import FEATURE_FUNCTIONS
from rnndsl.formulas.text import Written, applied, written, written_number
from rnndsl.plan.statements import (
    Across,
    AcrossBackward,
    Compute,
    Convolve,
    ConvolveBackward,
    Join,
    KernelSum,
    Members,
    Multiply,
    OuterSum,
    Repeat,
    SizeOf,
    Slice,
    Statement,
    SumFeatures,
    SumSteps,
    Unsqueeze,
    Weight,
)
from rnndsl.symbolic.expansion import expanded


def statement_text(statement: Statement) -> str:
    """``gates_x = weight_ih @ x + gates_x_bias``; products as in mathematics, the
    matrix on the left."""
    match statement:
        case Compute(target=target, formula=formula, equation=int()):
            return f"{target} = {written(formula, {}).text}"
        case Compute(target=target, formula=formula):
            return f"{target} = {written(expanded(formula), {}).text}"
        case Multiply(target=target, operand=operand, base=base):
            mark = ".T" if statement.transposed else ""
            start = "" if base is None else f" + {base}"
            return f"{target} = {_weight(statement.weight)}{mark} @ {operand}{start}"
        case Convolve(target=target, operand=operand, weight=weight, bias=bias):
            return f"{target} = {convolution_text(_weight(weight), operand, bias)}"
        case ConvolveBackward(target=target, arriving=arriving, weight=weight):
            return f"{target} = conv({_weight(weight)}).T @ {arriving}"
        case KernelSum(target=target, arriving=arriving, operand=operand):
            return f"{target} = sum over t, b of conv.T({arriving}, {operand})"
        case Slice(targets=names, source=source):
            return f"{_names(names)} = {source}"
        case Join(target=target, parts=parts):
            return f"{target} = [{'; '.join(part or '0' for part in parts)}]"
        case Unsqueeze(target=target, operand=operand):
            return f"{target} = {operand} for each feature"
        case Repeat(target=target, value=value):
            same = value if isinstance(value, str) else written_number(value).text
            return f"{target} = {same} for each row and step"
        case Across(target=target, operand=operand, constants=constants):
            result = applied(statement.function, [Written(operand)], constants)
            return f"{target} = {result.text}"
        case AcrossBackward():
            return _gradient(statement)
        case SumFeatures(target=target, operand=operand):
            return f"{target} = sum over the features of {operand}"
        case SumSteps(target=target, operand=operand, scalar=scalar, places=places):
            axes = "t, b and the features" if scalar else "t, b"
            axes = "t, b and places" if places else axes
            return f"{target} = sum over {axes} of {operand}"
        case OuterSum(target=target, left=left, right=right):
            return f"{target} = sum over t, b of {left} {right}.T"
        case Members(targets=names, stored=stored):
            return f"{_names(names)} = {stored}"
        case SizeOf(target=target, dimension=dimension):
            return f"{target} = {dimension}"
        case _:
            assert_never(statement)


def _gradient(statement: AcrossBackward) -> str:
    """``d_u = y * (d_y - sum(d_y * y))``; through the transposed derivative,
    ``layer_norm'(u).T @ d_y``, where that is long."""
    function = FEATURE_FUNCTIONS[statement.function]
    if statement.operand is not None:
        operand = [Written(statement.operand)]
        derivative = applied(f"{function.name}'", operand, statement.constants)
        return f"{statement.target} = {derivative.text}.T @ {statement.arriving}"
    sent = function.gradient(
        statement.arriving,
        statement.result or "",
        "",
        statement.features,
        statement.constants,
    )
    end = " for each feature" if function.is_reduction else ""
    return f"{statement.target} = {written(sent, {}).text}{end}"


def _names(names: tuple[str | None, ...]) -> str:
    """``[i_pre; f_pre]``: the parts that a value is made of, from the first row on."""
    return f"[{'; '.join(name or '_' for name in names)}]"


def _weight(weight: Weight) -> str:
    if weight.stored is not None and weight.is_whole:
        return weight.stored
    if len(weight.matrices) == 1:
        return weight.matrices[0]
    return f"[{'; '.join(weight.matrices)}]"
