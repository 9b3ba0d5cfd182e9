"""The page on ``rnndsl show``: every output in it is the real one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cli_cases import Run

from rnndsl.cli.views import SHOWN

PAGE = (Path(__file__).parents[3] / "docs" / "show.md").read_text(encoding="utf-8")
(SPEC,) = re.findall(r"^```rnn\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CONSOLE = re.findall(
    r"^```console\n\$ rnndsl (.*?)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize(("command", "output"), CONSOLE, ids=[c for c, _ in CONSOLE])
def test_output_is_as_printed(
    command: str, output: str, run: Run, folder: Path
) -> None:
    (folder / "elman.rnn").write_text(SPEC)
    result = run(*command.split())
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == output


def test_every_view_is_on_the_page() -> None:
    shown = {command.split()[3] for command, _ in CONSOLE if "--as" in command}
    assert shown == set(SHOWN)
