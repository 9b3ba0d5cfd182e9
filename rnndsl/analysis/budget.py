"""How large a spec may become when its functions are expanded."""

from __future__ import annotations

from rnndsl.analysis.findings import error
from rnndsl.analysis.operand import Operand
from rnndsl.diagnostics import Diagnostic, Span
from rnndsl.syntax.limits import MAX_DEPTH, MAX_NESTING, MAX_NODES

MAX_LEVELS = 2 * MAX_NESTING
"""Brackets and function bodies inside one another, counted together."""


class Budget:
    """The nodes that the equations of one file may still have."""

    def __init__(self) -> None:
        self._work_left = 2 * MAX_NODES
        self._nodes_left = MAX_NODES
        self.is_spent = False

    def work(self, span: Span, levels: int) -> Diagnostic | None:
        """Counts one node that is looked at, ``levels`` deep: the bound on time."""
        self._work_left -= 1
        if self._work_left < 0:
            return self._spent(f"more than {MAX_NODES:,} operations", span)
        if levels > MAX_LEVELS:
            return self._spent(f"nested more than {MAX_LEVELS} deep", span)
        return None

    def fits(self, operand: Operand, span: Span) -> Diagnostic | None:
        """Looks at one expression as it grows."""
        if operand.size > MAX_NODES:
            return self._spent(f"more than {MAX_NODES:,} operations", span)
        if operand.depth > MAX_DEPTH:
            return self._spent(f"nested more than {MAX_DEPTH} deep", span)
        return None

    def keep(self, operand: Operand, span: Span) -> Diagnostic | None:
        """Counts the nodes of a finished equation."""
        self._nodes_left -= operand.size
        if self._nodes_left < 0:
            return self._spent(f"more than {MAX_NODES:,} operations", span)
        return None

    def _spent(self, reason: str, span: Span) -> Diagnostic | None:
        """The equations of a file are too large, counted after expansion."""
        if self.is_spent:
            return None
        self.is_spent = True
        return error(
            "RNN062",
            "the equations become too large",
            span,
            label=f"{reason}, once functions are expanded",
            help="name intermediate results: a local is computed once",
        )
