"""Stages of a generated model: what builds a submodule, and what runs it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from rnndsl.analysis.program import Dim
from rnndsl.analysis.width import Width
from rnndsl.backends.torch.layout import comment
from rnndsl.diagnostics import Span

INDENT = 8
"""Of the statements of a method."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """One part of a model: lines of ``__init__``, lines of ``start``, where the model
    has that method, and lines of ``forward``.

    ``span`` lies in the line of the spec that it comes from. What leaves the stage has
    ``width`` features, behind these the axes of ``extent``, and with ``has_time`` an
    axis of time, with ``is_separate`` one of two directions.
    """

    span: Span
    width: Width
    has_time: bool
    extent: tuple[Dim, ...] = ()
    is_separate: bool = False
    build: list[str] = field(default_factory=list)
    begin: list[str] = field(default_factory=list)
    run: list[str] = field(default_factory=list)


def printable(name: str) -> str:
    """A text on one line, whatever characters it has."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)


def place(span: Span) -> str:
    """``tagger.rnn:7``."""
    return f"{printable(PurePath(span.source.name).name)}:{span.line}"


def spec_line(span: Span) -> str:
    """``tagger.rnn:7  layer LSTM(128), dropout(0.3)``."""
    written = span.source.line(span.line).split("#")[0].strip()
    return f"{place(span)}  {printable(written)}"


def commented(stages: Iterable[tuple[Span, Sequence[str]]]) -> list[str]:
    """The lines of stages, each under the line of the spec that it comes from; stages
    of one line stand under it together."""
    lines: list[str] = []
    former = ""
    for span, body in stages:
        written = spec_line(span)
        if body and written != former:
            lines.extend(comment(written, indent=INDENT))
            former = written
        lines.extend(body)
    return lines
