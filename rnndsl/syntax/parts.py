"""What a rule of the grammar matched, as the functions that build the tree see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from lark import Token

from rnndsl.diagnostics import Source, Span
from rnndsl.syntax.faults import Faults
from rnndsl.syntax.grammar import DEDENT, INDENT, NEWLINE
from rnndsl.syntax.lines import end_of, start_of
from rnndsl.syntax.tree import Expression, Name, Node

Part: TypeAlias = Node | Token
_Kind = TypeVar("_Kind", bound=Node)

_LAYOUT = (NEWLINE, INDENT, DEDENT)


@dataclass(frozen=True, slots=True)
class Parts:
    """The tokens of one rule, and the nodes its inner rules became, in order."""

    parts: tuple[Part, ...]
    source: Source
    faults: Faults

    @property
    def span(self) -> Span:
        """From the first part to the last, line ends and indentation left out."""
        visible = [
            part
            for part in self.parts
            if not (isinstance(part, Token) and part.type in _LAYOUT)
        ]
        return self.span_of(visible[0]).to(self.span_of(visible[-1]))

    def span_of(self, part: Part) -> Span:
        if isinstance(part, Node):
            return part.span
        return Span(self.source, start_of(part), end_of(part))

    def tokens(self, *terminals: str) -> tuple[Token, ...]:
        """The tokens of these terminals."""
        return tuple(
            part
            for part in self.parts
            if isinstance(part, Token) and part.type in terminals
        )

    def name(self, token: Token) -> Name:
        return Name(span=self.span_of(token), text=str(token))

    @property
    def names(self) -> tuple[Name, ...]:
        """The names among the tokens."""
        return tuple(self.name(token) for token in self.tokens("NAME"))

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return tuple(part for part in self.parts if isinstance(part, Expression))

    def all(self, kind: type[_Kind]) -> tuple[_Kind, ...]:
        """The nodes of a kind."""
        return tuple(part for part in self.parts if isinstance(part, kind))

    def first(self, kind: type[_Kind]) -> _Kind | None:
        """The first node of a kind, None if there is none."""
        return next(iter(self.all(kind)), None)

    def fault(self, code: str, message: str, span: Span, help: str) -> None:
        self.faults.add(code, message, span.start, span.end, help=help)
