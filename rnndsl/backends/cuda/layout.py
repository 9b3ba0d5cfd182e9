"""Lays out the lines of a kernel."""

from __future__ import annotations

import re
import textwrap

from rnndsl.backends.torch.layout import WIDTH


def index_text(width: str, operator: str) -> str:
    """The row (``/``) or the unit (``%``) of an entry, for rows of so many entries."""
    if width == "1":
        return "n" if operator == "/" else "0"
    return f"n {operator} ({width})" if " " in width else f"n {operator} {width}"


def stands_in(name: str, text: str) -> bool:
    """Whether a text has this word."""
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


def filled(items: list[str]) -> list[str]:
    """Parameters, as many on a line as fit."""
    lines: list[str] = []
    for index, item in enumerate(items):
        text = item if index == len(items) - 1 else f"{item},"
        if lines and len(lines[-1]) + 1 + len(text) + 4 <= WIDTH:
            lines[-1] += f" {text}"
        else:
            lines.append(text)
    return lines


def wrapped(lines: list[str], indent: int) -> list[str]:
    """Lines that fit the page, broken at blanks."""
    return [
        part
        for line in lines
        for part in textwrap.wrap(
            line,
            width=WIDTH - indent,
            subsequent_indent="//     " if line.startswith("//") else "    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]
