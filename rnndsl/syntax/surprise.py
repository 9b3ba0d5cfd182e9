"""The place at which a line stops being of the language."""

from __future__ import annotations

from dataclasses import dataclass

from lark import Token

from rnndsl.syntax.grammar import NEWLINE, grammar

BLOCK_WORDS = ("cell", "model")
ITEM_WORDS = ("from", "def", *BLOCK_WORDS)
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """The tokens of a line, its end included, and the first that cannot stand there.

    ``accepted`` are the terminals that could have, sorted. ``block`` is the word that
    opens the block the line is in, None at the margin.
    """

    tokens: tuple[Token, ...]
    index: int
    accepted: tuple[str, ...]
    block: str | None

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    @property
    def opening(self) -> Token:
        return self.tokens[0]

    @property
    def before(self) -> Token | None:
        return self.tokens[self.index - 1] if self.index else None

    @property
    def after(self) -> Token | None:
        return None if self.at_line_end else self.tokens[self.index + 1]

    @property
    def at_line_end(self) -> bool:
        return self.token.type == NEWLINE

    @property
    def in_cell(self) -> bool:
        return self.block == "cell"

    @property
    def in_model(self) -> bool:
        return self.block == "model"

    @property
    def is_stray(self) -> bool:
        """A line that could stand in a block, but is outside of one."""
        return self.index == 0 and self.block is None

    @property
    def expects_expression(self) -> bool:
        return self.accepts("NAME") and self.accepts("-")

    @property
    def expects_operator(self) -> bool:
        return self.accepts("+") and self.accepts("**")

    @property
    def is_declaration(self) -> bool:
        return self.opening in ("input", "state", "param", "bias", "const")

    def accepts(self, text: str) -> bool:
        """Whether a literal, or a terminal that is none, could have stood here."""
        return grammar().literals.get(text, text) in self.accepted

    @property
    def open_bracket(self) -> int | None:
        """The index of the innermost bracket that is open here."""
        open_brackets: list[int] = []
        for index, token in enumerate(self.tokens[: self.index]):
            if token in ("(", "[", "{"):
                open_brackets.append(index)
            elif token in (")", "]", "}"):
                open_brackets.pop()
        return open_brackets[-1] if open_brackets else None
