"""Specs with spaces, comments and line breaks anywhere, put into canonical form."""

from __future__ import annotations

import re
from random import Random

import pytest
from spec_generator import generate

from rnndsl.diagnostics import Report, Source
from rnndsl.syntax.format import format_source
from rnndsl.syntax.parse import parse
from rnndsl.syntax.tree import File

_NUMBER = r"\b\d+\.?\d*(?:e-?\d+)?|\.\d+"
_SYMBOL = r"\*\*|<=|>=|==|!=|[][(){},:=+\-*/@<>~]"
_COMMENTS = ("# why", "#", "# (unbalanced", '# """', "#tight")


def _parsed(text: str) -> File:
    report = Report()
    file = parse(Source("fuzz.rnn", text), report)
    assert file is not None, report.diagnostics
    return file


def _formatted(text: str) -> str:
    found = format_source(Source("fuzz.rnn", text), Report())
    assert found is not None
    return found


def _untidy(text: str, rng: Random) -> str:
    """The same spec, written carelessly."""
    lines: list[str] = []
    for line in text.splitlines():
        indent = re.match(" *", line)
        assert indent is not None
        body = line[indent.end() :]
        if '"""' not in body:
            body = _spread(body, rng)
            if body and rng.random() < 0.1:
                body += " " * rng.randint(0, 3) + rng.choice(_COMMENTS)
        lines.append(indent[0] + body)
        if rng.random() < 0.1:
            lines.extend(rng.choice((["", ""], [f"    {rng.choice(_COMMENTS)}"], [""])))
    return "\n".join(lines) + rng.choice(("\n", "", "\n\n\n"))


def _spread(body: str, rng: Random) -> str:
    """Other spaces between words, and line breaks where a bracket is open."""
    parts = re.split(f"({_NUMBER}|{_SYMBOL}| +)", body)
    depth = 0
    found: list[str] = []
    for part in parts:
        depth += part in ("(", "[", "{")
        depth -= part in (")", "]", "}")
        if part.isspace():
            found.append(part if rng.random() < 0.7 else "  ")
        elif re.fullmatch(_SYMBOL, part):
            found.append(part + rng.choice(("", "", "", " ", "   ")))
        else:
            found.append(part)
        if depth and part == "," and rng.random() < 0.1:
            comment = f"  {rng.choice(_COMMENTS)}" if rng.random() < 0.5 else ""
            found.append(f"{comment}\n{' ' * rng.randint(0, 9)}")
    return "".join(found)


@pytest.mark.parametrize("first", range(0, 120, 20))
def test_a_formatted_spec_means_the_same_and_stays_as_it_is(first: int) -> None:
    for seed in range(first, first + 20):
        text = generate(seed)
        for written in (text, _untidy(text, Random(seed))):
            formatted = _formatted(written)
            assert _parsed(formatted) == _parsed(written) == _parsed(text), written
            assert _formatted(formatted) == formatted


def test_a_comment_is_never_lost() -> None:
    for seed in range(60):
        written = _untidy(generate(seed), Random(seed))
        formatted = _formatted(written)
        assert formatted.count("#") == written.count("#")
        for words in ("why", "(unbalanced", "tight"):
            assert formatted.count(words) == written.count(words)
