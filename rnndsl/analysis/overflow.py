"""The rule about formulas that overflow, where the language has a function that does
not. Their derivatives are not finite there either: infinity over infinity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnndsl.analysis.findings import quoted, warning
from rnndsl.analysis.program import (
    Applied,
    AppliedAcross,
    BinaryOperation,
    Constant,
    Equation,
    Negated,
    Raised,
    TypedExpression,
)
from rnndsl.analysis.walk import same, within
from rnndsl.diagnostics import Diagnostic, Report, Span


@dataclass(frozen=True, slots=True)
class Stable:
    """The function of the language that a formula is, of its operand or, ``negated``,
    of minus its operand."""

    function: str
    operand: TypedExpression
    negated: bool = False

    def written(self, formula: Span) -> str:
        """In place of ``formula``. In a user's function its operand stands outside."""
        span = self.operand.span
        if span.source != formula.source or not (
            formula.start <= span.start and span.end <= formula.end
        ):
            return f"{self.function}(...)"
        text = _without_brackets(span.text)
        if self.negated:
            text = f"-({text})" if _is_sum(self.operand) else f"-{text}"
            text = text.removeprefix("--")
        return f"{self.function}({text})"


def check_overflow(
    equations: Sequence[Equation], output: TypedExpression, report: Report
) -> None:
    """Formulas are written in the form that holds for all numbers."""
    for expression in within(*(equation.value for equation in equations), output):
        stable = _stable_form(expression)
        if stable is not None:
            report.add(overflows(expression.span, stable))


def overflows(formula: Span, stable: Stable) -> Diagnostic:
    """A formula of exponentials, and the function that it is."""
    return warning(
        "RNN077",
        f"{quoted(formula.text)} overflows for large numbers",
        formula,
        label="its derivative is infinite there, or not a number",
        help=f"write {quoted(stable.written(formula))}, the same function, finite for "
        "all numbers",
    )


def _stable_form(expression: TypedExpression) -> Stable | None:
    match expression:
        case BinaryOperation(operator="/", left=Constant(value=1), right=below):
            return _over_one_plus(below)
        case Raised(base=base, exponent=-1):
            return _over_one_plus(base)
        case BinaryOperation(operator="/", left=above, right=below):
            return _quotient(above, below)
        case Applied(function="log", operands=(operand,)):
            return _logarithm(operand)
    return None


def _over_one_plus(below: TypedExpression) -> Stable | None:
    """``1 / (1 + exp(u))``."""
    match _one_plus_exp(below):
        case None:
            return None
        case Negated(operand=operand):
            return Stable("sigmoid", operand)
        case exponent:
            return Stable("sigmoid", exponent, negated=True)


def _quotient(above: TypedExpression, below: TypedExpression) -> Stable | None:
    power = _exponent(above)
    if power is not None:
        matched = _one_plus_exp(below)
        if matched is not None and same(matched, power):
            return Stable("sigmoid", power)
        if isinstance(below, AppliedAcross) and below.function == "sum":
            matched = _exponent(below.operand)
            if matched is not None and same(matched, power):
                return Stable("softmax", power)
    match above, below:
        case (
            BinaryOperation(operator="-", left=plus, right=minus),
            BinaryOperation(operator="+", left=left, right=right),
        ) if same(plus, left) and same(minus, right):
            return _odd(_exponent(plus), _exponent(minus))
    return None


def _odd(plus: TypedExpression | None, minus: TypedExpression | None) -> Stable | None:
    """``tanh(u)``, where these are ``u`` and ``-u``."""
    if plus is None or not isinstance(minus, Negated) or not same(minus.operand, plus):
        return None
    return Stable("tanh", plus)


def _logarithm(operand: TypedExpression) -> Stable | None:
    exponent = _one_plus_exp(operand)
    if exponent is not None:
        return Stable("softplus", exponent)
    match operand:
        case Applied(function="sigmoid", operands=(inner,)):
            return Stable("log_sigmoid", inner)
        case AppliedAcross(function="softmax", operand=inner):
            return Stable("log_softmax", inner)
    return None


def _one_plus_exp(expression: TypedExpression) -> TypedExpression | None:
    """The exponent in ``1 + exp(u)`` or ``exp(u) + 1``."""
    match expression:
        case BinaryOperation(operator="+", left=Constant(value=1), right=power):
            return _exponent(power)
        case BinaryOperation(operator="+", left=power, right=Constant(value=1)):
            return _exponent(power)
    return None


def _exponent(expression: TypedExpression) -> TypedExpression | None:
    match expression:
        case Applied(function="exp", operands=(exponent,)):
            return exponent
    return None


def _is_sum(expression: TypedExpression) -> bool:
    match expression:
        case BinaryOperation(operator="+" | "-"):
            return True
    return False


def _without_brackets(text: str) -> str:
    """The text, without a pair of brackets around the whole of it."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and place < len(text) - 1:
            return text
    return text[1:-1] if text.startswith("(") else text
