"""Typed expressions as text, written as the language writes them."""

from __future__ import annotations

from typing import assert_never

from rnndsl.analysis.program import (
    Applied,
    AppliedAcross,
    BinaryOperation,
    Compared,
    Constant,
    Convolved,
    Delay,
    MatrixProduct,
    Negated,
    Raised,
    ReadCurrent,
    ReadDimension,
    ReadInput,
    ReadLocal,
    ReadParameter,
    ReadPrevious,
    TypedExpression,
)
from rnndsl.formulas.convolutions import convolution_text
from rnndsl.formulas.text import (
    Written,
    applied,
    arithmetic,
    compared,
    matrix_product,
    negated,
    raised,
    written_number,
)


def written_expression(expression: TypedExpression) -> Written:
    """What an expression stands for: user functions are expanded in it."""
    match expression:
        case Constant(name=str(name)):
            return Written(name)
        case Constant(value=value):
            return written_number(value)
        case ReadInput(name=name) | ReadCurrent(name=name):
            return Written(f"{name}[t]")
        case ReadPrevious(delay=Delay(name=name, steps=steps)):
            return Written(f"{name}[t-{steps}]")
        case ReadPrevious(name=name):
            return Written(f"{name}[t-1]")
        case ReadDimension(name=name) | ReadLocal(name=name) | ReadParameter(name=name):
            return Written(name)
        case MatrixProduct(matrix=matrix, operand=operand):
            return matrix_product(matrix.name, written_expression(operand))
        case Convolved(kernel=kernel, operand=operand, bias=bias):
            image = written_expression(operand).text
            added = None if bias is None else bias.name
            return Written(convolution_text(kernel.name, image, added))
        case BinaryOperation(operator=operator, left=left, right=right):
            first, second = written_expression(left), written_expression(right)
            return arithmetic(operator, first, second)
        case Negated(operand=operand):
            return negated(written_expression(operand))
        case Raised(base=base, exponent=exponent):
            return raised(written_expression(base), exponent)
        case Compared(operator=comparison, left=left, right=right):
            first, second = written_expression(left), written_expression(right)
            return compared(comparison, first, second)
        case Applied(function=function, operands=operands, constants=constants):
            arguments = [written_expression(operand) for operand in operands]
            return applied(function, arguments, constants)
        case AppliedAcross(function=function, operand=operand, constants=constants):
            return applied(function, [written_expression(operand)], constants)
        case _:
            assert_never(expression)
