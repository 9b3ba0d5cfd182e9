"""The wording and the place of every syntax error."""

from __future__ import annotations

from pathlib import Path

import pytest
from syntax_cases import HEADER, Fault, fault, faults_of, line_fault

from rnndsl.diagnostics import Report
from rnndsl.syntax.parse import parse
from rnndsl.syntax.read import source_of

_, *LINES = (
    (Path(__file__).with_name("line_errors.txt"))
    .read_text(encoding="utf-8")
    .strip()
    .split("\n\n")
)


@pytest.mark.parametrize("case", LINES, ids=lambda case: case.split("\n")[0])
def test_bad_line_of_a_cell(case: str) -> None:
    line, *expected = case.split("\n")
    found = line_fault(line)
    shown = [f"    {found.code} {found.start - 4}-{found.end - 4} {found.message}"]
    if found.help:
        shown.append(f"    help: {found.help}")
    assert found.line == 3
    assert shown == expected


LOOKALIKES = [
    ("i = a \u2212 b", 7, "`\u2212` (U+2212 MINUS SIGN)", "write `-`"),
    (
        "i = \u03c3(a)",
        5,
        "`\u03c3` (U+03C3 GREEK SMALL LETTER SIGMA)",
        "write `sigmoid`",
    ),
    ("i = \u03b2", 5, "`\u03b2` (U+03B2 GREEK SMALL LETTER BETA)", "write `beta`"),
    ("i = \u03a9", 5, "`\u03a9` (U+03A9 GREEK CAPITAL LETTER OMEGA)", "write `Omega`"),
    ("i = h \u2299 c", 7, "`\u2299` (U+2299 CIRCLED DOT OPERATOR)", "write `*`"),
    ("\u04bb = 3", 1, "`\u04bb` (U+04BB CYRILLIC SMALL LETTER SHHA)", "write `h`"),
    ("i = W\u0430", 6, "`\u0430` (U+0430 CYRILLIC SMALL LETTER A)", "write `a`"),
    ("i = \ufb01", 5, "`\ufb01` (U+FB01 LATIN SMALL LIGATURE FI)", "write `fi`"),
    ("i = \u210e", 5, "`\u210e` (U+210E PLANCK CONSTANT)", "write `h`"),
    ("i = a\u00b2", 6, "`\u00b2` (U+00B2 SUPERSCRIPT TWO)", "write `** 2`"),
    ("i = a\u2075", 6, "`\u2075` (U+2075 SUPERSCRIPT FIVE)", "write `** 5`"),
    ("i = h\u2081", 6, "`\u2081` (U+2081 SUBSCRIPT ONE)", "write `_1`"),
    ("i = \u00e9", 5, "`\u00e9` (U+00E9 LATIN SMALL LETTER E WITH ACUTE)", "write `e`"),
    ("i\u00a0= a", 2, "U+00A0 NO-BREAK SPACE", "write a plain space"),
    ("i\u200b = a", 2, "U+200B ZERO WIDTH SPACE", "write a plain space"),
    ("i = a \u2265 b", 7, "`\u2265` (U+2265 GREATER-THAN OR EQUAL TO)", "write `>=`"),
    (
        "i = \u00bd",
        5,
        "`\u00bd` (U+00BD VULGAR FRACTION ONE HALF)",
        "names are made of the letters A to Z, digits and `_`",
    ),
]


@pytest.mark.parametrize(("line", "column", "shown", "help"), LOOKALIKES)
def test_character_outside_ascii(line: str, column: int, shown: str, help: str) -> None:
    message = f"{shown} is not a character of the language"
    start = column + 4
    assert line_fault(line) == Fault("RNN001", 3, start, start + 1, message, help)


FORBIDDEN = "save the file as UTF-8 text, without control characters"


@pytest.mark.parametrize(
    ("char", "name"),
    [
        ("\0", "U+0000"),
        ("\x1b", "U+001B"),
        ("\x0c", "U+000C"),
        ("\u0085", "U+0085"),
        ("\u2028", "U+2028 LINE SEPARATOR"),
        ("\u202e", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("\u2066", "U+2066 LEFT-TO-RIGHT ISOLATE"),
        ("\ud800", "U+D800"),
    ],
)
def test_character_that_is_no_text_is_refused_in_comments_too(
    char: str, name: str
) -> None:
    message = f"{name} cannot stand in a spec"
    expected = Fault("RNN001", 2, 4, 5, message, FORBIDDEN)
    assert fault(f"def f(u) = u\n# a{char}\n") == expected


def test_other_characters_may_stand_in_comments_and_docstrings() -> None:
    text = '"""\u03c3 \u732b \u2212"""\ndef f(u) = u  # \u00b2 \u0445\n'
    assert faults_of(text)[1] == []


EMPTY = ("the file defines nothing", "start with a cell: `cell NAME(I, H):`")
HEAD = "write `cell A(I, H):`"
FUNCTION = "a function is one expression: `def f(u) = u * sigmoid(u)`"
CONTINUE = "to continue on the next line, put the expression in parentheses"
IN_CELL = "indent it below `cell NAME(I, H):`"
BODY = "its lines follow the header, indented by four spaces"
DIMENSIONS = "expected the cell's dimensions, found"
FOUND_END = "found the end of the line"
SOURCES = 'import from `zoo`, or from a file: `from "cells/my.rnn" import A`'
ITEM = "expected `from`, `def`, `cell` or `model`, found"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Fault("RNN012", 1, 1, 1, *EMPTY)),
        ("\n\n# nothing\n", Fault("RNN012", 1, 1, 1, *EMPTY)),
        ('"""A docstring."""\n', Fault("RNN012", 1, 1, 1, *EMPTY)),
        (
            "cell A(I)\n    output a\n",
            Fault(
                "RNN006",
                1,
                10,
                10,
                f"expected `:` after the cell's dimensions, {FOUND_END}",
            ),
        ),
        (
            "cell A\n    output a\n",
            Fault("RNN006", 1, 7, 7, f"{DIMENSIONS} the end of the line", HEAD),
        ),
        (
            "cell A:\n    output a\n",
            Fault("RNN006", 1, 7, 8, f"{DIMENSIONS} `:`", HEAD),
        ),
        (
            "cell A():\n    output a\n",
            Fault("RNN006", 1, 8, 9, "a cell has at least one dimension", HEAD),
        ),
        (
            "cell A(I, 3):\n    output a\n",
            Fault("RNN006", 1, 11, 12, "expected a name, found the number `3`"),
        ),
        (
            "cell A(I=3):\n    output a\n",
            Fault("RNN006", 1, 9, 10, "expected `as`, `,` or `)`, found `=`"),
        ),
        (
            "cell A(I): output a\n",
            Fault(
                "RNN006",
                1,
                12,
                18,
                "the body of a cell starts on the next line",
                "indent it by four spaces",
            ),
        ),
        ("cell A(I):\n", Fault("RNN002", 1, 6, 7, "the cell A has no body", BODY)),
        (
            "cell A(I):\ndef f(u) = u\n",
            Fault("RNN002", 1, 6, 7, "the cell A has no body", BODY),
        ),
        (
            "Cell A(I):\n    output a\n",
            Fault(
                "RNN007",
                1,
                1,
                5,
                "`Cell` is not a word of the language",
                "did you mean `cell`?",
            ),
        ),
        (
            "class A:\n    x = 3\n",
            Fault(
                "RNN007",
                1,
                1,
                6,
                "`class` is not a word of the language",
                "a cell is `cell NAME(I, H):`",
            ),
        ),
        (
            "def f(x):\n    return x\n",
            Fault("RNN006", 1, 9, 10, "expected `=`, found `:`", FUNCTION),
        ),
        (
            "def f x = 3\n",
            Fault("RNN006", 1, 7, 8, "expected `(`, found the name `x`"),
        ),
        (
            "def f(x) =\n",
            Fault(
                "RNN006", 1, 11, 11, f"expected an expression, {FOUND_END}", CONTINUE
            ),
        ),
        (
            "input x: [I]\n",
            Fault("RNN007", 1, 1, 6, "`input` cannot stand outside of a cell", IN_CELL),
        ),
        (
            "h[t] = 3\n",
            Fault(
                "RNN007", 1, 1, 2, "an equation cannot stand outside of a cell", IN_CELL
            ),
        ),
        ("@dataclass\n", Fault("RNN007", 1, 1, 2, f"{ITEM} `@`")),
        ("3\n", Fault("RNN007", 1, 1, 2, f"{ITEM} the number `3`")),
        (
            "from torch import A\n",
            Fault("RNN013", 1, 6, 11, "cannot import from `torch`", SOURCES),
        ),
        (
            "from zo import A\n",
            Fault("RNN013", 1, 6, 8, "cannot import from `zo`", "did you mean `zoo`?"),
        ),
        ("from zoo\n", Fault("RNN006", 1, 9, 9, f"expected `import`, {FOUND_END}")),
        (
            "from\n",
            Fault(
                "RNN006",
                1,
                5,
                5,
                f"expected a name or a file in double quotes, {FOUND_END}",
            ),
        ),
        (
            "from zoo import A B\n",
            Fault(
                "RNN006",
                1,
                19,
                20,
                "expected `as`, `,` or the end of the line, found the name `B`",
            ),
        ),
        (
            "from 'a.rnn' import A\n",
            Fault(
                "RNN004",
                1,
                6,
                13,
                "text stands in double quotes",
                "write `\"` instead of `'`",
            ),
        ),
        (
            '"""Never closed.\ndef f(u) = u\n',
            Fault(
                "RNN004", 1, 1, 4, "a docstring is never closed", 'close it with `"""`'
            ),
        ),
        (
            '"""A trailing \\"""\ndef f(u) = u """\n',
            Fault(
                "RNN004",
                2,
                14,
                17,
                "a docstring is never closed",
                'close it with `"""`',
            ),
        ),
    ],
)
def test_bad_file(text: str, expected: Fault) -> None:
    assert fault(text) == expected


@pytest.mark.parametrize(
    ("index", "message", "help"),
    [
        ("h(t # now\n - 1)", "time is written in square brackets", "write `h[t-1]`"),
        (
            "h[t # now\n - 1.5]",
            "`[t-1.5]` is not a time step",
            "a value is indexed by time alone, `[t]` or `[t-1]`",
        ),
    ],
)
def test_message_about_several_lines_is_one_line(
    index: str, message: str, help: str
) -> None:
    found = line_fault(f"i = {index}")
    assert (found.code, found.message, found.help) == ("RNN008", message, help)


def test_bracket_closed_by_another_points_at_both() -> None:
    report = Report()
    assert parse(source_of("a.rnn", "def f(u) = (u]\n"), report) is None
    (found,) = report.diagnostics
    (label,) = found.labels
    assert (label.message, label.span.text) == ("opened here", "(")
    assert label.span.column == 12


def test_long_text_is_shortened_in_messages() -> None:
    long = "x" * 1000
    found = line_fault(f"{long} {long}")
    assert found.message == f"`{'x' * 37}...` is not a word of the language"
    assert (found.start, found.end) == (5, 1005)


def test_every_opening_word_is_corrected() -> None:
    for word in ("input", "state", "param", "const", "output"):
        found = line_fault(f"{word[:2]}{word[3:]} u")
        assert found.help == f"did you mean `{word}`?"


def test_words_of_the_parser_never_reach_the_user() -> None:
    for line in (
        "i = f(",
        "x",
        "state",
        "param W_{i",
        "i = x[t",
        'from "a"',
        "i = a b",
        "state h: [",
        "param W: [H] as",
    ):
        for found in faults_of(f"{HEADER}    {line}\n")[1]:
            shown = found.message + found.help
            for word in ("_NEWLINE", "INDENT", "ANON", "$END", "NAME,", "LPAR", "RSQB"):
                assert word not in shown


@pytest.mark.parametrize(
    ("shape", "help"),
    [
        (
            "[H, I]",
            "declare it the other way round, `U: [I, H]`, and write `U @ ...`",
        ),
        ("[ H,7 ]", "declare it the other way round, `U: [7, H]`, and write `U @ ...`"),
        ("[H, H]", "`U` is square and learned as it is used: write `U @ ...`"),
        ("[H]", "declare the parameter with its dimensions the other way round"),
    ],
)
def test_transposed_parameter_is_shown_as_it_would_be_declared(
    shape: str, help: str
) -> None:
    line = "i = U.T @ h[t-1]"
    text = (
        f"cell B(I, H):\n    param U: [I, 9]\n    i = U @ x[t]\n"
        f"cell A(I, H):\n    param U: {shape}\n    {line}\n"
    )
    found = fault(text)
    assert (found.code, found.line, found.message) == (
        "RNN009",
        6,
        "`.T` is not an operator",
    )
    assert found.help == help
