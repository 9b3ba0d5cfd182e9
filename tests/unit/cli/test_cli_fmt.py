from __future__ import annotations

import os
from pathlib import Path

from cli_cases import ELMAN, Run

UNTIDY = ELMAN.replace("input x: [I]", "input  x :[ I ]  # frames").replace(
    "tanh(W @ x[t]", "tanh( W@x[t]"
)


def formatted(run: Run) -> str:
    return run("fmt", "-", input=UNTIDY).stdout


def test_standard_input_to_standard_output(run: Run, folder: Path) -> None:
    text = formatted(run)
    assert "tanh(W @ x[t] + U @ h[t-1] + b)" in text
    assert "# frames" in text
    again = run("fmt", "-", input=text)
    assert (again.exit_code, again.stdout) == (0, text)


def test_a_spec_is_formatted_in_place(run: Run, elman: Path) -> None:
    elman.write_text(UNTIDY)
    elman.chmod(0o640)
    result = run("fmt", "elman.rnn")
    assert (result.exit_code, result.stdout) == (0, "formatted elman.rnn\n")
    assert elman.read_text() == formatted(run)
    assert elman.stat().st_mode & 0o777 == 0o640
    assert run("fmt", "elman.rnn").output == ""


def test_a_link_stays_a_link(run: Run, elman: Path) -> None:
    elman.write_text(UNTIDY)
    Path("link.rnn").symlink_to("elman.rnn")
    run("fmt", "link.rnn")
    assert Path("link.rnn").is_symlink()
    assert elman.read_text() == formatted(run)


def test_check_writes_nothing(run: Run, elman: Path) -> None:
    tidy = formatted(run)
    elman.write_text(UNTIDY)
    result = run("fmt", "--check", "elman.rnn")
    assert (result.exit_code, result.output) == (1, "would format elman.rnn\n")
    assert elman.read_text() == UNTIDY
    elman.write_text(tidy)
    result = run("fmt", "--check", "elman.rnn")
    assert (result.exit_code, result.output) == (0, "")


def test_other_line_ends_are_a_change(run: Run, elman: Path) -> None:
    elman.write_bytes(formatted(run).replace("\n", "\r\n").encode())
    assert run("fmt", "--check", "elman.rnn").exit_code == 1
    run("fmt", "elman.rnn")
    assert elman.read_bytes() == formatted(run).encode()


def test_diff_writes_nothing(run: Run, elman: Path) -> None:
    elman.write_text(UNTIDY)
    result = run("fmt", "--diff", "elman.rnn")
    assert result.exit_code == 1
    assert "--- elman.rnn\n+++ elman.rnn (formatted)\n" in result.stdout
    assert "+    h[t] = tanh(W @ x[t] + U @ h[t-1] + b)\n" in result.stdout
    assert elman.read_text() == UNTIDY


def test_diff_names_line_ends(run: Run, elman: Path) -> None:
    tidy = formatted(run).encode()
    elman.write_bytes(tidy.replace(b"\n", b"\r\n"))
    result = run("fmt", "--diff", "elman.rnn")
    assert (result.exit_code, result.stdout) == (
        1,
        "elman.rnn: line ends: CRLF becomes LF\n",
    )
    elman.write_bytes(b"\xef\xbb\xbf" + tidy.replace(b"\n", b"\r\n", 3))
    assert run("fmt", "--diff", "elman.rnn").stdout == (
        "elman.rnn: byte order mark: left out\nelman.rnn: line ends: CRLF becomes LF\n"
    )
    elman.write_bytes(tidy.replace(b"\n", b"\r\n", 3).replace(b"[H]\n", b"[H]\r"))
    result = run("fmt", "--diff", "elman.rnn")
    assert result.stdout == "elman.rnn: line ends: CRLF and CR become LF\n"
    elman.write_bytes(UNTIDY.replace("\n", "\r\n").encode())
    lines = run("fmt", "--diff", "elman.rnn").stdout.splitlines()
    assert lines[:2] == ["elman.rnn: line ends: CRLF becomes LF", "--- elman.rnn"]
    assert "+    h[t] = tanh(W @ x[t] + U @ h[t-1] + b)" in lines


def test_diff_of_a_last_line_without_an_end(run: Run, elman: Path) -> None:
    elman.write_text(formatted(run).rstrip("\n"))
    result = run("fmt", "--diff", "elman.rnn")
    assert result.exit_code == 1
    assert result.stdout.endswith(
        "-    output h[t]\n\\ No newline at end of file\n+    output h[t]\n"
    )


def test_a_file_of_functions_is_formatted(run: Run, folder: Path) -> None:
    Path("gates.rnn").write_text("def  f( u )=u\n")
    assert run("fmt", "gates.rnn").exit_code == 0
    assert Path("gates.rnn").read_text() == "def f(u) = u\n"


def test_a_spec_that_cannot_be_parsed_is_kept(run: Run, elman: Path) -> None:
    Path("broken.rnn").write_text(UNTIDY + "cell (\n")
    elman.write_text(UNTIDY)
    result = run("fmt", "broken.rnn", "elman.rnn")
    assert result.exit_code == 1
    assert "error[RNN" in result.stderr
    assert Path("broken.rnn").read_text() == UNTIDY + "cell (\n"
    assert elman.read_text() == formatted(run)
    assert sorted(os.listdir()) == ["broken.rnn", "elman.rnn"]
