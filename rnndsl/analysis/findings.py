"""Diagnostics of this stage, and how they quote a spec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rnndsl.analysis.program import Shape
from rnndsl.diagnostics import Diagnostic, Label, Severity, Span

_LONGEST_QUOTE = 40


def error(
    code: str,
    message: str,
    span: Span,
    *,
    label: str = "",
    labels: Iterable[Label] = (),
    notes: Sequence[str] = (),
    help: str = "",
) -> Diagnostic:
    """A finding that rejects the spec."""
    return Diagnostic(
        code=code,
        severity=Severity.ERROR,
        message=message,
        span=span,
        label=label,
        labels=tuple(labels),
        notes=tuple(notes),
        help=help,
    )


def warning(
    code: str, message: str, span: Span, *, label: str = "", help: str = ""
) -> Diagnostic:
    """A finding with which the spec still compiles."""
    return Diagnostic(
        code=code,
        severity=Severity.WARNING,
        message=message,
        span=span,
        label=label,
        help=help,
    )


def quoted(text: str) -> str:
    """A piece of a spec in backquotes, on one line, shortened if it is long."""
    line = " ".join(text.split())
    if len(line) > _LONGEST_QUOTE:
        line = line[: _LONGEST_QUOTE - 3] + "..."
    return f"`{line}`"


def shape_text(shape: Shape) -> str:
    """``[H, I]``, as a spec writes it."""
    return f"[{', '.join(str(d) for d in shape)}]"


def counted(count: int, noun: str) -> str:
    """``1 operand``, ``2 operands``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def did_you_mean(name: str | None) -> str:
    """The help that proposes a name, or nothing."""
    return "" if name is None else f"did you mean `{name}`?"
