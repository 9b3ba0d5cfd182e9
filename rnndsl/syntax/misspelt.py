"""Wording for characters, symbols, numbers and quotes that are not of the language."""

from __future__ import annotations

import re

from rnndsl.syntax.characters import ascii_for, describe
from rnndsl.syntax.faults import Faults, quote
from rnndsl.syntax.foreign import FOREIGN, Foreign

_COEFFICIENT = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([A-Za-z_]\w*)")
_QUOTED = re.compile(r"'[^'\n]*'")
_NAME_CHARACTER = re.compile(r"[A-Za-z0-9_\])]")


def number_fault(text: str) -> tuple[str, str]:
    """The message and the help for something that starts like a number."""
    coefficient = _COEFFICIENT.fullmatch(text)
    if coefficient and not text.lower().startswith(("0x", "0b", "0o")):
        number, name = coefficient.groups()
        if not re.fullmatch(r"[eE][0-9]*|_[0-9_]*", name):
            hint = f"a product is written `{number} * {name}`"
            return f"{quote(text)} is neither a number nor a name", hint
    return f"{quote(text)} is not a number", "numbers look like `1`, `0.5` or `1e-3`"


def report_symbol(faults: Faults, symbol: str, start: int) -> None:
    """A symbol of another language."""
    foreign: Foreign = FOREIGN[symbol]
    faults.add(
        "RNN009",
        f"`{symbol}` {foreign.message}",
        start,
        start + len(symbol),
        help=foreign.help,
    )


def report_transposition(faults: Faults, mark: str, help: str, start: int) -> None:
    """A matrix that is transposed."""
    faults.add(
        "RNN009", f"`{mark}` is not an operator", start, start + len(mark), help=help
    )


def report_quote(faults: Faults, text: str, start: int) -> int:
    """A quotation mark that opens no text of the language; returns where to go on."""
    if text.startswith('"""', start):
        faults.add(
            "RNN004",
            "a docstring is never closed",
            start,
            start + 3,
            help='close it with `"""`',
        )
        return len(text)
    if text[start] == '"':
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        faults.add(
            "RNN004",
            "text is not closed by the end of the line",
            start,
            start + 1,
            help='close it with `"`',
        )
        return end
    quoted = _QUOTED.match(text, start)
    if quoted and not (start and _NAME_CHARACTER.match(text[start - 1])):
        faults.add(
            "RNN004",
            "text stands in double quotes",
            start,
            quoted.end(),
            help="write `\"` instead of `'`",
        )
        return quoted.end()
    report_symbol(faults, "'", start)
    return start + 1


def report_forbidden(faults: Faults, char: str, start: int) -> None:
    """A character that cannot stand in a file of text."""
    faults.add(
        "RNN001",
        f"{describe(char)} cannot stand in a spec",
        start,
        start + 1,
        help="save the file as UTF-8 text, without control characters",
    )


def report_character(faults: Faults, char: str, start: int) -> None:
    """A character that is none of the language's."""
    meant = ascii_for(char) if not char.isascii() else None
    if meant is None:
        hint = "names are made of the letters A to Z, digits and `_`"
    elif meant == " ":
        hint = "write a plain space"
    else:
        hint = f"write `{meant}`"
    faults.add(
        "RNN001",
        f"{describe(char)} is not a character of the language",
        start,
        start + 1,
        help=hint,
    )
