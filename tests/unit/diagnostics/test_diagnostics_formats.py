"""The formats for programs: JSON and GitHub's workflow commands."""

from __future__ import annotations

import json

from rnndsl.diagnostics import Diagnostic, Label, Severity, Source, Span
from rnndsl.diagnostics.render import render_github, render_json

SOURCE = Source("cells/gru,1:a.rnn", "cell A(I):\n    h = x +\n        y\n")
ERROR = Diagnostic(
    code="RNN021",
    severity=Severity.ERROR,
    message="shapes do not match: 100%\nof them",
    span=Span(SOURCE, 19, 20),
    label="here",
    labels=(Label(Span(SOURCE, 5, 6), "declared here"),),
    notes=("first", "second"),
    help="do this",
)
WARNING = Diagnostic(
    code="RNN042",
    severity=Severity.WARNING,
    message="no effect",
    span=Span(SOURCE, 15, 32),
)


def test_json_has_every_key_in_order() -> None:
    text = render_json([ERROR, WARNING])
    assert text.endswith("]\n")
    first, second = json.loads(text)
    assert list(first) == [
        "code",
        "severity",
        "message",
        "file",
        "line",
        "column",
        "end_line",
        "end_column",
        "label",
        "labels",
        "notes",
        "help",
    ]
    assert first == {
        "code": "RNN042",
        "severity": "warning",
        "message": "no effect",
        "file": "cells/gru,1:a.rnn",
        "line": 2,
        "column": 5,
        "end_line": 3,
        "end_column": 10,
        "label": "",
        "labels": [],
        "notes": [],
        "help": "",
    }
    assert (second["line"], second["column"], second["end_column"]) == (2, 9, 10)
    assert second["labels"] == [
        {
            "message": "declared here",
            "file": "cells/gru,1:a.rnn",
            "line": 1,
            "column": 6,
            "end_line": 1,
            "end_column": 7,
        }
    ]
    assert (second["notes"], second["help"]) == (["first", "second"], "do this")


def test_json_is_ascii_whatever_the_text() -> None:
    source = Source("\ud800.rnn", "h\u202e")
    found = Diagnostic(
        code="RNN001",
        severity=Severity.ERROR,
        message="\x1b",
        span=Span(source, 1, 2),
    )
    text = render_json([found])
    assert text.isascii()
    assert json.loads(text)[0]["message"] == "\x1b"


def test_json_of_nothing() -> None:
    assert json.loads(render_json([])) == []


def test_github_commands() -> None:
    place = "file=cells/gru%2C1%3Aa.rnn,line=2"
    assert render_github([ERROR, WARNING]) == (
        f"::warning {place},col=5,endLine=3,title=RNN042::no effect\n"
        f"::error {place},col=9,endColumn=10,title=RNN021::"
        "shapes do not match: 100%25%0Aof them%0Ahere"
        "%0Anote: first%0Anote: second%0Ahelp: do this\n"
    )


def test_github_of_nothing() -> None:
    assert render_github([]) == ""


def test_github_commands_cannot_be_injected() -> None:
    source = Source("a\n::error::b.rnn", "x")
    found = Diagnostic(
        code="RNN001",
        severity=Severity.ERROR,
        message="one\r\n::error::two",
        span=Span(source, 0, 1),
    )
    assert len(render_github([found]).splitlines()) == 1
