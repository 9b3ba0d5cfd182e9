"""From the text of a spec to logical lines of tokens; comments are set aside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from lark import Token

from rnndsl.diagnostics import Label, Source
from rnndsl.syntax.characters import FORBIDDEN
from rnndsl.syntax.clauses import CLAUSE_WORDS
from rnndsl.syntax.faults import Faults, GaveUpError
from rnndsl.syntax.foreign import FOREIGN
from rnndsl.syntax.grammar import Grammar, grammar
from rnndsl.syntax.limits import MAX_BYTES, MAX_NESTING, MAX_TOKENS, smaller
from rnndsl.syntax.lines import Comment, LogicalLine, start_of
from rnndsl.syntax.misspelt import (
    number_fault,
    report_character,
    report_forbidden,
    report_quote,
    report_symbol,
    report_transposition,
)
from rnndsl.syntax.transposition import transposition

_TAB_WIDTH = 4
_EMPTY_LINES = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*")
_COMMENT = re.compile(r"#[^\n]*")
_MARGIN = re.compile(r"[ \t]*")
_CLOSER = {"(": ")", "[": "]", "{": "}"}
_OPENER = {closer: opener for opener, closer in _CLOSER.items()}
_MOST_RESTARTS = 3


@cache
def _lexeme() -> re.Pattern[str]:
    """Matches the next lexeme; the group that matched says what it is."""
    patterns = grammar().patterns
    symbols = sorted((*grammar().symbols, *FOREIGN), key=len, reverse=True)
    return re.compile(
        rf"(?P<space>{patterns['SPACE']})|(?P<comment>{patterns['COMMENT']})"
        rf"|(?P<newline>\n)|(?P<NAME>{patterns['NAME']})"
        # As far as it could go on being a number: 1.2.3 and 2x are one lexeme each.
        r"|(?P<NUMBER>\.?[0-9][A-Za-z0-9_.]*(?:(?<=[eE])[+-][0-9][A-Za-z0-9_.]*)*)"
        rf"|(?P<DOCSTRING>{patterns['DOCSTRING']})"
        rf'|(?P<STRING>(?!""")(?:{patterns["STRING"]}))'
        rf"|(?P<symbol>{'|'.join(map(re.escape, symbols))})"
    )


@cache
def _statement() -> re.Pattern[str]:
    """Matches what can only start a line, never continue an expression."""
    words = "|".join((*grammar().opening_words, *CLAUSE_WORDS))
    name = grammar().patterns["NAME"]
    line = rf"(?:{words})[ \t]+(?!as\b)(?:{name}|[0-9])"
    return re.compile(rf"{line}|{name}(?:\[t\])?[ \t]*=(?!=)")


class Scanner:
    """Reads one source once; what is wrong is reported and the line marked unsound."""

    def __init__(self, source: Source, faults: Faults) -> None:
        self._comments: list[Comment] = []
        # Where only empty lines and comments stand.
        self._gaps: list[tuple[int, int]] = []
        self._text = source.text
        self._faults = faults
        self._grammar: Grammar = grammar()
        self._number = re.compile(self._grammar.patterns["NUMBER"])
        self._position = 0
        self._count = 0
        self._restarts = 0
        self._tab_reported = False

    def lines(self) -> Iterator[LogicalLine]:
        """The logical lines that hold a token. Raises GaveUpError."""
        self._refuse_what_is_no_text()
        while self._position < len(self._text):
            line = self._line()
            if line.tokens:
                yield line

    @property
    def comments(self) -> tuple[Comment, ...]:
        """The comments of the lines read so far, in order."""
        between = [
            Comment(match.start(), match[0], True)
            for start, end in self._gaps
            for match in _COMMENT.finditer(self._text, start, end)
        ]
        found = [*between, *self._comments]
        return tuple(sorted(found, key=lambda comment: comment.start))

    def _refuse_what_is_no_text(self) -> None:
        if len(self._text) > MAX_BYTES:
            message = f"the text is longer than {MAX_BYTES:,} characters"
            self._faults.add("RNN011", message, 0, 0, help=smaller(self._text))
            raise GaveUpError
        forbidden = FORBIDDEN.search(self._text)
        if forbidden:
            report_forbidden(self._faults, forbidden[0], forbidden.start())
            raise GaveUpError

    def _margin(self) -> int:
        """Goes to the next line that is not empty; returns its indentation's width."""
        empty = _EMPTY_LINES.match(self._text, self._position)
        assert empty is not None
        self._gaps.append(empty.span())
        margin = _MARGIN.match(self._text, empty.end())
        assert margin is not None
        self._position = margin.end()
        if "\t" not in margin[0]:
            return len(margin[0])
        is_code = self._text[self._position : self._position + 1] not in ("", "\n", "#")
        if is_code and not self._tab_reported:
            self._tab_reported = True
            tab = margin.start() + margin[0].index("\t")
            self._faults.add(
                "RNN002",
                "a tab in the indentation",
                tab,
                tab + 1,
                help="indent with spaces, four for each level",
            )
        return len(margin[0].expandtabs(_TAB_WIDTH))

    def _line(self) -> LogicalLine:
        line = _Line(self._margin())
        lexeme = _lexeme()
        while self._position < len(self._text):
            start = self._position
            match = lexeme.match(self._text, start)
            kind = match.lastgroup if match else None
            text = match[0] if match else self._text[start]
            self._position = start + len(text)
            match kind:
                case "space":
                    pass
                case "comment":
                    before = self._text[self._text.rfind("\n", 0, start) + 1 : start]
                    self._comments.append(Comment(start, text, not before.strip()))
                case "newline":
                    if not line.open_brackets:
                        break
                    if self._starts_statement(line.indent):
                        self._report_unclosed(line)
                        break
                case "NAME":
                    terminal = self._grammar.terminal_of_name(
                        text, opens_line=not line.tokens
                    )
                    self._add(line, terminal, text, start)
                case "NUMBER":
                    self._add_number(line, text, start)
                case "DOCSTRING" | "STRING":
                    self._add(line, kind, text, start)
                case "symbol" if text in self._grammar.symbols:
                    self._add_symbol(line, text, start)
                case _:
                    self._add_stray(line, text, start)
        else:
            if line.open_brackets:
                self._report_unclosed(line)
                self._restart_after(line)
        return LogicalLine(tuple(line.tokens), line.indent, line.is_sound)

    def _add(self, line: _Line, terminal: str, text: str, start: int) -> None:
        self._count += 1
        if self._count > MAX_TOKENS:
            self._faults.add(
                "RNN011",
                f"the file has more than {MAX_TOKENS:,} names, numbers and symbols",
                start,
                start + len(text),
                help=smaller(self._text),
            )
            raise GaveUpError
        end = start + len(text)
        line.tokens.append(Token(terminal, text, start_pos=start, end_pos=end))

    def _add_number(self, line: _Line, text: str, start: int) -> None:
        if not self._number.fullmatch(text) and line.is_sound:
            message, hint = number_fault(text)
            self._faults.add("RNN005", message, start, start + len(text), help=hint)
            line.is_sound = False
        self._add(line, "NUMBER", text, start)

    def _add_symbol(self, line: _Line, text: str, start: int) -> None:
        if text in _CLOSER:
            line.open_brackets.append((text, start))
            if len(line.open_brackets) > MAX_NESTING:
                self._faults.add(
                    "RNN011",
                    f"brackets are nested more than {MAX_NESTING} deep",
                    start,
                    start + 1,
                    help="give a part of the expression a name",
                )
                raise GaveUpError
        elif text in _OPENER:
            self._close(line, text, start)
        self._add(line, self._grammar.symbols[text], text, start)

    def _close(self, line: _Line, closer: str, start: int) -> None:
        brackets = line.open_brackets
        if brackets and brackets[-1][0] == _OPENER[closer]:
            brackets.pop()
            return
        if not brackets:
            self._report_bracket(line, f"`{closer}` closes nothing", start)
            return
        opener, at = brackets[-1]
        label = Label(self._faults.span(at, at + 1), "opened here")
        self._report_bracket(
            line,
            f"`{opener}` is closed by `{closer}`",
            start,
            (label,),
            f"write `{_CLOSER[opener]}`",
        )
        if any(bracket == _OPENER[closer] for bracket, _ in brackets):
            while brackets.pop()[0] != _OPENER[closer]:
                pass
        else:
            brackets.pop()

    def _report_bracket(
        self,
        line: _Line,
        message: str,
        start: int,
        labels: tuple[Label, ...] = (),
        help: str = "",
    ) -> None:
        if line.is_sound:
            self._faults.add(
                "RNN003", message, start, start + 1, labels=labels, help=help
            )
        line.is_sound = False

    def _report_unclosed(self, line: _Line) -> None:
        opener, start = line.open_brackets[0]
        hint = f"close it with `{_CLOSER[opener]}`"
        self._report_bracket(line, f"`{opener}` is never closed", start, help=hint)

    def _starts_statement(self, indent: int) -> bool:
        """Whether the next line looks like a statement, so that a bracket is open by
        mistake."""
        margin = _MARGIN.match(self._text, self._position)
        assert margin is not None
        width = len(margin[0].expandtabs(_TAB_WIDTH))
        is_statement = _statement().match(self._text, margin.end()) is not None
        return width <= indent and is_statement

    def _restart_after(self, line: _Line) -> None:
        """Goes back to the line after the one with the open bracket."""
        self._restarts += 1
        end = self._text.find("\n", line.open_brackets[0][1])
        if end < 0 or self._restarts > _MOST_RESTARTS:
            return
        self._position = end + 1
        line.tokens = [t for t in line.tokens if start_of(t) < end]
        self._comments = [c for c in self._comments if c.start < end]

    def _add_foreign(self, text: str, start: int) -> None:
        found = transposition(self._text, start)
        if found is None:
            report_symbol(self._faults, text, start)
        else:
            report_transposition(self._faults, *found, start)

    def _add_stray(self, line: _Line, text: str, start: int) -> None:
        """Something that is no part of the language."""
        rest_of_file_is_text = self._text.startswith('"""', start)
        if line.is_sound or rest_of_file_is_text:
            if text in ('"', "'"):
                self._position = report_quote(self._faults, self._text, start)
            elif text in FOREIGN:
                self._add_foreign(text, start)
            else:
                report_character(self._faults, text, start)
        line.is_sound = False
        if rest_of_file_is_text:
            raise GaveUpError


class _Line:
    """A logical line while it is being read."""

    def __init__(self, indent: int) -> None:
        self.indent = indent
        self.tokens: list[Token] = []
        self.open_brackets: list[tuple[str, int]] = []
        self.is_sound = True
