"""The page on ``rnndsl show``: every output in it is the real one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cli_cases import Run

from rnndsl.cli.views import SHOWN, SHOWN_MODELS

PAGE = (Path(__file__).parents[3] / "docs" / "show.md").read_text(encoding="utf-8")
SPECS = re.findall(r"^```rnn\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CONSOLE = re.findall(
    r"^```console\n\$ rnndsl (.*?)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize(("command", "output"), CONSOLE, ids=[c for c, _ in CONSOLE])
def test_output_is_as_printed(
    command: str, output: str, run: Run, folder: Path
) -> None:
    for name, spec in zip(("elman.rnn", "tagger.rnn"), SPECS, strict=True):
        (folder / name).write_text(spec)
    result = run(*command.split())
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == output


def test_every_view_is_on_the_page() -> None:
    shown = {
        (words[1], words[3] if "--as" in words else "equations")
        for words in (command.split() for command, _ in CONSOLE)
        if words[0] == "show"
    }
    cells = {("elman.rnn", view) for view in SHOWN}
    assert shown == cells | {("tagger.rnn", view) for view in SHOWN_MODELS}
