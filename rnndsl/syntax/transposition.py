"""A matrix that is transposed, as other languages write it."""

from __future__ import annotations

import re

_MARK = re.compile(r"(?:\.(?:T|mT|t\(\)|transpose\(\))|\^T)(?![A-Za-z0-9_])")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)[ \t]*\Z")
_LONGEST_NAME = 64


def transposition(text: str, start: int) -> tuple[str, str] | None:
    """What stands at ``start``, as in ``U.T``, and what to write instead of it."""
    mark = _MARK.match(text, start)
    if mark is None:
        return None
    before = text[max(0, start - _LONGEST_NAME) : start]
    if before.rstrip().endswith("]"):
        return mark[0], "a vector is no row or column: write `W @ u`, the matrix first"
    name = _NAME.search(before)
    return mark[0], _advice(text, start, "" if name is None else name[1])


def _advice(text: str, start: int, name: str) -> str:
    declared = None
    if name:
        shape = rf"\b{name}[ \t]*:[ \t]*\[[ \t]*(\w+)[ \t]*,[ \t]*(\w+)[ \t]*\]"
        cell = text[text.rfind("\ncell ", 0, start) + 1 : start]
        declared = re.search(shape, cell)
    if declared is None:
        return "declare the parameter with its dimensions the other way round"
    rows, columns = declared.groups()
    if rows == columns:
        return f"`{name}` is square and learned as it is used: write `{name} @ ...`"
    return (
        f"declare it the other way round, `{name}: [{columns}, {rows}]`, "
        f"and write `{name} @ ...`"
    )
