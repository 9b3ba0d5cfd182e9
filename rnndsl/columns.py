"""Text in aligned columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def aligned(
    rows: Iterable[Sequence[str]], *, indent: str = "  ", right: Sequence[int] = ()
) -> list[str]:
    """A line for each row, its entries under those of the row before.

    The columns of which ``right`` has the index are flush right. A row may be shorter
    than others; its last entry then takes as much room as it needs.
    """
    table = [tuple(row) for row in rows]
    columns = max((len(row) for row in table), default=0)
    widths = [
        max((len(row[i]) for row in table if len(row) > i + 1), default=0)
        for i in range(columns)
    ]
    for i in right:
        widths[i] = max((len(row[i]) for row in table if len(row) > i), default=0)
    return [
        (indent + "  ".join(_entries(row, widths, right))).rstrip() for row in table
    ]


def _entries(
    row: Sequence[str], widths: Sequence[int], right: Sequence[int]
) -> list[str]:
    return [
        entry.rjust(widths[i]) if i in right else entry.ljust(widths[i])
        for i, entry in enumerate(row)
    ]
