"""Specs with a few words exchanged: always a program or an error, nothing else."""

from __future__ import annotations

import random
import re

import pytest
from analysis_specs import report_on

from rnndsl import zoo
from rnndsl.analysis.resolve import resolve
from rnndsl.diagnostics import Report
from rnndsl.diagnostics.render import render_github, render_json, render_text
from rnndsl.syntax.parse import parse
from rnndsl.syntax.read import source_of

WORD = re.compile(r'""".*?"""|[A-Za-z_]\w*|\[t-1\]|\[t\]|[-+*/@]|\s+|.', re.DOTALL)
OPERATORS = ["+", "-", "*", "/", "@", "**", "<"]


def mutant(text: str, rng: random.Random) -> str:
    """A spec in which two names are the same, an operator or a line is another."""
    body = text.index("cell ")
    words = WORD.findall(text[body:])
    for _ in range(rng.randint(1, 3)):
        names = [i for i, w in enumerate(words) if w.isidentifier() or w[0] == "["]
        operators = [i for i, w in enumerate(words) if w in OPERATORS]
        if operators and rng.random() < 0.3:
            words[rng.choice(operators)] = rng.choice(OPERATORS)
        else:
            words[rng.choice(names)] = words[rng.choice(names)]
    lines = "".join(words).split("\n")
    if rng.random() < 0.3:
        lines.insert(
            rng.randrange(1, len(lines)), lines.pop(rng.randrange(1, len(lines)))
        )
    return text[:body] + "\n".join(lines)


@pytest.mark.parametrize("name", zoo.cell_names())
def test_mutants(name: str) -> None:
    rng = random.Random(name)
    for _ in range(15):
        source = source_of("spec.rnn", mutant(zoo.read(name), rng))
        report = Report()
        file = parse(source, report)
        if file is None:
            continue
        program = resolve(file, source, None, report)
        assert (program is None) is report.has_errors
        for diagnostic in report.diagnostics:
            spans = [diagnostic.span, *(label.span for label in diagnostic.labels)]
            for span in spans:
                assert 0 <= span.start <= span.end <= len(span.source.text)
        assert render_text(report.diagnostics, colour=True) or not report.diagnostics
        assert render_json(report.diagnostics)
        assert render_github(report.diagnostics) or not report.diagnostics


def test_findings_are_the_same_in_every_run() -> None:
    rng = random.Random(0)
    for _ in range(20):
        text = mutant(zoo.read("LSTM"), rng)
        assert report_on(text) == report_on(text)
