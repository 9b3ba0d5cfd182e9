"""One way to write a spec: only spaces, indentation and empty lines change."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rnndsl.diagnostics import Report, Source
from rnndsl.syntax.faults import Faults
from rnndsl.syntax.lines import Comment, LogicalLine
from rnndsl.syntax.parse import parse
from rnndsl.syntax.scan import Scanner
from rnndsl.syntax.spacing import INDENTATION, set_comment, set_line
from rnndsl.syntax.surprise import BLOCK_WORDS

_MOST_EMPTY_LINES_BETWEEN_ITEMS = 2
_MOST_EMPTY_LINES_IN_A_BLOCK = 1


@dataclass(frozen=True, slots=True)
class _Row:
    """A logical line with the comments in it and behind it, or a comment on its own."""

    start: int
    end: int
    indent: int
    line: LogicalLine | None
    comments: tuple[Comment, ...]

    @property
    def opens_item(self) -> bool:
        return self.line is not None and self.line.tokens[0] in BLOCK_WORDS

    @property
    def opens_block(self) -> bool:
        """That of a cell or a model, or one in a model."""
        is_inner = self.line is not None and self.line.tokens[-1] == ":"
        return self.opens_item or is_inner


def format_source(source: Source, report: Report) -> str | None:
    """The spec in its canonical form, with every comment; None if it does not parse,
    which is reported then. The result has the same syntax tree."""
    if parse(source, report) is None:
        return None
    scanner = Scanner(source, Faults(source, report))
    lines = tuple(scanner.lines())
    rows = _rows(source, lines, scanner.comments)
    levels = _levels(rows)
    gaps = _empty_lines(rows, levels, source.text)
    return "".join(
        "\n" * gap + _set_row(row, source.text, level, in_cell=in_cell) + "\n"
        for row, level, gap, in_cell in zip(
            rows, levels, gaps, _in_cells(rows), strict=True
        )
    )


def _set_row(row: _Row, text: str, level: int, *, in_cell: bool) -> str:
    if row.line is None:
        return INDENTATION * level + set_comment(row.comments[0].text)
    tokens = row.line.tokens
    return set_line(tokens, row.comments, text, level, aligns=in_cell)


def _in_cells(rows: Sequence[_Row]) -> Iterator[bool]:
    """Whether the last header before each row is that of a cell."""
    in_cell = False
    for row in rows:
        if row.opens_item and row.line is not None:
            in_cell = row.line.tokens[0] == "cell"
        yield in_cell


def _rows(
    source: Source, lines: Sequence[LogicalLine], comments: Sequence[Comment]
) -> list[_Row]:
    """Lines and comments in order, a comment with the line that it belongs to."""
    starts = [line.start for line in lines]
    own: list[list[Comment]] = [[] for _ in lines]
    rows = []
    for comment in comments:
        index = bisect_right(starts, comment.start) - 1
        if index >= 0 and (comment.start < lines[index].end or not comment.is_own_line):
            own[index].append(comment)
        else:
            number, column = source.position(comment.start)
            indent = len(source.line(number)[: column - 1].expandtabs(len(INDENTATION)))
            end = comment.start + len(comment.text)
            rows.append(_Row(comment.start, end, indent, None, (comment,)))
    for line, inside in zip(lines, own, strict=True):
        end = max([line.end, *(c.start + len(c.text) for c in inside)])
        rows.append(_Row(line.start, end, line.indent, line, tuple(inside)))
    return sorted(rows, key=lambda row: row.start)


def _levels(rows: Sequence[_Row]) -> list[int]:
    """How deep each row is indented. A comment goes with the line after it, unless it
    is indented further: then it ends the block before."""
    open_indents = [0]
    before: list[int] = []
    for row in rows:
        if row.line is not None:
            while row.indent < open_indents[-1]:
                open_indents.pop()
            if row.indent > open_indents[-1]:
                open_indents.append(row.indent)
        before.append(len(open_indents) - 1)
    levels = before.copy()
    indent_after = level_after = 0
    for i in reversed(range(len(rows))):
        if rows[i].line is not None:
            indent_after, level_after = rows[i].indent, levels[i]
        elif rows[i].indent > indent_after:
            levels[i] = max(before[i], level_after)
        else:
            levels[i] = level_after
    return levels


def _empty_lines(rows: Sequence[_Row], levels: Sequence[int], text: str) -> list[int]:
    """The empty lines before each row: as the author has them up to a limit, and one
    before a cell or a model and after it. The comments right above one belong to it."""
    gaps = [0] * len(rows)
    for i in range(1, len(rows)):
        before = rows[i - 1]
        written = text.count("\n", before.end, rows[i].start) - 1
        most = _MOST_EMPTY_LINES_BETWEEN_ITEMS
        if before.opens_block:
            most = 0
        elif levels[i]:
            most = _MOST_EMPTY_LINES_IN_A_BLOCK
        gaps[i] = min(written, most)
    is_wanted = False
    for i in range(len(rows) - 1, 0, -1):
        is_outer = not levels[i] and levels[i - 1]
        is_wanted = is_wanted or rows[i].opens_item or bool(is_outer)
        if is_wanted and (rows[i - 1].line or levels[i - 1] or gaps[i]):
            gaps[i] = max(gaps[i], 1)
            is_wanted = False
    return gaps
