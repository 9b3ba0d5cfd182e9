"""Diagnostics as workflow commands, which GitHub shows beside the changed lines."""

from __future__ import annotations

from collections.abc import Iterable

from rnndsl.diagnostics.diagnostic import Diagnostic
from rnndsl.diagnostics.render_order import in_order


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """One ``::error ...`` or ``::warning ...`` line for each diagnostic.

    The label, the notes and the help follow the message, each on a line of its own.
    """
    return "".join(_command(d) + "\n" for d in in_order(diagnostics))


def _command(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    end_line, end_column = span.source.position(span.end)
    properties = {"file": span.source.name, "line": span.line, "col": span.column}
    if end_line == span.line:
        properties["endColumn"] = end_column
    else:
        # GitHub takes an end column only on the line where the span starts.
        properties["endLine"] = end_line
    properties["title"] = diagnostic.code
    listed = ",".join(f"{k}={_property(str(v))}" for k, v in properties.items())
    texts = [diagnostic.message, diagnostic.label]
    texts.extend(f"note: {note}" for note in diagnostic.notes)
    texts.append(f"help: {diagnostic.help}" if diagnostic.help else "")
    message = _data("\n".join(text for text in texts if text))
    return f"::{diagnostic.severity.value} {listed}::{message}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
