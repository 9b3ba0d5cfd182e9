"""Spans, diagnostics, their codes and how they are printed."""

from rnndsl.diagnostics.diagnostic import (
    Diagnostic,
    Label,
    Report,
    Severity,
    SpecError,
)
from rnndsl.diagnostics.span import Source, Span

__all__ = [
    "Diagnostic",
    "Label",
    "Report",
    "Severity",
    "Source",
    "Span",
    "SpecError",
]
