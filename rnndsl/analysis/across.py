"""Functions over features, applied to a vector."""

from __future__ import annotations

from collections.abc import Sequence

from rnndsl.analysis import program
from rnndsl.analysis.context import Context
from rnndsl.analysis.findings import error, quoted, shape_text
from rnndsl.analysis.operand import Operand
from rnndsl.analysis.settings import settings_of
from rnndsl.diagnostics import Diagnostic
from rnndsl.formulas.features import FEATURE_FUNCTIONS
from rnndsl.syntax import tree


def applied_across(
    call: tree.Call, arguments: Sequence[Operand | None], context: Context
) -> Operand | None:
    """A call, whose number of arguments is right, of a function over features."""
    function = FEATURE_FUNCTIONS[call.function.text]
    node = call.arguments[0]
    operand = context.value(arguments[0], node)
    settings = settings_of(call, function, arguments, context)
    if operand is None or settings is None:
        return None
    if not operand.shape:
        context.add(no_features(call))
        return None
    if len(operand.shape) > 1:
        context.add(features_of_image(call, operand))
        return None
    expression = program.AppliedAcross(
        span=call.span,
        function=function.name,
        operand=operand.expression,
        constants=settings,
        shape=() if function.is_reduction else operand.shape,
    )
    return Operand.of(expression, operand)


def no_features(call: tree.Call) -> Diagnostic:
    """A function over features, applied to a scalar."""
    argument = call.arguments[0]
    return error(
        "RNN160",
        f"{quoted(call.function.text)} takes a vector",
        argument.span,
        label="a scalar: it has no features",
        help=f"`{call.function.text}` works over the entries of a value of shape [H]",
    )


def features_of_image(call: tree.Call, operand: Operand) -> Diagnostic:
    """A function over features, applied to an image."""
    return error(
        "RNN185",
        f"{quoted(call.function.text)} takes a vector, not an image",
        call.arguments[0].span,
        label=f"has shape {shape_text(operand.shape)}",
        help=f"`{call.function.text}` works over the entries of a value of shape [H]",
    )
