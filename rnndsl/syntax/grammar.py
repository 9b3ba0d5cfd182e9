"""The grammar file, as Lark reads it, and the words and symbols it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from lark import Lark
from lark.common import LexerConf
from lark.lexer import Lexer, LexerState, PatternStr, Token

NEWLINE = "_NEWLINE"
INDENT = "_INDENT"
DEDENT = "_DEDENT"
END = "$END"

# Reserved wherever they stand; the other words only at the start of a line.
_WORDS_WITHIN_A_LINE = ("as", "import")
_WORDS_EVERYWHERE = (*_WORDS_WITHIN_A_LINE, "from")


class _FedByHand(Lexer):
    """Stands in for Lark's own lexer: the parser is fed with scanned lines."""

    def __init__(self, lexer_conf: LexerConf) -> None:
        pass

    def lex(
        self, lexer_state: LexerState, parser_state: object
    ) -> Iterator[Token]:  # pragma: no cover
        raise NotImplementedError


class Grammar:
    """The LALR parser of ``rnn.lark`` and its vocabulary.

    ``words`` and ``symbols``, together ``literals``, give the terminal of each literal,
    ``texts`` the literal of a terminal, ``patterns`` the regular expression of each
    terminal that is no literal.
    """

    def __init__(self) -> None:
        text = files("rnndsl.grammars").joinpath("rnn.lark").read_text("utf-8")
        self.lark = Lark(
            text,
            parser="lalr",
            lexer=_FedByHand,
            start="file",
            keep_all_tokens=True,
            maybe_placeholders=False,
        )
        self.words: dict[str, str] = {}
        self.symbols: dict[str, str] = {}
        self.patterns: dict[str, str] = {}
        for terminal in self.lark.terminals:
            literal = terminal.pattern.value
            if not isinstance(terminal.pattern, PatternStr):
                self.patterns[terminal.name] = literal
            elif literal.isalpha():
                self.words[literal] = terminal.name
            else:
                self.symbols[literal] = terminal.name
        self.literals = {**self.words, **self.symbols}
        self.texts = {name: literal for literal, name in self.literals.items()}
        self.opening_words = tuple(
            word for word in self.words if word not in _WORDS_WITHIN_A_LINE
        )

    def terminal(self, text: str) -> str:
        """The terminal of a literal, of a name otherwise."""
        return self.literals.get(text, "NAME")

    def terminal_of_name(self, word: str, *, opens_line: bool) -> str:
        """The terminal of something spelt like a name."""
        if opens_line or word in _WORDS_EVERYWHERE:
            return self.terminal(word)
        return "NAME"


@cache
def grammar() -> Grammar:
    """The grammar, built on first use (about 40 ms)."""
    return Grammar()
