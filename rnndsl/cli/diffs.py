"""How a file would change, as a unified diff with what such a diff does not show."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from difflib import unified_diff

from rnndsl.syntax.read import unified_lines

_LINE_END = re.compile(rb"\r\n?")
_NAMES = {b"\r\n": "CRLF", b"\r": "CR"}
_NO_LAST_LINE_END = "\n\\ No newline at end of file\n"


def diff_text(before: bytes, after: str, name: str, new_name: str) -> str:
    """From the content of a file to the text it would have, which ends its lines with
    ``\\n``. Line ends and a byte order mark that would go are named above the diff."""
    notes = "".join(f"{name}: {note}\n" for note in _unseen(before))
    text = unified_lines(before.decode("utf-8-sig", errors="replace"))
    diff = unified_diff(_lines(text), _lines(after), name, new_name)
    ended = (x if x.endswith("\n") else x + _NO_LAST_LINE_END for x in diff)
    return notes + "".join(ended)


def _unseen(before: bytes) -> Iterator[str]:
    if before.startswith(codecs.BOM_UTF8):
        yield "byte order mark: left out"
    ends = sorted(set(_LINE_END.findall(before)), reverse=True)
    if ends:
        found = " and ".join(_NAMES[end] for end in ends)
        yield f"line ends: {found} become{'s' if len(ends) == 1 else ''} LF"


def _lines(text: str) -> list[str]:
    """The lines with their ends. Nothing but ``\\n`` ends a line."""
    *whole, last = text.split("\n")
    lines = [f"{line}\n" for line in whole]
    return [*lines, last] if last else lines
