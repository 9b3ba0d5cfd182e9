"""Specs for the tests of the analysis, and what is found in them."""

from __future__ import annotations

from pathlib import Path

from rnndsl.analysis.program import Cell, Program
from rnndsl.analysis.resolve import resolve
from rnndsl.diagnostics import Diagnostic, Report
from rnndsl.diagnostics.render import render_text
from rnndsl.syntax.parse import parse
from rnndsl.syntax.read import source_of

DECLARATIONS = """\
    input x: [I]
    state h: [H], c: [H]
    param W: [H, I], U: [H, H], w: [H], k: []
    bias b: [H]
    const two = 2
"""

MODEL_CELLS = "GRU, GRUD, LSTM, LSTMP, QRNN, TimeAwareLSTM"


def cell(equations: str, declarations: str = "", *, head: str = "A(I, H)") -> str:
    """A cell with the usual declarations, all of them used, and some lines more."""
    lines = [f"cell {head}:", DECLARATIONS.rstrip("\n")]
    lines.extend("    " + line for line in declarations.splitlines())
    lines.append("    used = W @ x[t] + U @ (w * h[t-1] + k * c[t-1] ** two) + b")
    lines.extend("    " + line for line in equations.splitlines())
    for state in ("h", "c"):
        targets = (f"{state}[t]", f"{state} =")
        if not any(line.startswith(targets) for line in equations.splitlines()):
            lines.append(f"    {state}[t] = tanh(used)")
    lines.append("    output h[t]")
    return "\n".join(lines) + "\n"


def model_spec(body: str, head: str = "M(I)", first: str = "input x: [I]") -> str:
    """A model of these lines."""
    lines = [first, *body.strip().splitlines()]
    text = f"from zoo import {MODEL_CELLS}\n\nmodel {head}:\n"
    return text + "".join(f"    {line.strip()}\n" for line in lines)


def report_on(text: str, directory: Path | None = None) -> tuple[Diagnostic, ...]:
    """What is found in a spec, in the order in which it is printed."""
    report = Report()
    source = source_of("spec.rnn", text)
    file = parse(source, report)
    if file is not None:
        resolve(file, source, directory, report)
    return tuple(sorted(report.diagnostics, key=lambda d: (d.span.start, d.code)))


def found(text: str, directory: Path | None = None) -> list[str]:
    """The findings as ``CODE text``, the text being what the carets mark."""
    return [f"{d.code} {d.span.text}" for d in report_on(text, directory)]


def program_of(text: str, directory: Path | None = None) -> Program:
    """The resolved program of a spec in which nothing is wrong."""
    report = Report()
    source = source_of("spec.rnn", text)
    file = parse(source, report)
    assert file is not None, render_text(report.diagnostics, colour=False)
    program = resolve(file, source, directory, report)
    assert report.diagnostics == (), render_text(report.diagnostics, colour=False)
    assert program is not None
    return program


def cell_of(text: str) -> Cell:
    """The only cell of a spec in which nothing is wrong."""
    (resolved,) = program_of(text).cells
    return resolved
