"""The standard cells, one ``.rnn`` file each, importable from any spec by name.

This is the one place that knows which file holds which cell; it imports nothing of the
compiler, so analysis may look up ``from zoo import LSTM`` here. Files are found by
their ``cell NAME(`` line, not by their own names.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
_CELL_LINE = re.compile(r"^cell +([A-Za-z_][A-Za-z0-9_]*) *\(", re.MULTILINE)


@cache
def _paths() -> dict[str, Path]:
    found = {}
    for file in sorted(_FOLDER.glob("*.rnn")):
        for name in _CELL_LINE.findall(file.read_text(encoding="utf-8")):
            found[name] = file
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def cell_names() -> tuple[str, ...]:
    """The cells of the zoo, in alphabetical order."""
    return tuple(_paths())


def path(name: str) -> Path:
    """The file that defines a cell. Raises KeyError for a cell that is not here."""
    return _paths()[name]


def read(name: str) -> str:
    """The text of that file. Raises KeyError for a cell that is not here."""
    return path(name).read_text(encoding="utf-8")
