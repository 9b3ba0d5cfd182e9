"""Numbers that declarations give: constants and starting values."""

from __future__ import annotations

from collections.abc import Iterable

from rnndsl.analysis.context import Context
from rnndsl.analysis.declarations import DeclaredTensor
from rnndsl.analysis.expressions import typed
from rnndsl.analysis.findings import counted, error, quoted
from rnndsl.analysis.folding import not_constant
from rnndsl.analysis.names import Constants
from rnndsl.analysis.scope import Kind
from rnndsl.diagnostics import Diagnostic, Label, Span
from rnndsl.syntax import tree


def evaluate_constants(
    tensors: Iterable[DeclaredTensor], constants: Constants, context: Context
) -> None:
    """Adds the value of each constant to ``constants``, in order of declaration."""
    for tensor in tensors:
        initial = tensor.declarator.initial
        if tensor.kind is not Kind.CONSTANT:
            continue
        values: list[float | None] = [None] * len(tensor.declarator.names)
        if isinstance(initial, tree.InitialValue):
            nodes = member_values(initial, tensor.declarator, context)
            for i, node in enumerate(nodes):
                values[i] = number(node, "a constant", context)
        for name, value in zip(tensor.declarator.names, values, strict=True):
            constants.setdefault(name.text, value)


def number(node: tree.Expression, what: str, context: Context) -> float | None:
    """The value of a constant expression; None, and reported, if it has none."""
    operand = context.value(typed(node, context), node)
    if operand is None:
        return None
    if operand.constant is None:
        context.add(not_constant(node.span, what))
    return operand.constant


def member_values(
    initial: tree.InitialValue, declarator: tree.Declarator, context: Context
) -> tuple[tree.Expression, ...]:
    """The value for each name of a declarator; none, and reported, if their number is
    wrong."""
    if not initial.braced:
        return initial.values * len(declarator.names)
    return braced_values(initial.span, initial.values, declarator, context)


def braced_values(
    span: Span,
    values: tuple[tree.Expression, ...],
    declarator: tree.Declarator,
    context: Context,
) -> tuple[tree.Expression, ...]:
    """The values in braces, one for each name of a declarator; none, and reported, if
    their number is wrong."""
    if declarator.stem is not None and len(values) == len(declarator.names):
        return values
    context.add(wrong_value_count(span, len(values), declarator))
    return ()


def wrong_value_count(
    span: Span, count: int, declarator: tree.Declarator
) -> Diagnostic:
    """Values in braces that are not one for each member of a brace group."""
    first, last = declarator.names[0], declarator.names[-1]
    if declarator.stem is None:
        return error(
            "RNN053",
            f"{quoted(first.text)} is no brace group",
            span,
            label="values in braces",
            labels=[Label(first.span, "one tensor")],
            help="write one value, without braces",
        )
    given = counted(count, "value")
    members = counted(len(declarator.names), "member")
    return error(
        "RNN053",
        f"{given} for {members}",
        span,
        label=given,
        labels=[Label(first.span.to(last.span), members)],
        help="write one value for each member, or one value without braces for all",
    )
