"""Any text gets an answer: a tree, or diagnostics that point into it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from syntax_cases import faults_of
from syntax_strategies import Line, noise, plain, specs, spelt, word_soup

import rnndsl.zoo
from rnndsl.diagnostics import Report
from rnndsl.syntax.format import format_source
from rnndsl.syntax.parse import parse
from rnndsl.syntax.read import decode, source_of

ZOO = [
    path.read_text(encoding="utf-8")
    for path in sorted(Path(rnndsl.zoo.__path__[0]).glob("*.rnn"))
]
LARK = ("_NEWLINE", "_INDENT", "_DEDENT", "__ANON", "$END", "LPAR", "LSQB", "DOCSTRING")


def check(text: str) -> None:
    report = Report()
    source = source_of("a.rnn", text)
    file = parse(source, report)
    assert (file is None) == bool(report.diagnostics)
    for found in report.diagnostics:
        assert 0 <= found.span.start <= found.span.end <= len(source.text)
        assert found.code.startswith("RNN0")
        assert found.code < "RNN020"
        assert found.message
        shown = found.message + found.help
        assert not any(word in shown for word in LARK if word not in text)
        assert "\n" not in shown
    assert (format_source(source, Report()) is None) == (file is None)


@settings(deadline=None)
@given(noise)
def test_noise(text: str) -> None:
    check(text)


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_bytes(data: bytes) -> None:
    report = Report()
    assert parse(decode(data, "a.rnn", report), report) is None
    assert report.diagnostics


@settings(max_examples=300, deadline=None)
@given(word_soup)
def test_words_in_no_order(text: str) -> None:
    check(text)


@settings(max_examples=300, deadline=None)
@given(word_soup)
def test_words_in_no_order_in_a_cell(text: str) -> None:
    check(f"cell A(I, H):\n    input x: [I]\n    {text}\n    output x[t]\n")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ZOO), st.data())
def test_damaged_specs(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.sampled_from([0, 1, 2, 10, 200]))
        text = text[:start] + data.draw(word_soup) + text[start + length :]
    check(text)


@settings(deadline=None)
@given(specs(), st.data())
def test_spaces_breaks_and_comments_mean_nothing(
    lines: list[Line], data: st.DataObject
) -> None:
    text, _ = data.draw(spelt(lines))
    written, found = faults_of(text)
    assert found == []
    expected, found = faults_of(plain(lines))
    assert found == []
    assert written == expected
