"""The result of each operator on typed operands."""

from __future__ import annotations

from collections.abc import Callable

from rnndsl.analysis import program
from rnndsl.analysis.context import Context
from rnndsl.analysis.erasure import erased
from rnndsl.analysis.folding import (
    ARITHMETIC,
    COMPARISONS,
    OutOfRangeError,
    fold,
    not_constant,
    out_of_range,
    raised,
)
from rnndsl.analysis.operand import Operand
from rnndsl.analysis.shape_rules import (
    Written,
    common_shape,
    left_not_matrix,
    shapes_differ,
    sizes_differ,
)
from rnndsl.diagnostics import Span
from rnndsl.syntax import tree


def arithmetic(
    node: tree.Arithmetic,
    left: Operand | None,
    right: Operand | None,
    context: Context,
) -> Operand | None:
    """``left + right`` and the like, elementwise."""
    is_sum = node.operator in ("+", "-")
    left = context.value(left, node.left, is_term=is_sum)
    right = context.value(right, node.right, is_term=is_sum)
    if left is None or right is None:
        return None
    shape = common_shape(left.shape, right.shape)
    if shape is None:
        sides = Written(left, node.left), Written(right, node.right)
        context.add(shapes_differ(*sides, node.operator, context.scope))
        return None
    if node.operator == "/" and right.constant == 0:
        context.add(out_of_range(node.right.span, "division by zero"))
        return None
    context.add(erased(node, left, right))
    folded = folded_constant(
        ARITHMETIC[node.operator], (left, right), node.span, context
    )
    if folded is None:
        return None
    expression = program.BinaryOperation(
        span=node.span,
        operator=node.operator,
        left=left.expression,
        right=right.expression,
        shape=shape,
    )
    return Operand.of(expression, left, right, constant=folded.value)


def product(
    node: tree.Product, left: Operand | None, right: Operand | None, context: Context
) -> Operand | None:
    """``matrix @ vector``."""
    right = context.value(right, node.right)
    if left is None:
        return None
    matrix = left.expression
    is_matrix = isinstance(matrix, program.ReadParameter) and len(matrix.shape) == 2
    if not is_matrix:
        context.add(left_not_matrix(node, left, context.scope))
        return None
    if right is None:
        return None
    assert isinstance(matrix, program.ReadParameter)
    if right.shape != matrix.shape[1:]:
        sides = Written(left, node.left), Written(right, node.right)
        context.add(sizes_differ(node, *sides, context.scope))
        return None
    expression = program.MatrixProduct(
        span=node.span,
        matrix=matrix,
        operand=right.expression,
        shape=matrix.shape[:1],
    )
    return Operand.of(expression, left, right)


def negation(
    node: tree.Negation, operand: Operand | None, context: Context
) -> Operand | None:
    """``-operand``."""
    operand = context.value(operand, node.operand)
    if operand is None:
        return None
    constant = None if operand.constant is None else -operand.constant
    expression = program.Negated(
        span=node.span, operand=operand.expression, shape=operand.shape
    )
    return Operand.of(expression, operand, constant=constant)


def power(
    node: tree.Exponentiation,
    base: Operand | None,
    exponent: Operand | None,
    context: Context,
) -> Operand | None:
    """``base ** exponent``."""
    base = context.value(base, node.base)
    exponent = context.value(exponent, node.exponent)
    if exponent is not None and exponent.constant is None:
        context.add(not_constant(node.exponent.span, "an exponent"))
        return None
    if base is None or exponent is None or exponent.constant is None:
        return None
    context.add(erased(node, base, exponent))
    folded = folded_constant(raised, (base, exponent), node.span, context)
    if folded is None:
        return None
    expression = program.Raised(
        span=node.span,
        base=base.expression,
        exponent=exponent.constant,
        shape=base.shape,
    )
    return Operand.of(expression, base, constant=folded.value)


def comparison(
    node: tree.Comparison,
    left: Operand | None,
    right: Operand | None,
    context: Context,
) -> Operand | None:
    """``left < right`` and the like, elementwise."""
    left = context.value(left, node.left)
    right = context.value(right, node.right)
    if left is None or right is None:
        return None
    shape = common_shape(left.shape, right.shape)
    if shape is None:
        sides = Written(left, node.left), Written(right, node.right)
        context.add(shapes_differ(*sides, node.operator, context.scope))
        return None
    folded = folded_constant(
        COMPARISONS[node.operator], (left, right), node.span, context
    )
    if folded is None:
        return None
    expression = program.Compared(
        span=node.span,
        operator=node.operator,
        left=left.expression,
        right=right.expression,
        shape=shape,
    )
    return Operand.of(expression, left, right, constant=folded.value)


class Folded:
    """The value of an operation: a number, or None if an operand is none."""

    __slots__ = ("value",)

    def __init__(self, value: float | None) -> None:
        self.value = value


def folded_constant(
    compute: Callable[..., float],
    operands: tuple[Operand, ...],
    span: Span,
    context: Context,
    settings: tuple[float, ...] = (),
) -> Folded | None:
    """The value of an operation; None, and reported, if it is out of range."""
    values = [o.constant for o in operands if o.constant is not None]
    if len(values) < len(operands):
        return Folded(None)
    try:
        return Folded(fold(compute, *values, *settings))
    except OutOfRangeError as reason:
        context.add(out_of_range(span, str(reason)))
        return None
