"""From the expressions of the syntax tree to typed ones.

An expression whose type is unknown, because of an error in it or in what it reads, is
None from there on and causes no further message.
"""

from __future__ import annotations

from typing import assert_never

from rnndsl.analysis import operations, program
from rnndsl.analysis.across import applied_across
from rnndsl.analysis.application import applied
from rnndsl.analysis.context import Context
from rnndsl.analysis.convolutions import convolved
from rnndsl.analysis.functions import FunctionNames, wrong_call
from rnndsl.analysis.operand import Operand
from rnndsl.analysis.shape_rules import left_not_matrix
from rnndsl.formulas.convolutions import CONV
from rnndsl.formulas.features import FEATURE_FUNCTIONS
from rnndsl.syntax import tree


def typed(node: tree.Expression, context: Context) -> Operand | None:
    """The typed form of an expression, with everything wrong in it reported.

    Operators that follow one another are taken in a loop: a long sum leans to the left
    as deep as it has terms.
    """
    if context.is_exhausted(node):
        return None
    chain: list[tree.Arithmetic | tree.Product] = []
    result: Operand | None = None
    while True:
        if isinstance(node, tree.Product) and not isinstance(node.left, tree.Reference):
            context.add(left_not_matrix(node, None, context.scope))
            chain.append(node)
            break
        if not isinstance(node, tree.Arithmetic | tree.Product):
            result = _operand(node, context)
            break
        chain.append(node)
        node = node.left
    for parent in reversed(chain):
        right = typed(parent.right, context.deeper())
        if isinstance(parent, tree.Product):
            result = operations.product(parent, result, right, context)
        else:
            result = operations.arithmetic(parent, result, right, context)
        if result is not None:
            result = context.grown(result, parent)
    return result


def _operand(node: tree.Expression, context: Context) -> Operand | None:
    inner = context.deeper()
    result: Operand | None
    match node:
        case tree.NumberLiteral(value=value):
            constant = program.Constant(span=node.span, value=value)
            return Operand(constant, constant=value)
        case tree.Reference():
            return context.names.read(node)
        case tree.Negation(operand=operand):
            result = operations.negation(node, typed(operand, inner), context)
        case tree.Exponentiation(base=base, exponent=exponent):
            both = typed(base, inner), typed(exponent, inner)
            result = operations.power(node, *both, context)
        case tree.Comparison(left=left, right=right):
            both = typed(left, inner), typed(right, inner)
            result = operations.comparison(node, *both, context)
        case tree.Call():
            result = _call(node, context)
        case tree.Arithmetic() | tree.Product():
            raise AssertionError("operators are taken by the caller")
        case _:
            assert_never(node)
    return None if result is None else context.grown(result, node)


def _call(call: tree.Call, context: Context) -> Operand | None:
    arguments: list[Operand | None] = []
    for argument in call.arguments:
        arguments.append(typed(argument, context.deeper()))
    values = context.scope.names()
    if context.add(wrong_call(call, context.functions, values)):
        return None
    if call.function.text not in context.functions:
        if call.function.text in FEATURE_FUNCTIONS:
            return applied_across(call, arguments, context)
        if call.function.text == CONV.name:
            return convolved(call, arguments, context)
        return applied(call, arguments, context)
    function = context.functions[call.function.text]
    # A body with an unknown argument is not looked at: it could not be typed, and the
    # time for looking is not bounded by the size of a result.
    if function is None or any(argument is None for argument in arguments):
        return None
    parameters = function.definition.parameters
    given = {p.text: a for p, a in zip(parameters, arguments, strict=True)}
    body = context.inside(call, FunctionNames(given), function.visible)
    return typed(function.definition.body, body)
