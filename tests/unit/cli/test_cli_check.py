from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_cases import ELMAN, Run

BROKEN = ELMAN.replace("@ x[t]", "@ y[t]")
UNUSED = ELMAN.replace("    bias b: [H]\n", "    bias b: [H]\n    param P: [H]\n")


def test_nothing_found(run: Run, elman: Path) -> None:
    result = run("check", "elman.rnn")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "1 spec checked: nothing found\n"


def test_a_file_of_functions(run: Run, folder: Path) -> None:
    Path("gates.rnn").write_text("def soft(u) = u * sigmoid(u)\n")
    result = run("check", "gates.rnn")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "1 spec checked: nothing found\n"
    for command in ("compile", "verify", "show"):
        result = run(command, "gates.rnn")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "error[RNN067]: the spec has no cell" in result.stderr
    Path("gates.rnn").write_text("def soft(u) = u * sigmoid(v)\n")
    assert "error[RNN020]: `v`" in run("check", "gates.rnn").stderr


def test_standard_input(run: Run, elman: Path) -> None:
    Path("gates.rnn").write_text("def soft(u) = u * sigmoid(u)\n")
    spec = 'from "gates.rnn" import soft\n\n' + ELMAN.partition("\n\n")[2]
    result = run("check", "-", input=spec.replace("tanh", "soft"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "1 spec checked: nothing found\n"
    result = run("check", "elman.rnn", "-", input=BROKEN)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "--> <stdin>:10:21" in result.stderr


def test_an_error(run: Run, elman: Path) -> None:
    elman.write_text(BROKEN)
    result = run("check", "elman.rnn")
    assert result.exit_code == 1
    assert "--> elman.rnn:10:21" in result.stderr
    assert "\x1b" not in result.stderr


def test_a_warning_is_printed_and_no_failure(run: Run, elman: Path) -> None:
    elman.write_text(UNUSED)
    result = run("check", "elman.rnn")
    assert result.exit_code == 0
    assert "warning[RNN" in result.stderr


def test_all_specs_are_checked(run: Run, elman: Path) -> None:
    Path("broken.rnn").write_text(BROKEN)
    Path("unused.rnn").write_text(UNUSED)
    result = run("check", "broken.rnn", "elman.rnn", "unused.rnn")
    assert result.exit_code == 1
    assert "broken.rnn:10:21" in result.stderr
    assert "unused.rnn:9:" in result.stderr


def test_json(run: Run, elman: Path) -> None:
    elman.write_text(BROKEN)
    result = run("check", "elman.rnn", "--format", "json")
    assert (result.exit_code, result.stderr) == (1, "")
    record = json.loads(result.stdout)[0]
    place = (record["file"], record["line"], record["column"], record["severity"])
    assert place == ("elman.rnn", 10, 21, "error")
    elman.write_text(ELMAN)
    assert json.loads(run("check", "elman.rnn", "--format", "json").stdout) == []


def test_github(run: Run, elman: Path) -> None:
    elman.write_text(BROKEN)
    result = run("check", "elman.rnn", "--format", "github")
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.startswith("::error file=elman.rnn,line=10,col=21")


@pytest.mark.parametrize(
    ("options", "environment", "coloured"),
    [
        ((), {}, False),
        (("--color", "always"), {}, True),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
    ],
)
def test_colour(
    run: Run,
    elman: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    environment: dict[str, str],
    coloured: bool,
) -> None:
    elman.write_text(BROKEN)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in run("check", "elman.rnn", *options).stderr) == coloured
    assert ("\x1b[" in run(*options, "check", "elman.rnn").stderr) == coloured
