"""Specs to compile, and the command line as a function."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_cases import ELMAN, Run
from click.testing import CliRunner, Result

from rnndsl.cli.main import cli


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return tmp_path


@pytest.fixture
def elman(folder: Path) -> Path:
    """``elman.rnn`` in the current folder."""
    path = folder / "elman.rnn"
    path.write_text(ELMAN)
    return path


@pytest.fixture
def run() -> Run:
    """Runs ``rnndsl`` with arguments; an exception that is no exit is an error."""

    def run(*arguments: str, input: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(cli, arguments, input=input, prog_name="rnndsl")
        if result.exception is not None and not isinstance(
            result.exception, SystemExit
        ):
            raise result.exception
        return result

    return run
