"""Feeds the parser line by line, and goes on with the next line after a bad one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lark import Token, UnexpectedInput

from rnndsl.diagnostics import Label
from rnndsl.syntax.build import ParseTree
from rnndsl.syntax.faults import Faults
from rnndsl.syntax.grammar import DEDENT, END, INDENT, NEWLINE, grammar
from rnndsl.syntax.limits import MAX_DEPTH
from rnndsl.syntax.lines import LogicalLine, end_of, start_of
from rnndsl.syntax.mistakes import report_mistake
from rnndsl.syntax.surprise import BLOCK_WORDS, ITEM_WORDS, Surprise

# What an expression within the limits can have pending: an operand, an operator and an
# opened bracket or call for each level.
_MAX_PENDING = 5 * MAX_DEPTH
_ANY_HEADER = ("_", "(", "_", ")", ":")


@dataclass(frozen=True, slots=True)
class _Level:
    """An indentation that is open; one that was reported as unexpected is no block."""

    width: int
    is_block: bool


class LineParser:
    """The LALR parser with Python-like indentation around it."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._grammar = grammar()
        self._parser = self._grammar.lark.parse_interactive("")
        self._state = self._parser.parser_state
        self._levels = [_Level(0, True)]
        # The header of a cell, a model or a block of one whose body comes next.
        self._header: LogicalLine | None = None
        # The word of the last header.
        self._block = BLOCK_WORDS[0]
        self._header_was_bad = False
        # A body at the left margin, reported, ends with the next item.
        self._body_at_margin = False
        # Lines indented deeper than this belong to a bad line.
        self._skipping: int | None = None
        self._last_misaligned: int | None = None
        self._stray_before = False

    def parse(self, lines: Iterable[LogicalLine]) -> ParseTree:
        """Lark's tree of the file, without the bad lines. Raises GaveUpError."""
        for line in lines:
            if self._skipping is not None:
                if line.indent > self._skipping:
                    continue
                self._skipping = None
            self._open_or_close_blocks(line)
            self._parse_line(line)
        if self._header is not None:
            self._report_no_body(self._header)
            self._feed(INDENT)
            self._feed(DEDENT)
        if self._body_at_margin:
            self._feed(DEDENT)
        for level in self._levels[1:]:
            if level.is_block:
                self._feed(DEDENT)
        tree: ParseTree = self._state.feed_token(_token(END), is_end=True)
        return tree

    def _feed(self, terminal: str, text: str = "", at: int = 0) -> None:
        self._state.feed_token(_token(terminal, text, at))

    def _open_or_close_blocks(self, line: LogicalLine) -> None:
        level = self._levels[-1]
        header, self._header = self._header, None
        if header is not None:
            self._feed(INDENT)
            if line.indent > level.width:
                self._levels.append(_Level(line.indent, True))
                return
            is_over = line.tokens[0] in ITEM_WORDS or line.indent < level.width
            if is_over or not self._opens_item(header):
                self._report_no_body(header)
                self._feed(DEDENT)
            else:
                self._report_body_at_margin(header, line)
                self._body_at_margin = True
        elif self._body_at_margin and line.tokens[0] in ITEM_WORDS:
            self._feed(DEDENT)
            self._body_at_margin = False
        if line.indent > level.width:
            self._report_indentation(line, "unexpected indentation", [level])
            self._levels.append(_Level(line.indent, False))
        while line.indent < self._levels[-1].width:
            *_, outer, level = self._levels
            if line.indent > outer.width:
                if line.indent != self._last_misaligned:
                    message = "the indentation matches no line above"
                    self._report_indentation(line, message, [outer, level])
                self._last_misaligned = line.indent
                return
            self._levels.pop()
            if level.is_block:
                self._feed(DEDENT)
        self._last_misaligned = None

    def _parse_line(self, line: LogicalLine) -> None:
        if not line.is_sound:
            self._leave_out(line)
            return
        newline = _token(NEWLINE, "\n", line.end)
        states, values = self._state.state_stack, self._state.value_stack
        base = len(states)
        for index, token in enumerate((*line.tokens, newline)):
            saved = states.copy(), values.copy()
            try:
                self._state.feed_token(token)
            except UnexpectedInput:
                if index:
                    states[:], values[:] = saved
                self._report_surprise(line, newline, index)
                if index:
                    del states[base:], values[base - 1 :]
                self._leave_out(line)
                return
            if index == 0:
                # Everything before the line is reduced now, and only its first token is
                # pending: this is where to go back to.
                base = len(states) - 1
            if len(states) - base > _MAX_PENDING:
                self._report_too_deep(token)
                del states[base:], values[base - 1 :]
                self._leave_out(line)
                return
        self._stray_before = False
        if self._opens_block(line):
            self._start_block(line, is_bad=False)

    def _opens_block(self, line: LogicalLine) -> bool:
        return self._opens_item(line) or line.tokens[-1] == ":"

    def _opens_item(self, line: LogicalLine) -> bool:
        words = self._grammar.words
        return line.tokens[0].type in [words[word] for word in BLOCK_WORDS]

    def _start_block(self, header: LogicalLine, *, is_bad: bool) -> None:
        self._header, self._header_was_bad = header, is_bad
        if self._opens_item(header):
            self._block = str(header.tokens[0])

    def _leave_out(self, line: LogicalLine) -> None:
        """After a bad line: the body of a cell or a model is read all the same, any
        other block under the line belongs to it and is not."""
        if self._opens_item(line) and not self._in_block:
            for text in (str(line.tokens[0]), *_ANY_HEADER):
                self._feed(self._grammar.terminal(text), text)
            self._feed(NEWLINE)
            self._start_block(line, is_bad=True)
        else:
            self._skipping = line.indent

    @property
    def _in_block(self) -> bool:
        return self._body_at_margin or any(level.is_block for level in self._levels[1:])

    def _report_surprise(self, line: LogicalLine, newline: Token, index: int) -> None:
        accepted: set[str] = self._parser.accepts()  # type: ignore[no-untyped-call]
        surprise = Surprise(
            tokens=(*line.tokens, newline),
            index=index,
            accepted=tuple(sorted(accepted)),
            block=self._block if self._in_block else None,
        )
        if not surprise.is_stray:
            report_mistake(surprise, self._faults)
        elif not self._stray_before:
            self._stray_before = True
            report_mistake(surprise, self._faults)

    def _report_too_deep(self, token: Token) -> None:
        self._faults.add(
            "RNN011",
            f"the expression has more than {MAX_DEPTH} levels",
            start_of(token),
            end_of(token),
            help="give a part of the expression a name",
        )

    def _report_no_body(self, header: LogicalLine) -> None:
        if self._header_was_bad:
            return
        name = header.tokens[1 if self._opens_item(header) else 0]
        header_text = " ".join(dict.fromkeys((str(header.tokens[0]), str(name))))
        self._faults.add(
            "RNN002",
            f"the {header_text} has no body",
            start_of(name),
            end_of(name),
            help="its lines follow the header, indented by four spaces",
        )

    def _report_body_at_margin(self, header: LogicalLine, line: LogicalLine) -> None:
        block, name_or_word = header.tokens[0], header.tokens[:2][-1]
        place = self._faults.span(header.start, end_of(name_or_word))
        self._faults.add(
            "RNN002",
            f"the body of a {block} is not indented",
            line.start,
            end_of(line.tokens[0]),
            labels=(Label(place, f"the {block} starts here"),),
            help="indent its lines by four spaces",
        )

    def _report_indentation(
        self, line: LogicalLine, message: str, levels: list[_Level]
    ) -> None:
        widths = " or ".join(str(level.width) for level in levels)
        self._faults.add(
            "RNN002",
            message,
            line.start,
            end_of(line.tokens[0]),
            help=f"indent the line by {widths} spaces, not {line.indent}",
        )


def _token(terminal: str, text: str = "", at: int = 0) -> Token:
    return Token(terminal, text, start_pos=at, end_pos=at)
