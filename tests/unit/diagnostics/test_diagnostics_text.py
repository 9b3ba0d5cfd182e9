"""The text format, to the character."""

from __future__ import annotations

import pytest

from rnndsl.diagnostics import Diagnostic, Label, Severity, Source, Span
from rnndsl.diagnostics.render import render_text

SPEC = """\
cell GRU(I, H):
    input x: [I]
    state h: [H]
    param W: [H, I]



    n = tanh(W @ x[t] + x[t])
    h[t] = n
"""
SOURCE = Source("gru.rnn", SPEC)


def at(source: Source, text: str, occurrence: int = 0) -> Span:
    start = -1
    for _ in range(occurrence + 1):
        start = source.text.index(text, start + 1)
    return Span(source, start, start + len(text))


def error(span: Span, **parts: object) -> Diagnostic:
    given: dict[str, object] = {
        "code": "RNN021",
        "severity": Severity.ERROR,
        "message": "shapes do not match: [H] + [I]",
        "span": span,
    }
    return Diagnostic(**(given | parts))  # type: ignore[arg-type]


MISMATCH = error(
    at(SOURCE, "x[t]", 1),
    label="has shape [I], the term before it [H]",
    labels=(Label(at(SOURCE, "x"), "declared here"),),
    notes=("sizes are compared by name",),
    help="project it with a parameter: `P @ x[t]`, `param P: [H, I]`",
)


def shown(*diagnostics: Diagnostic) -> str:
    return render_text(diagnostics, colour=False)


def test_error_with_a_label_above_notes_and_help() -> None:
    assert shown(MISMATCH) == (
        """\
error[RNN021]: shapes do not match: [H] + [I]
 --> gru.rnn:8:25
  |
8 |     n = tanh(W @ x[t] + x[t])
  |                         ^^^^ has shape [I], the term before it [H]
  |
2 |     input x: [I]
  |           - declared here
  = note: sizes are compared by name
  = help: project it with a parameter: `P @ x[t]`, `param P: [H, I]`

error: 1 error
"""
    )


def test_nothing_found() -> None:
    assert shown() == ""


def test_order_and_summary() -> None:
    late = error(at(SOURCE, "h[t]"), severity=Severity.WARNING, code="RNN042")
    other = error(at(Source("a.rnn", "cell"), "cell"))
    text = shown(late, MISMATCH, other, error(at(SOURCE, "n")))
    places = [line for line in text.splitlines() if "-->" in line]
    assert places == [
        " --> a.rnn:1:1",
        " --> gru.rnn:2:6",
        " --> gru.rnn:8:25",
        " --> gru.rnn:9:5",
    ]
    assert text.endswith("\n\nerror: 3 errors, 1 warning\n")


def test_summary_of_warnings() -> None:
    spans = (at(SOURCE, "h[t]"), at(SOURCE, "n"))
    text = shown(*(error(span, severity=Severity.WARNING) for span in spans))
    assert text.startswith("warning[RNN021]: ")
    assert text.endswith("\n\nwarning: 2 warnings\n")


def test_gutter_is_as_wide_as_the_largest_line_number() -> None:
    source = Source("a.rnn", "\n" * 98 + "first\nsecond\n")
    found = error(
        at(source, "second"), labels=(Label(at(source, "first"), "before"),), help="h"
    )
    assert shown(found) == (
        """\
error[RNN021]: shapes do not match: [H] + [I]
   --> a.rnn:100:1
    |
100 | second
    | ^^^^^^
    |
 99 | first
    | ----- before
    = help: h

error: 1 error
"""
    )


def test_labels_on_the_line_of_the_error() -> None:
    source = Source("a.rnn", "alpha beta gamma delta")
    found = error(
        at(source, "beta"),
        label="here",
        labels=(
            Label(at(source, "delta"), "third"),
            Label(at(source, "alpha"), "first"),
            Label(at(source, "gamma"), "second"),
        ),
    )
    assert shown(found) == (
        """\
error[RNN021]: shapes do not match: [H] + [I]
 --> a.rnn:1:7
  |
1 | alpha beta gamma delta
  | ----- ^^^^ ----- ----- third
  | |     |    |
  | |     |    second
  | |     here
  | first

error: 1 error
"""
    )


def test_label_around_the_error() -> None:
    source = Source("a.rnn", "f(u, v)")
    found = error(
        at(source, "v"), label="wrong", labels=(Label(at(source, "f(u, v)"), "call"),)
    )
    assert shown(found).splitlines()[3:-2] == [
        "1 | f(u, v)",
        "  | -----^- call",
        "  |      |",
        "  |      wrong",
    ]


def test_label_in_another_file() -> None:
    other = Source("cells/my.rnn", "def soft(u) = u + v\n")
    found = error(
        at(other, "v"),
        label="not known",
        labels=(
            Label(at(SOURCE, "n", 1), "in this call"),
            Label(at(other, "soft"), "defined here"),
        ),
    )
    assert shown(found) == (
        """\
error[RNN021]: shapes do not match: [H] + [I]
 --> cells/my.rnn:1:19
  |
1 | def soft(u) = u + v
  |     ----          ^ not known
  |     |
  |     defined here
 ::: gru.rnn:8:5
  |
8 |     n = tanh(W @ x[t] + x[t])
  |     - in this call

error: 1 error
"""
    )


@pytest.mark.parametrize("offset", [0, 4, 9])
def test_span_of_nothing_is_one_caret(offset: int) -> None:
    source = Source("a.rnn", "abcd\nefgh")
    lines = shown(error(Span(source, offset, offset))).splitlines()
    line, column = source.position(offset)
    assert lines[1] == f" --> a.rnn:{line}:{column}"
    assert lines[4] == "  | " + " " * (column - 1) + "^"


def test_empty_spec() -> None:
    found = error(Span(Source("a.rnn", ""), 0, 0), label="nothing here")
    assert shown(found).splitlines()[1:5] == [
        " --> a.rnn:1:1",
        "  |",
        "1 |",
        "  | ^ nothing here",
    ]


def test_span_over_lines_is_marked_to_the_end_of_the_first() -> None:
    source = Source("a.rnn", "a = (b +\n     c)\n")
    found = error(Span(source, 4, 16), label="all of it")
    assert shown(found).splitlines()[3:5] == ["1 | a = (b +", "  |     ^^^^ all of it"]


WIDE = {
    "tab": ("\tx + y", 5, "1 |     x + y", "  |         ^"),
    "wide": ("漢字 + y", 5, "1 | 漢字 + y", "  |        ^"),
    "combining": ("e\u0301 + y", 5, "1 | e\u0301 + y", "  |     ^"),
    "control": ("a\x1b[31m + y", 9, "1 | a␛[31m + y", "  |          ^"),
    "delete": ("\x7f + y", 4, "1 | ␡ + y", "  |     ^"),
    "direction": ("\u202ea + y", 5, "1 | <U+202E>a + y", "  |             ^"),
    "invisible": ("a\u200b + y", 5, "1 | a<U+200B> + y", "  |             ^"),
    "next line": ("a\x85 + y", 5, "1 | a<U+0085> + y", "  |             ^"),
}


@pytest.mark.parametrize(
    ("text", "offset", "line", "carets"), WIDE.values(), ids=WIDE.keys()
)
def test_carets_stand_under_what_is_shown(
    text: str, offset: int, line: str, carets: str
) -> None:
    source = Source("a.rnn", text)
    lines = shown(error(Span(source, offset, offset + 1))).splitlines()
    assert lines[3:5] == [line, carets]


def test_long_line_is_cut_around_the_caret() -> None:
    source = Source("a.rnn", "a" * 500_000 + "HERE" + "b" * 500_000)
    lines = shown(error(at(source, "HERE"), label="this")).splitlines()
    assert lines[3] == "1 | ..." + "a" * 50 + "HERE" + "b" * 46 + "..."
    assert lines[4] == "  | " + " " * 53 + "^^^^ this"


def test_long_line_is_cut_at_its_end_only() -> None:
    source = Source("a.rnn", "HERE" + "b" * 500)
    lines = shown(error(at(source, "HERE"))).splitlines()
    assert lines[3] == "1 | HERE" + "b" * 96 + "..."
    assert lines[4] == "  | ^^^^"


def test_long_span_does_not_run_out_of_the_line() -> None:
    source = Source("a.rnn", "a" * 1000)
    lines = shown(error(Span(source, 10, 1000), label="long")).splitlines()
    assert lines[4] == "  | " + " " * 10 + "^" * 90 + " long"


def test_label_outside_of_a_cut_line_is_still_read() -> None:
    source = Source("a.rnn", "first " + "a" * 500 + " last")
    found = error(
        at(source, "last"), label="here", labels=(Label(at(source, "first"), "there"),)
    )
    text = shown(found)
    assert "here" in text
    assert "there" in text
    assert max(map(len, text.splitlines())) < 130


def test_names_and_messages_cannot_break_the_output() -> None:
    source = Source("a\nb\x1b.rnn", "x")
    found = error(
        at(source, "x"), message="no `\n\x1b[2J`", label="\r", notes=("one\ntwo\x07",)
    )
    assert shown(found) == (
        """\
error[RNN021]: no `␊␛[2J`
 --> a␊b␛.rnn:1:1
  |
1 | x
  | ^ ␍
  = note: one
          two␇

error: 1 error
"""
    )


def test_long_quotes_are_shortened() -> None:
    name = "n" * 100_000
    found = error(
        at(SOURCE, "n"),
        message=f"no `{name}` or `m`",
        label=f"`{name}`",
        help=f"`{name}`",
    )
    text = shown(found)
    assert f"no `{'n' * 60}...` or `m`" in text
    assert max(map(len, text.splitlines())) < 130


def test_colour() -> None:
    text = render_text([MISMATCH], colour=True)
    assert "\x1b[1;31merror[RNN021]\x1b[0m" in text
    assert "\x1b[1;34m  |\x1b[0m" in text
    plain = text
    for code in ("0", "1", "1;31", "1;33", "1;34"):
        plain = plain.replace(f"\x1b[{code}m", "")
    assert plain == shown(MISMATCH)
    carets = " " * 24 + "^^^^ has shape [I], the term before it [H]"
    assert f"\x1b[1;31m{carets}\x1b[0m" in text
