"""Every rule has an example that breaks it, one that keeps it, and a page with both.

An invalid spec states what is expected of it in lines ``#! CODE line:start-end``; the
end column is the first one after the span.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

import rnndsl.analysis
from rnndsl.analysis.cell_names import check_has_cell
from rnndsl.analysis.resolve import resolve
from rnndsl.diagnostics import Diagnostic, Report, Source
from rnndsl.diagnostics.explain import all_codes, explain
from rnndsl.diagnostics.render import render_text
from rnndsl.syntax.parse import parse
from rnndsl.syntax.read import read

HERE = Path(__file__).parent
INVALID = sorted((HERE / "invalid").glob("RNN*.rnn"))
VALID = sorted((HERE / "valid").glob("RNN*.rnn"))
CODES = [code for code, _ in all_codes()]
EXPECTED = re.compile(r"^#! (RNN\d{3}) (\d+):(\d+)-(\d+)$", re.MULTILINE)
BLOCK = re.compile(r"^## (Fails|Fixed)\n+```rnn\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def diagnose(path: Path) -> tuple[Source, tuple[Diagnostic, ...]]:
    report = Report()
    source = read(path, path.name, report)
    file = parse(source, report)
    program = None
    if file is not None:
        program = resolve(file, source, path.parent, report)
    if program is not None:
        check_has_cell(program, report)
    return source, report.diagnostics


def place(diagnostic: Diagnostic) -> tuple[str, int, int, int]:
    span = diagnostic.span
    end = span.column + span.end - span.start
    return diagnostic.code, span.line, span.column, end


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_invalid_spec_gives_exactly_its_diagnostics(path: Path) -> None:
    source, found = diagnose(path)
    text = source.text or path.read_text(encoding="utf-8")
    expected = [
        (code, int(line), int(start), int(end))
        for code, line, start, end in EXPECTED.findall(text)
    ]
    assert expected
    shown = render_text(found, colour=False)
    assert sorted(map(place, found)) == sorted(expected), shown
    assert path.stem[:6] in {code for code, *_ in expected}


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid_spec_gives_none(path: Path) -> None:
    _, found = diagnose(path)
    assert render_text(found, colour=False) == ""


def test_every_code_has_both_files() -> None:
    assert [path.stem for path in INVALID] == [path.stem for path in VALID]
    assert [path.stem[:6] for path in INVALID] == CODES


def test_files_beside_the_rules_are_used() -> None:
    beside = sorted((HERE / "invalid").glob("*/*.rnn"))
    texts = "".join(path.read_text(encoding="utf-8") for path in INVALID)
    assert [path.name for path in beside if path.name not in texts] == []


@pytest.mark.parametrize("code", CODES)
def test_page_has_examples_that_behave(code: str, tmp_path: Path) -> None:
    page = explain(code)
    assert page is not None
    blocks = dict(BLOCK.findall(page))
    assert list(blocks) == ["Fails", "Fixed"]
    gates = "def soften(u) = u * sigmoid(u)\n"
    (tmp_path / "gates.rnn").write_text(gates, encoding="utf-8")
    spec = tmp_path / "spec.rnn"
    spec.write_text(blocks["Fails"], encoding="utf-8")
    assert [d.code for d in diagnose(spec)[1]] == [code]
    spec.write_text(blocks["Fixed"], encoding="utf-8")
    assert diagnose(spec)[1] == ()


def test_every_code_of_the_analysis_is_one_function() -> None:
    functions = defaultdict(list)
    (folder,) = rnndsl.analysis.__path__
    for module in sorted(Path(folder).rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for code in codes_in(node):
                    functions[code].append(f"{module.stem}.{node.name}")
    assert sorted(functions) == [code for code in CODES if code >= "RNN020"]
    assert {code: names for code, names in functions.items() if len(names) > 1} == {}


def codes_in(function: ast.FunctionDef) -> set[str]:
    return {
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"RNN\d{3}", node.value)
    }


def test_index_of_errors_lists_every_page() -> None:
    index = (HERE.parent.parent / "docs" / "errors.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (RNN\d{3}) \| (?:error|warning) \| (.+) \|$", index, re.M)
    assert listed == list(all_codes())


def test_index_of_errors_states_the_severity() -> None:
    index = (HERE.parent.parent / "docs" / "errors.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| (RNN\d{3}) \| (error|warning) \|", index, re.M))
    for path in INVALID:
        _, found = diagnose(path)
        for diagnostic in found:
            assert listed[diagnostic.code] == diagnostic.severity.value
