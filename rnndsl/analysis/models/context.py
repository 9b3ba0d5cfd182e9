"""What the lines of one model are read with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rnndsl.analysis.dimensions import beyond_sizes, unknown_dimension
from rnndsl.analysis.findings import error, quoted
from rnndsl.analysis.model import Model, ModelInput
from rnndsl.analysis.models.variants.variant import Variants
from rnndsl.analysis.program import Cell, Dim
from rnndsl.analysis.scope import Kind, Scope
from rnndsl.diagnostics import Diagnostic, Report, Span
from rnndsl.syntax import tree
from rnndsl.syntax.literals import is_whole_number


@dataclass(frozen=True, slots=True)
class ModelContext:
    """``scope`` has the model's dimensions, ``cells`` the cells of the file: None is a
    cell that has been reported. ``others`` are the file's names that are no cells, with
    what they are. ``variants`` fills with the variants of cells that layers are made
    of, ``used`` with the dimensions that are the size of something, ``contexts`` with
    what is given once a sequence and ``further`` with the inputs besides the first.
    ``encoder`` is that of a decoder."""

    scope: Scope
    cells: Mapping[str, Cell | None]
    others: Mapping[str, str]
    report: Report
    variants: Variants = field(default_factory=Variants)
    used: set[str] = field(default_factory=set)
    contexts: dict[str, ModelInput] = field(default_factory=dict)
    further: dict[str, ModelInput] = field(default_factory=dict)
    encoder: Model | None = None

    @property
    def fed(self) -> dict[str, ModelInput]:
        """What can feed the further inputs of cells."""
        return {**self.contexts, **self.further}

    def add(self, diagnostic: Diagnostic) -> None:
        self.report.add(diagnostic)

    def size(self, term: tree.ClauseTerm, others: Iterable[str] = ()) -> Dim | None:
        """The size that a term writes; None, and reported, if it writes none.
        ``others`` are the words that could stand in its place."""
        match term:
            case tree.NumberLiteral(text=text, value=value):
                if not is_whole_number(text) or value == 0:
                    self.add(not_a_size(term.span))
                    return None
                too_large = beyond_sizes(term)
                if too_large is not None:
                    self.add(too_large)
                    return None
                return int(text)
            case tree.Term(arguments=None, repetition=None, option=None, origin=None):
                return self._dimension(term.name, others)
            case tree.Term():
                self.add(not_a_size(term.span))
                return None

    def _dimension(self, name: tree.Name, others: Iterable[str]) -> str | None:
        declared = self.scope.get(name.text)
        if declared is None or declared.kind is not Kind.DIMENSION:
            self.add(unknown_dimension(name, self.scope, others))
            return None
        self.used.add(name.text)
        return name.text


def not_a_size(span: Span) -> Diagnostic:
    """Something other than a dimension or a positive whole number as a width."""
    return error(
        "RNN102",
        f"{quoted(span.text)} is not a size",
        span,
        label="a size is needed here",
        help="a size is a dimension of the model or a positive whole number",
    )
