"""The rule about gradients that are clipped."""

from __future__ import annotations

from collections.abc import Sequence

from rnndsl.analysis.findings import error, quoted
from rnndsl.analysis.program import Applied, Equation, TypedExpression
from rnndsl.analysis.varying import varies, varying_locals
from rnndsl.analysis.walk import within
from rnndsl.diagnostics import Diagnostic, Report
from rnndsl.formulas.functions import FUNCTIONS


def check_clipping(
    equations: Sequence[Equation], output: TypedExpression, report: Report
) -> None:
    """What clips a gradient stands on a value of the step."""
    locals_ = varying_locals(equations)
    for value in (*(equation.value for equation in equations), output):
        for expression in within(value):
            if not isinstance(expression, Applied):
                continue
            clips = FUNCTIONS[expression.function].alters_gradient
            if clips and not varies(expression.operands[0], locals_):
                report.add(same_at_every_step(expression))


def same_at_every_step(clipped: Applied) -> Diagnostic:
    """A gradient that is clipped where it is that of all steps and rows together."""
    operand = clipped.operands[0]
    return error(
        "RNN161",
        f"{quoted(clipped.function)} takes a value of the step",
        operand.span,
        label="the same at all steps and in all rows",
        help="clip what is made of it with an input or a state",
    )
