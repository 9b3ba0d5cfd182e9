"""Elementwise functions, applied to typed operands."""

from __future__ import annotations

from rnndsl.analysis import program
from rnndsl.analysis.context import Context
from rnndsl.analysis.findings import error, quoted
from rnndsl.analysis.operand import Operand
from rnndsl.analysis.operations import folded_constant
from rnndsl.analysis.program import Shape
from rnndsl.analysis.settings import settings_of
from rnndsl.analysis.shape_rules import Written, common_shape, shapes_differ
from rnndsl.diagnostics import Diagnostic
from rnndsl.formulas.functions import FUNCTIONS
from rnndsl.syntax import tree


def applied(
    call: tree.Call, arguments: list[Operand | None], context: Context
) -> Operand | None:
    """A call, whose number of arguments is right, of an elementwise function."""
    function = FUNCTIONS[call.function.text]
    count = len(function.operands)
    operands = _operands(call, arguments[:count], context)
    settings = settings_of(call, function, arguments, context)
    if operands is None or settings is None:
        return None
    shape = _shape(call, operands, context)
    if shape is None:
        return None
    folded = folded_constant(function.value, operands, call.span, context, settings)
    if folded is None:
        return None
    expression = program.Applied(
        span=call.span,
        function=function.name,
        operands=tuple(o.expression for o in operands),
        constants=settings,
        shape=shape,
    )
    return Operand.of(expression, *operands, constant=folded.value)


def _operands(
    call: tree.Call, arguments: list[Operand | None], context: Context
) -> tuple[Operand, ...] | None:
    operands = []
    for index, (node, argument) in enumerate(
        zip(call.arguments, arguments, strict=False)
    ):
        if call.function.text == "where" and index == 0:
            operand = _condition(call, node, argument, context)
        else:
            operand = context.value(argument, node)
        if operand is not None:
            operands.append(operand)
    return tuple(operands) if len(operands) == len(arguments) else None


def _condition(
    call: tree.Call, node: tree.Expression, operand: Operand | None, context: Context
) -> Operand | None:
    if operand is None or isinstance(operand.expression, program.Compared):
        return operand
    context.add(condition_not_comparison(node))
    return None


def condition_not_comparison(node: tree.Expression) -> Diagnostic:
    """``where`` on something that is neither true nor false."""
    text = quoted(node.span.text).strip("`")
    return error(
        "RNN049",
        "the first operand of `where` must be a comparison",
        node.span,
        label="not a comparison",
        help=f"compare it: `where({text} > 0, ...)`",
    )


def _shape(
    call: tree.Call, operands: tuple[Operand, ...], context: Context
) -> Shape | None:
    first: Written | None = None
    for operand, node in zip(operands, call.arguments, strict=False):
        written = Written(operand, node)
        if first is None or not first.shape:
            first = written
        elif common_shape(first.shape, written.shape) is None:
            name = call.function.text
            context.add(shapes_differ(first, written, name, context.scope))
            return None
    return () if first is None else first.shape
