"""Short ways to parse a text and to look at what comes out."""

from __future__ import annotations

from dataclasses import dataclass

from rnndsl.diagnostics import Report
from rnndsl.syntax.format import format_source
from rnndsl.syntax.parse import parse
from rnndsl.syntax.read import source_of
from rnndsl.syntax.tree import CellDefinition, Expression, File, Item, Member, Output

HEADER = "cell A(I, H):\n"


@dataclass(frozen=True)
class Fault:
    """A diagnostic, its place from the first column to the one behind the last."""

    code: str
    line: int
    start: int
    end: int
    message: str
    help: str = ""


def faults_of(text: str) -> tuple[File | None, list[Fault]]:
    report = Report()
    file = parse(source_of("a.rnn", text), report)
    found = []
    for diagnostic in report.diagnostics:
        span = diagnostic.span
        found.append(
            Fault(
                diagnostic.code,
                span.line,
                span.column,
                span.column + span.end - span.start,
                diagnostic.message,
                diagnostic.help,
            )
        )
    return file, found


def parsed(text: str) -> File:
    file, found = faults_of(text)
    assert found == []
    assert file is not None
    return file


def item(text: str) -> Item:
    (only,) = parsed(text).items
    return only


def cell(body: str) -> CellDefinition:
    """A cell of these lines, which are not indented."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    definition = item(HEADER + lines)
    assert isinstance(definition, CellDefinition)
    return definition


def member(line: str) -> Member:
    (only,) = cell(line).members
    return only


def expression(text: str) -> Expression:
    output = member(f"output {text}")
    assert isinstance(output, Output)
    return output.value


def fault(text: str) -> Fault:
    """The only thing wrong with a text."""
    file, found = faults_of(text)
    assert file is None
    assert len(found) == 1, found
    return found[0]


def line_fault(line: str) -> Fault:
    """The only thing wrong with the third line of a cell, indented by four spaces."""
    return fault(f"{HEADER}    input x: [I]\n    {line}\n    output x[t]\n")


def formatted(text: str) -> str:
    report = Report()
    result = format_source(source_of("a.rnn", text), report)
    assert report.diagnostics == ()
    assert result is not None
    return result
