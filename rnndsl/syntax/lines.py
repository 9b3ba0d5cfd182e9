"""What scanning a spec yields: logical lines of tokens, and comments."""

from __future__ import annotations

from dataclasses import dataclass

from lark import Token


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """A line as the grammar sees it; brackets may spread it over several of the file.

    ``is_sound`` is False if something in it was reported, so that parsing it would only
    repeat that.
    """

    tokens: tuple[Token, ...]
    indent: int
    is_sound: bool

    @property
    def start(self) -> int:
        return start_of(self.tokens[0])

    @property
    def end(self) -> int:
        return end_of(self.tokens[-1])


@dataclass(frozen=True, slots=True)
class Comment:
    """``# ...`` at an offset. ``is_own_line`` if nothing stands before it."""

    start: int
    text: str
    is_own_line: bool


def start_of(token: Token) -> int:
    """The offset at which a token starts."""
    assert token.start_pos is not None
    return token.start_pos


def end_of(token: Token) -> int:
    """The offset behind a token."""
    assert token.end_pos is not None
    return token.end_pos
