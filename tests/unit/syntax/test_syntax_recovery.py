"""Independent errors are found in one run, and one mistake is reported once."""

from __future__ import annotations

import pytest
from syntax_cases import faults_of

from rnndsl.diagnostics import Report, Source
from rnndsl.syntax.limits import MAX_ERRORS
from rnndsl.syntax.parse import parse


def places(text: str) -> list[tuple[str, int, int]]:
    file, found = faults_of(text)
    assert (file is None) == bool(found)
    return [(fault.code, fault.line, fault.start) for fault in found]


def test_errors_in_several_lines_and_cells() -> None:
    text = """\
def f(u) = u +
cell A(I, H)
    input x: [I]
    state h [H]
    i = sigmoid(x[t]
    h[t] = 2h
    output i
cell B
    inptu x: [I]
    output x[t] \u2212 1

cell C(I):
    input x: [I]
    output x[t]
def g(u) = u u
"""
    assert places(text) == [
        ("RNN006", 1, 15),
        ("RNN006", 2, 13),
        ("RNN006", 4, 13),
        ("RNN003", 5, 16),
        ("RNN005", 6, 12),
        ("RNN006", 8, 7),
        ("RNN007", 9, 5),
        ("RNN001", 10, 17),
        ("RNN006", 15, 14),
    ]


def test_errors_that_are_seen_when_the_tree_is_built() -> None:
    text = "cell A(I):\n    state h: [0] = 1e999\n    h[t] = h(t-1) + h[i]\n"
    text += "    i = i i\ncell B\ncell C(\n"
    assert sorted(places(text), key=lambda place: place[1:]) == [
        ("RNN010", 2, 15),
        ("RNN005", 2, 20),
        ("RNN008", 3, 12),
        ("RNN008", 3, 22),
        ("RNN006", 4, 11),
        ("RNN006", 5, 7),
        ("RNN003", 6, 7),
    ]


def test_block_below_a_bad_line_is_left_out() -> None:
    text = """\
cell A(I):
    for k in range(3):
        a = = b
          c
    output x[t] +
class B:
    def f(self): pass
"""
    assert places(text) == [("RNN007", 2, 5), ("RNN006", 5, 18), ("RNN007", 6, 1)]


@pytest.mark.parametrize(
    "statement",
    ["h[t] = i", "i = a", "state s: [H]", "cell B(I):", "def f(u) = u", "output a"],
)
def test_open_bracket_ends_at_the_next_statement(statement: str) -> None:
    indentation = "" if statement.startswith(("cell", "def")) else "    "
    text = f"cell A(I):\n    b = (1 +\n      2\n{indentation}{statement}\n"
    text += f"{indentation}    c = 1\n" if statement.startswith("cell") else ""
    assert places(text) == [("RNN003", 2, 9)]


def test_open_bracket_at_the_end_of_the_file() -> None:
    text = "cell A(I):\n    b = (1 + [\n      2\n"
    assert places(text)[0] == ("RNN003", 2, 9)


def test_body_at_the_left_margin_is_one_error() -> None:
    text = "cell A(I):\ninput x: [I]\ni = x[t]\noutput i +\ncell B(I):\n    i 3\n"
    assert places(text) == [("RNN002", 2, 1), ("RNN006", 4, 11), ("RNN006", 6, 7)]


def test_lines_outside_of_a_cell_are_one_error() -> None:
    text = "input x: [I]\nstate h: [H]\nh[t] = x[t]\noutput h[t]\ndef f(u) = u\na = 1\n"
    assert places(text) == [("RNN007", 1, 1), ("RNN007", 6, 1)]


def test_indentation() -> None:
    text = """\
cell A(I):
    a = 1
      b = 2
      c = = 3
    d = 4
  e = 5
  f = 6
    g = 7
"""
    assert places(text) == [("RNN002", 3, 7), ("RNN006", 4, 11), ("RNN002", 6, 3)]


def test_tabs_are_one_error() -> None:
    text = "cell A(I):\n\ta = 1\n\tb = 2\n    \tc = 3\n"
    assert places(text) == [("RNN002", 2, 1), ("RNN002", 4, 6)]
    assert places("cell A(I):\n\ta = 1\n\tb = 2\n") == [("RNN002", 2, 1)]


def test_only_so_many_errors() -> None:
    text = "cell A(I):\n" + "    a = = 1\n" * 1000
    assert len(places(text)) == MAX_ERRORS


def test_source_that_was_reported_is_not_looked_at() -> None:
    report = Report()
    source = Source("a.rnn", "cell")
    assert parse(source, report) is None
    assert len(report.diagnostics) == 1
    assert parse(source, report) is None
    assert len(report.diagnostics) == 1
    assert parse(Source("b.rnn", "cell"), report) is None
    assert len(report.diagnostics) == 2


def test_errors_of_another_file_do_not_matter() -> None:
    report = Report()
    assert parse(Source("a.rnn", "cell"), report) is None
    assert parse(Source("b.rnn", "def f(u) = u"), report) is not None
