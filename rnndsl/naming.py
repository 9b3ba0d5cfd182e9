"""The name a spec is shown under, and the name of the module it becomes."""

from __future__ import annotations

import keyword
import sys
from pathlib import Path

# A module of one of these names would hide the real one from every program beside it.
_TAKEN = frozenset({"numpy", "rnndsl", "torch"})


def display_name(path: Path) -> str:
    """The path as it was given, on one line: unprintable characters are escaped."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in str(path)
    )


def module_name(path: Path) -> str:
    """The module a spec becomes unless it is given another name: ``lstm`` for lstm.rnn.

    Raises ValueError if the file's name cannot be imported, or hides another module.
    """
    stem = path.stem
    if not (stem.isascii() and stem.isidentifier()) or keyword.iskeyword(stem):
        raise ValueError(f"{stem!r} is not a name that Python can import")
    if stem in _TAKEN or stem in sys.stdlib_module_names:
        raise ValueError(f"a module named {stem!r} would hide the one Python has")
    return stem
