"""Where an expression stands."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rnndsl.analysis.budget import Budget
from rnndsl.analysis.findings import quoted
from rnndsl.analysis.functions import Functions
from rnndsl.analysis.names import Names
from rnndsl.analysis.operand import Operand
from rnndsl.analysis.operand_rules import misplaced
from rnndsl.analysis.scope import Scope
from rnndsl.diagnostics import Diagnostic, Label, Report, Span
from rnndsl.syntax import tree


@dataclass(frozen=True, slots=True)
class Context:
    """What an expression is typed with.

    ``names`` finds what its names read, ``functions`` what it may call. ``calls`` are
    the calls of user functions whose bodies it stands in, outermost first; ``levels``
    counts the brackets and bodies around it.
    """

    names: Names
    functions: Functions
    scope: Scope
    budget: Budget
    report: Report
    calls: tuple[tree.Call, ...] = ()
    levels: int = 0

    def deeper(self) -> Context:
        return replace(self, levels=self.levels + 1)

    def inside(self, call: tree.Call, names: Names, functions: Functions) -> Context:
        """The body of the function that ``call`` calls."""
        return replace(
            self,
            names=names,
            functions=functions,
            calls=(*self.calls, call),
            levels=self.levels + 1,
        )

    def add(self, diagnostic: Diagnostic | None) -> bool:
        """Reports a finding, if there is one, with the calls that led to it."""
        if diagnostic is None:
            return False
        labels = [
            Label(call.span, f"in this call of {quoted(call.function.text)}")
            for call in reversed(self.calls)
        ]
        self.report.add(replace(diagnostic, labels=(*diagnostic.labels, *labels)))
        return True

    def value(
        self, operand: Operand | None, node: tree.Expression, *, is_term: bool = False
    ) -> Operand | None:
        """The operand, if it may be used as a value; ``is_term`` in a sum."""
        if operand is None:
            return None
        wrong = misplaced(operand, node.span, self.scope, is_term=is_term)
        return None if self.add(wrong) else operand

    def grown(self, operand: Operand, node: tree.Expression) -> Operand | None:
        """The operand, unless it is too large."""
        too_large = self.budget.fits(operand, self._place(node))
        return None if self._add_plainly(too_large) else operand

    def is_exhausted(self, node: tree.Expression) -> bool:
        """Counts one more node; whether it is one too many."""
        if self.budget.is_spent:
            return True
        return self._add_plainly(self.budget.work(self._place(node), self.levels))

    def _place(self, node: tree.Expression) -> Span:
        """The expression, or the call that is being expanded."""
        return self.calls[0].span if self.calls else node.span

    def _add_plainly(self, diagnostic: Diagnostic | None) -> bool:
        if diagnostic is not None:
            self.report.add(diagnostic)
        return diagnostic is not None
