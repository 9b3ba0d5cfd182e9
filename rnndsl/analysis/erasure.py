"""Algebra that deletes what it is applied to."""

from __future__ import annotations

from rnndsl.analysis.findings import quoted, warning
from rnndsl.analysis.operand import Operand
from rnndsl.analysis.walk import same
from rnndsl.diagnostics import Diagnostic
from rnndsl.syntax import tree


def erased(
    node: tree.Arithmetic | tree.Exponentiation, left: Operand, right: Operand
) -> Diagnostic | None:
    """An operation whose result is the same number whatever its operands are."""
    if left.constant is not None and right.constant is not None:
        return None
    result = _result(node, left, right)
    if result is None:
        return None
    return warning(
        "RNN043",
        f"{quoted(node.span.text)} is always {result}",
        node.span,
        label="nothing is learned through it",
        help=f"write {result}, or remove it",
    )


def _result(
    node: tree.Arithmetic | tree.Exponentiation, left: Operand, right: Operand
) -> str | None:
    if isinstance(node, tree.Exponentiation):
        return "1" if _is_zero(node.exponent) else None
    match node.operator:
        case "*" if _is_zero(node.left) or _is_zero(node.right):
            return "0"
        case "/" if _is_zero(node.left):
            return "0"
        case "-" if same(left.expression, right.expression):
            return "0"
        case "/" if same(left.expression, right.expression):
            return "1"
    return None


def _is_zero(node: tree.Expression) -> bool:
    return isinstance(node, tree.NumberLiteral) and node.value == 0
