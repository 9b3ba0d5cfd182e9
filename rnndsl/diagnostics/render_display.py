"""Characters as a terminal shows them: safe, and with their width."""

from __future__ import annotations

import re
import unicodedata

TAB = "    "
_LONG_QUOTE = re.compile(r"(`[^`]{60})[^`]{20,}`")


def display(text: str) -> str:
    """The text with every character made visible: tabs as four spaces, control
    characters as their pictures, invisible and direction-changing ones by number."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(char) for char in text)


def sentence(text: str) -> str:
    """A message as it is displayed; what it quotes is shortened if it is very long."""
    return display(_LONG_QUOTE.sub(r"\1...`", text))


def display_width(text: str) -> int:
    """Columns of ``display(text)``: a wide character has two, a combining one none."""
    shown = display(text)
    return len(shown) if shown.isascii() else sum(map(_width, shown))


def _visible(char: str) -> str:
    if char == "\t":
        return TAB
    if char < " ":
        return chr(0x2400 + ord(char))
    if char == "\x7f":
        return "\N{SYMBOL FOR DELETE}"
    if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
        return f"<U+{ord(char):04X}>"
    return char


def _width(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
