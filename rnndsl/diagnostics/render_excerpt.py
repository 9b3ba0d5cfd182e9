"""A line of a spec with its markers: carets, dashes and their messages beneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnndsl.diagnostics.render_display import display, display_width, sentence
from rnndsl.diagnostics.span import Span

MAXIMUM_LENGTH = 100
CONTEXT = 50
ELLIPSIS = "..."


@dataclass(frozen=True, slots=True)
class Marker:
    """A span to underline, with a message; ``is_primary`` draws carets."""

    span: Span
    message: str
    is_primary: bool


@dataclass(frozen=True, slots=True)
class _Placed:
    """A marker in display columns of the printed line."""

    start: int
    end: int
    message: str
    is_primary: bool


@dataclass(frozen=True, slots=True)
class Excerpt:
    """One source line and the lines under it; each of those with its emphasis."""

    text: str
    beneath: tuple[tuple[str, bool], ...]


def excerpt(markers: Sequence[Marker]) -> Excerpt:
    """Shows the line on which all ``markers`` start. A span that runs over several
    lines is marked to the end of its first; a long line is cut around the first
    marker, the primary one if it is there."""
    first = next((m for m in markers if m.is_primary), markers[0])
    line = first.span.source.line(first.span.line).rstrip("\r")
    start, end = _window(len(line), first.span.column - 1)
    before = ELLIPSIS if start > 0 else ""
    after = ELLIPSIS if end < len(line) else ""
    text = before + display(line[start:end]) + after

    def column(offset: int) -> int:
        kept = min(max(offset, start), end)
        return len(before) + display_width(line[start:kept])

    placed = []
    for marker in markers:
        left = marker.span.column - 1
        right = min(left + marker.span.end - marker.span.start, len(line))
        at = column(left)
        placed.append(
            _Placed(at, max(column(right), at + 1), marker.message, marker.is_primary)
        )
    return Excerpt(text, tuple(_beneath(sorted(placed, key=lambda p: p.start))))


def _window(length: int, offset: int) -> tuple[int, int]:
    if length <= MAXIMUM_LENGTH:
        return 0, length
    start = max(0, min(offset - CONTEXT, length - MAXIMUM_LENGTH))
    return start, start + MAXIMUM_LENGTH


def _beneath(placed: Sequence[_Placed]) -> list[tuple[str, bool]]:
    """The underlines, the last marker's message beside them, the others hung below."""
    row = [" "] * max(p.end for p in placed)
    for p in sorted(placed, key=lambda p: p.is_primary):
        row[p.start : p.end] = ("^" if p.is_primary else "-") * (p.end - p.start)
    last = max(placed, key=lambda p: (p.end, p.start, p.is_primary))
    message = sentence(last.message)
    has_primary = any(p.is_primary for p in placed)
    lines = [(f"{''.join(row)} {message}".rstrip(), has_primary)]
    hung = [p for p in placed if p is not last and p.message]
    if hung:
        lines.append((_bars(hung), False))
    while hung:
        p = hung.pop()
        bars = _bars(hung)[: p.start]
        lines.append((f"{bars:<{p.start}}{sentence(p.message)}", p.is_primary))
    return lines


def _bars(hung: Sequence[_Placed]) -> str:
    row = [" "] * (max((p.start for p in hung), default=-1) + 1)
    for p in hung:
        row[p.start] = "|"
    return "".join(row)
