"""Diagnostics for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable

from rnndsl.diagnostics.diagnostic import Diagnostic
from rnndsl.diagnostics.render_order import in_order
from rnndsl.diagnostics.span import Span


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A JSON array with one object for each diagnostic.

    Keys, always all of them and in this order: ``code``, ``severity`` (``error`` or
    ``warning``), ``message``, ``file``, ``line``, ``column``, ``end_line``,
    ``end_column``, ``label``, ``labels``, ``notes`` (array of strings), ``help``. Lines
    and columns count characters from 1; the end column is the first one after the
    span. ``labels`` is an array of objects with ``message`` and the same five keys of
    place. Texts that are not there are empty.
    """
    records = [_record(diagnostic) for diagnostic in in_order(diagnostics)]
    return json.dumps(records, indent=2) + "\n"


def _record(diagnostic: Diagnostic) -> dict[str, object]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        **_place(diagnostic.span),
        "label": diagnostic.label,
        "labels": [
            {"message": label.message, **_place(label.span)}
            for label in diagnostic.labels
        ],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
    }


def _place(span: Span) -> dict[str, object]:
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": end_line,
        "end_column": end_column,
    }
