"""Huge and strange inputs: an answer in a moment, never a traceback."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from syntax_cases import Fault, expression, fault, faults_of, parsed

from rnndsl.diagnostics import Report
from rnndsl.syntax.limits import MAX_BYTES, MAX_DEPTH, MAX_NESTING
from rnndsl.syntax.parse import parse
from rnndsl.syntax.read import decode, read, source_of

CELL = "cell A(I):\n    output "
NAME_IT = "give a part of the expression a name"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (CELL + "(" * 100_000 + "a" + ")" * 100_000, ["RNN011"]),
        ("(" * 100_000, ["RNN011"]),
        (CELL + ")" * 100_000, ["RNN003", "RNN011"]),
        (CELL + "-" * 100_000 + "a", ["RNN011"]),
        (CELL + "-" * 20_000 + "a", ["RNN011"]),
        (CELL + "a**" * 50_000 + "a", ["RNN011"]),
        (CELL + " + ".join(["a"] * 5_000), ["RNN011"]),
        (CELL + " + ".join(["a"] * 260_000), ["RNN011"]),
        (CELL + "f(" + "a," * 400_000 + "a)", ["RNN011"]),
        (CELL + "f(" * 64 + "a" + ")" * 64, []),
        (CELL + "a" * 1_000_000, []),
        (CELL + "1" * 1_000_000, ["RNN005"]),
        (CELL + "1e99999999999", ["RNN005"]),
        (CELL + "9**9**9", []),
        (CELL + "\u00e9" * 400_000, ["RNN001"]),
        (CELL + "'" * 400_000, ["RNN004"]),
        (CELL + "." * 400_000, ["RNN009"]),
        (CELL + " " * 1_000_000 + "a", []),
        (CELL + "a #" + " x" * 500_000, []),
        ('"""' + "a\n" * 500_000 + '"""\n' + CELL + "a", []),
        ('"""' + '""a' * 300_000, ["RNN004"]),
        ("\n" * 1_000_000, ["RNN012"]),
        ("#\n" * 500_000, ["RNN012"]),
        ("\t" * 1_000_000 + "a = 1", ["RNN002", "RNN002", "RNN007"]),
        ("cell A(I):\n" + "    a = b + c\n" * 70_000, ["RNN011"]),
        ("cell A(I):\n" + "    a = b + c\n" * 5_000, ["RNN011"]),
        ("cell A(I):\n" + "    input x: [H]\n" * 50_000, ["RNN011"]),
        ("cell A(I):\n" + "    a = (b + \n" * 50_000, ["RNN003"] * 20),
        ("x" * (MAX_BYTES + 1), ["RNN011"]),
    ],
    ids=lambda value: f"{value[:30]!r}" if isinstance(value, str) else None,
)
def test_large_text_is_answered_soon(text: str, codes: list[str]) -> None:
    before = time.perf_counter()
    _, found = faults_of(text)
    assert [fault.code for fault in found] == codes
    assert time.perf_counter() - before < 4


def test_nesting_up_to_the_limit() -> None:
    def nested(depth: int) -> str:
        return "def f(u) = " + "(" * depth + "u" + ")" * depth

    assert parsed(nested(MAX_NESTING)).items
    message = f"brackets are nested more than {MAX_NESTING} deep"
    start = len("def f(u) = ") + MAX_NESTING + 1
    expected = Fault("RNN011", 1, start, start + 1, message, NAME_IT)
    assert fault(nested(MAX_NESTING + 1)) == expected


@pytest.mark.parametrize("between", [" + ", " * ", " @ ", " ** "])
def test_levels_up_to_the_limit(between: str) -> None:
    longest = expression(between.join(["a"] * MAX_DEPTH))
    # What later stages do, a few frames for each level, stays far from Python's limit.
    assert repr(longest) == repr(expression(between.join(["a"] * MAX_DEPTH)))
    assert longest == expression(between.join(["a"] * MAX_DEPTH))
    found = fault(CELL + between.join(["a"] * (MAX_DEPTH + 1)))
    assert (found.code, found.message) == (
        "RNN011",
        f"the expression has more than {MAX_DEPTH} levels",
    )
    assert found.end - found.start == len(between.strip())


def test_signs_up_to_the_limit() -> None:
    assert expression("-" * (MAX_DEPTH - 1) + "a")
    message = f"the expression has more than {MAX_DEPTH} levels"
    expected = Fault("RNN011", 2, 12, 13, message, NAME_IT)
    assert fault(CELL + "-" * MAX_DEPTH + "a") == expected


def test_bytes_that_are_no_text() -> None:
    def decoded(data: bytes) -> list[tuple[str, str, int, int]]:
        report = Report()
        source = decode(data, "a.rnn", report)
        assert parse(source, report) is None
        return [
            (found.code, found.message, found.span.line, found.span.column)
            for found in report.diagnostics
        ]

    utf_16 = ("RNN001", "the file is UTF-16, not UTF-8", 1, 1)
    assert decoded("cell A(I):\n".encode("utf-16-le")) == [
        ("RNN001", "U+0000 cannot stand in a spec", 1, 2)
    ]
    assert decoded("cell A(I):\n".encode("utf-16")) == [utf_16]
    assert decoded(b"\xfe\xff\0c") == [utf_16]
    assert decoded(b"# one\r\n# caf\xe9\r\n\xff") == [
        ("RNN001", "byte 0xE9 is not UTF-8 text", 2, 6)
    ]
    assert decoded(b"# a\r\xff") == [("RNN001", "byte 0xFF is not UTF-8 text", 2, 1)]
    assert decoded(b"\xff") == [("RNN001", "byte 0xFF is not UTF-8 text", 1, 1)]


def test_byte_order_mark_and_line_ends_are_dropped() -> None:
    report = Report()
    source = decode(b"\xef\xbb\xbfa\r\nb\rc\n", "a.rnn", report)
    assert source.text == "a\nb\nc\n"
    assert report.diagnostics == ()
    assert source_of("a.rnn", "\ufeffa\r\n").text == "a\n"


def test_reading_files(tmp_path: Path) -> None:
    path = tmp_path / "a\nb.rnn"
    path.write_bytes("def f(u) = u  # \u00e9\r\n".encode())
    report = Report()
    source = read(path, "shown", report)
    assert (source.name, source.text) == ("shown", "def f(u) = u  # \u00e9\n")
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    assert parse(read(path, "shown", report), report) is None
    (found,) = report.diagnostics
    assert (found.code, found.message) == (
        "RNN011",
        "the file is larger than 1,048,576 bytes",
    )
    path.write_bytes(b"#" * MAX_BYTES)
    assert len(read(path, "shown", Report()).text) == MAX_BYTES
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing.rnn", "shown", report)
    with pytest.raises(IsADirectoryError):
        read(tmp_path, "shown", report)


ONE_CELL = "no single cell can be larger: compute with vectors, not with their elements"
SEVERAL = "divide it into files that import from one another"


@pytest.mark.parametrize("count", [3_500, 12_000], ids=["operations", "words"])
@pytest.mark.parametrize(
    ("more", "help"),
    [("", ONE_CELL), ("def f(u) = u\n", SEVERAL), ("cell B(I):\n    a = b\n", SEVERAL)],
)
def test_how_to_make_a_file_smaller(count: int, more: str, help: str) -> None:
    _, found = faults_of(more + "cell A(I):\n" + "    a = b + c\n" * count)
    assert [(fault.code, fault.help) for fault in found] == [("RNN011", help)]
