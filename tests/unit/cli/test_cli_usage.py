"""Wrong use of any command: one clear line, exit status 2, nothing written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli_cases import ELMAN, Run

from rnndsl import __version__

COMMANDS = ("check", "compile", "fmt", "show", "verify")


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"rnndsl {__version__}\n"


def test_help_lists_every_command(run: Run) -> None:
    text = run("--help").stdout
    listed = [line.split()[0] for line in text.split("Commands:")[1].splitlines()[1:8]]
    assert listed == ["check", "compile", "explain", "fmt", "show", "verify", "zoo"]


@pytest.mark.parametrize("command", [*COMMANDS, "explain", "zoo"])
def test_every_command_has_help(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: rnndsl {command} ")
    assert "--color" in result.stdout


def test_an_unknown_command(run: Run) -> None:
    result = run("compille", "x.rnn")
    assert result.exit_code == 2
    assert result.stderr.endswith(
        "Error: No such command 'compille'. Did you mean 'compile'?\n"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_no_spec(run: Run, command: str) -> None:
    result = run(command)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_missing_file(run: Run, folder: Path, command: str) -> None:
    result = run(command, "lstm.rnn")
    assert result.exit_code == 2
    assert result.stderr == "error: no such file: lstm.rnn\n"
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("given", "meant"),
    [("elmn.rnn", "elman.rnn"), ("elman", "elman.rnn"), ("./Elman.rnn", "elman.rnn")],
)
def test_a_missing_file_with_a_similar_one(
    run: Run, elman: Path, given: str, meant: str
) -> None:
    result = run("check", given)
    assert result.exit_code == 2
    assert result.stderr.endswith(f"  = help: did you mean {meant}?\n")


def test_a_missing_file_in_another_folder(run: Run, folder: Path) -> None:
    Path("cells").mkdir()
    Path("cells/gru.rnn").touch()
    result = run("check", "cells/grru.rnn")
    assert "did you mean cells/gru.rnn?" in result.stderr


def test_a_folder_is_no_spec(run: Run, folder: Path) -> None:
    Path("cells.rnn").mkdir()
    result = run("check", "cells.rnn")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        2,
        "error: cells.rnn is a folder",
    )


def test_a_pipe_is_no_spec(run: Run, folder: Path) -> None:
    os.mkfifo("pipe.rnn")
    result = run("check", "pipe.rnn")
    assert result.exit_code == 2
    assert result.stderr == "error: pipe.rnn is not a regular file\n"


def test_another_kind_of_file_is_no_spec(run: Run, folder: Path) -> None:
    Path("lstm.py").write_text("x = 1\n")
    result = run("compile", "lstm.py")
    assert (result.exit_code, result.stderr) == (2, "error: not a .rnn file: lstm.py\n")
    assert Path("lstm.py").read_text() == "x = 1\n"


def test_a_name_with_a_newline_is_shown_on_one_line(run: Run, folder: Path) -> None:
    missing = run("check", "a\nb.rnn")
    assert missing.stderr == "error: no such file: a\\nb.rnn\n"
    Path("a\nb.rnn").write_text(ELMAN.replace("@ x[t]", "@ y[t]"))
    found = run("check", "a\nb.rnn")
    assert found.exit_code == 1
    assert "--> a\\nb.rnn:10:21" in found.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file(run: Run, elman: Path) -> None:
    elman.chmod(0)
    result = run("check", "elman.rnn")
    assert (result.exit_code, result.stderr) == (
        2,
        "error: cannot read elman.rnn: Permission denied\n",
    )
