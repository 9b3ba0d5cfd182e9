"""What the compiler has to say about a spec, as values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from rnndsl.diagnostics.span import Span


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that explains the first, such as a declaration."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding: a stable code, one sentence, the smallest span it is about.

    ``label`` is printed after the carets, ``labels`` are secondary places, ``notes``
    add facts, ``help`` says what to write instead.
    """

    code: str
    severity: Severity
    message: str
    span: Span
    label: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""


class SpecError(Exception):
    """A spec was rejected; ``diagnostics`` holds every finding, errors and warnings."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        errors = [d for d in self.diagnostics if d.severity is Severity.ERROR]
        first = errors[0]
        place = f"{first.span.source.name}:{first.span.line}:{first.span.column}"
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"{place}: error[{first.code}]: {first.message}{more}")


class Report:
    """Collects diagnostics, so that independent errors are shown in one run."""

    def __init__(self) -> None:
        self._found: dict[Diagnostic, None] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        self._found.setdefault(diagnostic)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(self._found)

    @property
    def has_errors(self) -> bool:
        return any(d.severity is Severity.ERROR for d in self._found)

    def raise_if_errors(self) -> None:
        """Raises SpecError with all that was collected, if any of it is an error."""
        if self.has_errors:
            raise SpecError(self._found)
