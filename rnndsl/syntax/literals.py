"""What the text of a number or a docstring stands for."""

from __future__ import annotations

import math
import re

from rnndsl.syntax.limits import MAX_NUMBER_LENGTH

_WHOLE = re.compile(r"[0-9]+")


def is_whole_number(text: str) -> bool:
    return _WHOLE.fullmatch(text) is not None


def number_value(text: str) -> float | None:
    """The value of a number, None if no finite float holds it."""
    if len(text) > MAX_NUMBER_LENGTH:
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def margin(lines: list[str]) -> int:
    """The spaces that all lines of a docstring but the first have in common."""
    widths = [len(line) - len(line.lstrip(" ")) for line in lines[1:] if line.strip()]
    return min(widths, default=0)


def dedented(quoted: str) -> str:
    """The text of a docstring, without its quotes, its margin and the spaces and empty
    lines around it."""
    lines = quoted[3:-3].split("\n")
    width = margin(lines)
    text = [lines[0].strip(), *(line[width:].rstrip() for line in lines[1:])]
    return "\n".join(text).strip("\n")
