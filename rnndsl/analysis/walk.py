"""Going through expressions without recursion: a sum may be 500 terms deep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from rnndsl.analysis import program
from rnndsl.syntax import tree


def subexpressions(expression: tree.Expression) -> Iterator[tree.Expression]:
    """The expression and all within it, as they stand from left to right."""
    waiting = [expression]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(_parts(node)))


def references(expression: tree.Expression) -> Iterator[tree.Reference]:
    """The names read in an expression, from left to right."""
    for node in subexpressions(expression):
        if isinstance(node, tree.Reference):
            yield node


def calls(expression: tree.Expression) -> Iterator[tree.Call]:
    """The function calls in an expression, from left to right."""
    for node in subexpressions(expression):
        if isinstance(node, tree.Call):
            yield node


def _parts(node: tree.Expression) -> tuple[tree.Expression, ...]:
    match node:
        case tree.NumberLiteral() | tree.Reference():
            return ()
        case tree.Negation(operand=operand):
            return (operand,)
        case (
            tree.Arithmetic(left=left, right=right)
            | tree.Product(left=left, right=right)
            | tree.Comparison(left=left, right=right)
        ):
            return (left, right)
        case tree.Exponentiation(base=base, exponent=exponent):
            return (base, exponent)
        case tree.Call(arguments=arguments):
            return arguments
        case _:
            assert_never(node)


def same(one: program.TypedExpression, other: program.TypedExpression) -> bool:
    """Whether two expressions are written alike, whatever their places."""
    waiting = [(one, other)]
    while waiting:
        a, b = waiting.pop()
        if a is b:
            continue
        if type(a) is not type(b) or _own(a) != _own(b):
            return False
        waiting.extend(zip(operands(a), operands(b), strict=True))
    return True


def within(*expressions: program.TypedExpression) -> Iterator[program.TypedExpression]:
    """The typed expressions and all within them, as they stand from left to right."""
    waiting = list(reversed(expressions))
    while waiting:
        expression = waiting.pop()
        yield expression
        waiting.extend(reversed(operands(expression)))


def typed_subexpressions(
    cell: program.Cell,
) -> Iterator[program.TypedExpression]:
    """All expressions in the equations of a cell and in its output."""
    return within(*(equation.value for equation in cell.equations), cell.output)


def operands(
    expression: program.TypedExpression,
) -> tuple[program.TypedExpression, ...]:
    """The direct operands of a typed expression, from left to right."""
    match expression:
        case (
            program.Constant()
            | program.ReadDimension()
            | program.ReadInput()
            | program.ReadPrevious()
            | program.ReadCurrent()
            | program.ReadLocal()
            | program.ReadParameter()
        ):
            return ()
        case program.MatrixProduct(matrix=matrix, operand=operand):
            return (matrix, operand)
        case program.Convolved(kernel=kernel, operand=operand, bias=bias):
            return (kernel, operand, *(() if bias is None else (bias,)))
        case (
            program.BinaryOperation(left=left, right=right)
            | program.Compared(left=left, right=right)
        ):
            return (left, right)
        case program.Negated(operand=operand) | program.AppliedAcross(operand=operand):
            return (operand,)
        case program.Raised(base=base):
            return (base,)
        case program.Applied(operands=applied):
            return applied
        case _:
            assert_never(expression)


def _own(expression: program.TypedExpression) -> tuple[object, ...]:
    """What an expression says besides its operands."""
    match expression:
        case program.Constant(value=value):
            return (value,)
        case (
            program.ReadDimension(name=name)
            | program.ReadInput(name=name)
            | program.ReadPrevious(name=name)
            | program.ReadCurrent(name=name)
            | program.ReadLocal(name=name)
            | program.ReadParameter(name=name)
        ):
            return (name,)
        case program.MatrixProduct() | program.Negated():
            return ()
        case program.Convolved(bias=bias):
            return (bias is None,)
        case (
            program.BinaryOperation(operator=operator)
            | program.Compared(operator=operator)
        ):
            return (operator,)
        case program.Raised(exponent=exponent):
            return (exponent,)
        case program.Applied(function=function, constants=constants):
            return (function, len(expression.operands), *constants)
        case program.AppliedAcross(function=function, constants=constants):
            return (function, *constants)
        case _:
            assert_never(expression)
