"""A typed expression and what the rules ask about it."""

from __future__ import annotations

from dataclasses import dataclass

from rnndsl.analysis.program import Shape, TypedExpression


@dataclass(frozen=True, slots=True)
class Operand:
    """``size`` counts the nodes and ``depth`` the levels of the expression after
    expansion; ``constant`` is its value where it consists of numbers alone."""

    expression: TypedExpression
    size: int = 1
    depth: int = 1
    constant: float | None = None

    @property
    def shape(self) -> Shape:
        return self.expression.shape

    @classmethod
    def of(
        cls,
        expression: TypedExpression,
        *parts: Operand,
        constant: float | None = None,
    ) -> Operand:
        """The operand made of ``parts``."""
        size = 1 + sum(part.size for part in parts)
        depth = 1 + max(part.depth for part in parts)
        return cls(expression, size, depth, constant)
