"""Lays out generated lines the way ruff's formatter would leave them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 88


def call(
    head: str, arguments: Sequence[str], *, indent: int, tail: str = ""
) -> list[str]:
    """``head(arguments)tail`` on one line, or one argument a line."""
    line = f"{head}({', '.join(arguments)}){tail}"
    if len(line) + indent <= WIDTH:
        return [line]
    return [f"{head}(", *(f"    {argument}," for argument in arguments), f"){tail}"]


def collection(
    head: str, items: Sequence[str], *, indent: int, tail: str = ""
) -> list[str]:
    """``head`` and a tuple, on one line or one item a line."""
    inner = ", ".join(items) + ("," if len(items) == 1 else "")
    line = f"{head}({inner}){tail}"
    if len(line) + indent <= WIDTH:
        return [line]
    return [f"{head}(", *(f"    {item}," for item in items), f"){tail}"]


def comment(text: str, *, indent: int) -> list[str]:
    """A comment, wrapped."""
    return textwrap.wrap(
        text,
        width=WIDTH - indent,
        initial_indent="# ",
        subsequent_indent="#     ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def quoted(text: str) -> str:
    """A string literal in double quotes, as ruff would have it."""
    plain = repr(text)
    if plain[0] == '"' or '"' in plain:
        return plain
    return f'"{plain[1:-1]}"'


@dataclass(frozen=True, slots=True)
class Nest:
    """Something in brackets: ``head``, opening and closing bracket, the items."""

    head: str
    items: tuple[Nest | str, ...]
    brackets: str = "()"

    def flat(self) -> str:
        """All on one line."""
        inner = ", ".join(i if isinstance(i, str) else i.flat() for i in self.items)
        is_tuple = self.brackets == "()" and (not self.head or self.head.endswith("="))
        comma = "," if is_tuple and len(self.items) == 1 else ""
        return f"{self.head}{self.brackets[0]}{inner}{comma}{self.brackets[1]}"


def nested(tree: Nest | str, *, indent: int, tail: str = "") -> list[str]:
    """On one line where it fits, else one item a line, each in turn the same way."""
    flat = tree if isinstance(tree, str) else tree.flat()
    if isinstance(tree, str) or len(flat) + len(tail) + indent <= WIDTH:
        return [f"{flat}{tail}"]
    lines = [f"{tree.head}{tree.brackets[0]}"]
    for item in tree.items:
        lines.extend(
            f"    {line}" for line in nested(item, indent=indent + 4, tail=",")
        )
    return [*lines, f"{tree.brackets[1]}{tail}"]
