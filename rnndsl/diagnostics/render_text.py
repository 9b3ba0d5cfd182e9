"""Diagnostics as a person reads them, with the lines they are about."""

from __future__ import annotations

from collections.abc import Iterable

from rnndsl.diagnostics.diagnostic import Diagnostic, Severity
from rnndsl.diagnostics.render_display import display, sentence
from rnndsl.diagnostics.render_excerpt import Marker, excerpt
from rnndsl.diagnostics.render_order import in_order
from rnndsl.diagnostics.span import Span

_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_GUTTER = "\x1b[1;34m"
_SEVERITY = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;33m"}


def render_text(diagnostics: Iterable[Diagnostic], *, colour: bool) -> str:
    """Every diagnostic with its source lines, then one line that counts them.

    ``colour`` adds ANSI escapes. No diagnostics give the empty string.
    """
    found = in_order(diagnostics)
    if not found:
        return ""
    blocks = [_Block(diagnostic, colour).text() for diagnostic in found]
    blocks.append(_summary(found, colour))
    return "\n\n".join(blocks) + "\n"


def _summary(found: tuple[Diagnostic, ...], colour: bool) -> str:
    counts = []
    for severity in Severity:
        count = sum(d.severity is severity for d in found)
        if count:
            counts.append(f"{count} {severity.value}{'s' if count > 1 else ''}")
    worst = next(s for s in Severity if any(d.severity is s for d in found))
    head = _painted(worst.value, _SEVERITY[worst], colour)
    return f"{head}{_painted(': ' + ', '.join(counts), _BOLD, colour)}"


def _painted(text: str, style: str, colour: bool) -> str:
    return f"{style}{text}{_RESET}" if colour and text else text


class _Block:
    """One diagnostic: heading, excerpts, notes."""

    def __init__(self, diagnostic: Diagnostic, colour: bool) -> None:
        self._diagnostic = diagnostic
        self._colour = colour
        spans = [diagnostic.span, *(label.span for label in diagnostic.labels)]
        self._margin = len(str(max(span.line for span in spans)))

    def text(self) -> str:
        found = self._diagnostic
        style = _SEVERITY[found.severity]
        head = _painted(f"{found.severity.value}[{found.code}]", style, self._colour)
        message = _painted(f": {sentence(found.message)}", _BOLD, self._colour)
        lines = [f"{head}{message}", *self._excerpts()]
        for note in found.notes:
            lines.append(self._remark("note", note))
        if found.help:
            lines.append(self._remark("help", found.help))
        return "\n".join(lines)

    def _excerpts(self) -> list[str]:
        """The line of the diagnostic, then the others: its own file first, by place."""
        found = self._diagnostic
        main = found.span
        groups: dict[tuple[str, int], list[Marker]] = {
            (main.source.name, main.line): [Marker(main, found.label, True)]
        }
        labels = sorted(
            found.labels,
            key=lambda label: (label.span.source != main.source, label.span.start),
        )
        for label in labels:
            key = (label.span.source.name, label.span.line)
            groups.setdefault(key, []).append(Marker(label.span, label.message, False))
        lines: list[str] = []
        shown = ""
        for markers in groups.values():
            span = markers[0].span
            if span.source.name != shown:
                lines.append(self._place("-->" if not shown else ":::", span))
                shown = span.source.name
            lines.append(self._gutter(""))
            lines.extend(self._excerpt(span.line, markers))
        return lines

    def _excerpt(self, number: int, markers: list[Marker]) -> list[str]:
        shown = excerpt(markers)
        lines = [f"{self._gutter(str(number))} {shown.text}".rstrip()]
        for text, is_primary in shown.beneath:
            style = _SEVERITY[self._diagnostic.severity] if is_primary else _GUTTER
            painted = _painted(text, style, self._colour)
            lines.append(f"{self._gutter('')} {painted}")
        return lines

    def _place(self, arrow: str, span: Span) -> str:
        arrow = _painted(" " * self._margin + arrow, _GUTTER, self._colour)
        return f"{arrow} {display(span.source.name)}:{span.line}:{span.column}"

    def _gutter(self, number: str) -> str:
        return _painted(f"{number:>{self._margin}} |", _GUTTER, self._colour)

    def _remark(self, kind: str, text: str) -> str:
        sign = _painted(" " * self._margin + " =", _GUTTER, self._colour)
        first, *rest = text.split("\n")
        lines = [f"{sign} {_painted(kind, _BOLD, self._colour)}: {sentence(first)}"]
        indent = " " * (self._margin + len(f" = {kind}: "))
        lines.extend(indent + sentence(line) for line in rest)
        return "\n".join(lines)
