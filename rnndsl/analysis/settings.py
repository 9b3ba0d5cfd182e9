"""Settings of functions: the numbers that follow their operands."""

from __future__ import annotations

from collections.abc import Sequence

from rnndsl.analysis.context import Context
from rnndsl.analysis.folding import not_constant, out_of_range
from rnndsl.analysis.operand import Operand
from rnndsl.diagnostics import Diagnostic
from rnndsl.formulas.features import AnyFunction
from rnndsl.syntax import tree


def settings_of(
    call: tree.Call,
    function: AnyFunction,
    arguments: Sequence[Operand | None],
    context: Context,
) -> tuple[float, ...] | None:
    """The numbers after the operands, with the table's defaults for those left out.
    None, and reported, where one is no number or out of range."""
    nodes = call.arguments[len(function.operands) :]
    given = arguments[len(function.operands) :]
    settings = []
    for i, (name, default) in enumerate(function.constants):
        if i >= len(given):
            settings.append(default)
            continue
        argument = context.value(given[i], nodes[i])
        if argument is None:
            settings.append(None)
            continue
        if argument.constant is None:
            what = f"`{name}` of `{function.name}`"
            context.add(not_constant(nodes[i].span, what))
        settings.append(argument.constant)
    values = tuple(setting for setting in settings if setting is not None)
    if len(values) < len(settings) or context.add(_wrong(function, values, nodes)):
        return None
    return values


def _wrong(
    function: AnyFunction, values: Sequence[float], nodes: Sequence[tree.Expression]
) -> Diagnostic | None:
    """Whether settings are outside of what their function takes."""
    match function.name, values:
        case "clamp", (low, high) if low > high:
            reason = f"low is {low:g}, high is {high:g}"
            return out_of_range(nodes[0].span.to(nodes[1].span), reason)
        case "clip_gradient", (limit,) if limit <= 0:
            return out_of_range(nodes[0].span, "the limit is above zero")
        case "layer_norm" | "rms_norm", (epsilon,) if epsilon < 0:
            return out_of_range(nodes[0].span, "epsilon is not negative")
        case _:
            return None
