"""The page behind each code: what is wrong, an example that fails, one that works."""

from __future__ import annotations

import re
from importlib.resources import files

_CODE = re.compile(r"RNN\d{3}")
_TITLE = re.compile(r"# (RNN\d{3}): (.+)")


def explain(code: str) -> str | None:
    """The page of a code such as ``RNN021``, in Markdown; None if there is none."""
    name = code.strip().upper()
    if not _CODE.fullmatch(name):
        return None
    page = files("rnndsl.diagnostics.pages").joinpath(f"{name}.md")
    return page.read_text(encoding="utf-8") if page.is_file() else None


def all_codes() -> tuple[tuple[str, str], ...]:
    """Every code with the title of its page, in order.

    Raises ValueError if a page does not start with its title.
    """
    codes = []
    for page in files("rnndsl.diagnostics.pages").iterdir():
        if page.name.endswith(".md"):
            with page.open(encoding="utf-8") as lines:
                first = lines.readline().rstrip("\n")
            title = _TITLE.fullmatch(first)
            if title is None:
                raise ValueError(f"{page.name} does not start with its title")
            codes.append((title[1], title[2]))
    return tuple(sorted(codes))
