"""Diagnostics of this stage."""

from __future__ import annotations

from rnndsl.diagnostics import Diagnostic, Label, Report, Severity, Source, Span
from rnndsl.syntax.limits import MAX_ERRORS

_LONGEST_QUOTE = 40


class GaveUpError(Exception):
    """What was reported makes the rest of the file not worth looking at."""


class Faults:
    """What is wrong with one source, added to the report it shares with others."""

    def __init__(self, source: Source, report: Report) -> None:
        self._source = source
        self._report = report
        self._count = 0

    @property
    def any(self) -> bool:
        return self._count > 0

    def add(
        self,
        code: str,
        message: str,
        start: int,
        end: int,
        *,
        labels: tuple[Label, ...] = (),
        help: str = "",
    ) -> None:
        """Reports an error. Raises GaveUpError once there are enough."""
        if self._count == MAX_ERRORS:
            raise GaveUpError
        self._count += 1
        self._report.add(
            Diagnostic(
                code=code,
                severity=Severity.ERROR,
                message=message,
                span=self.span(start, end),
                labels=labels,
                help=help,
            )
        )

    def span(self, start: int, end: int) -> Span:
        return Span(self._source, start, end)


def quote(text: str) -> str:
    """A piece of a spec in backquotes, shortened if it is long."""
    if len(text) > _LONGEST_QUOTE:
        text = text[: _LONGEST_QUOTE - 3] + "..."
    return f"`{text}`"
