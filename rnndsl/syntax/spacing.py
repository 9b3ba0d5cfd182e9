"""How the tokens of one logical line are set: spaces, line breaks, indentation."""

from __future__ import annotations

from collections.abc import Sequence

from lark import Token

from rnndsl.syntax.lines import Comment, end_of, start_of
from rnndsl.syntax.literals import margin
from rnndsl.syntax.tree import DeclarationKind

INDENTATION = "    "

# Declared names stand below one another, and below what `output` gives.
_KINDS = tuple(kind.value for kind in DeclarationKind)
_KIND_WIDTH = len("output") + 1

_OPENERS = ("(", "[", "{")
_CLOSERS = (")", "]", "}")


def set_line(
    tokens: Sequence[Token],
    comments: Sequence[Comment],
    text: str,
    level: int,
    *,
    aligns: bool,
) -> str:
    """The line as it is printed. The author's line breaks inside brackets are kept, and
    the comments between its tokens; ``text`` is that of the whole source. ``aligns``:
    what a line declares stands below what the other lines do."""
    setter = _Setter(level, aligns=aligns)
    parts: list[Token | Comment] = [*tokens, *comments]
    parts.sort(key=_start)
    end = _start(parts[0])
    for part in parts:
        if "\n" in text[end : _start(part)]:
            setter.break_line()
        if isinstance(part, Comment):
            setter.add_comment(part)
            end = part.start + len(part.text)
        else:
            setter.add(part)
            end = end_of(part)
    return setter.result()


def set_comment(text: str) -> str:
    """``# text``; what starts with ``#!`` or ``##`` stays as it is."""
    if text[1:2] in (" ", "!", "#", ""):
        return text.rstrip()
    return f"# {text[1:].rstrip()}"


def _start(part: Token | Comment) -> int:
    return part.start if isinstance(part, Comment) else start_of(part)


class _Setter:
    def __init__(self, level: int, *, aligns: bool) -> None:
        self._level = level
        self._aligns = aligns
        self._rows: list[str] = []
        self._row = ""
        self._before: Token | None = None
        self._before_is_sign = False
        # For each open bracket, whether it is set without spaces.
        self._open: list[bool] = []

    def break_line(self) -> None:
        if self._row:
            self._rows.append(self._row)
            self._row = ""

    def add_comment(self, comment: Comment) -> None:
        if self._row:
            self._row += "  " + set_comment(comment.text)
        else:
            self._row = self._indentation() + set_comment(comment.text)

    def add(self, token: Token) -> None:
        tight = bool(self._open) and self._open[-1]
        if token in _CLOSERS:
            self._open.pop()
        if self._row:
            self._row += self._space_before(token, tight=tight)
        else:
            self._row = self._indentation()
        if token.type == "DOCSTRING":
            self._row += _set_docstring(token, self._indentation())
        else:
            self._row += token
        self._before_is_sign = token == "-" and not _is_operand_end(self._before)
        if token in _OPENERS:
            follows_name = self._before is not None and self._before.type == "NAME"
            self._open.append(follows_name and token != "(")
        self._before = token

    def result(self) -> str:
        self.break_line()
        return "\n".join(self._rows)

    def _indentation(self) -> str:
        return INDENTATION * (self._level + len(self._open))

    def _space_before(self, token: Token, *, tight: bool) -> str:
        before = self._before
        if before is None or tight or self._before_is_sign:
            return ""
        if before in _OPENERS or token in (*_CLOSERS, ",", ":"):
            return ""
        if token in _OPENERS and before.type == "NAME":
            return ""
        if self._aligns and before in _KINDS and before.type != "NAME":
            return " " * (_KIND_WIDTH - len(before))
        return " "


def _is_operand_end(token: Token | None) -> bool:
    return token is not None and (
        token.type in ("NAME", "NUMBER") or token in (")", "]")
    )


def _set_docstring(token: Token, indentation: str) -> str:
    """The docstring with its margin at the line's own indentation."""
    first, *rest = body = token[3:-3].split("\n")
    if not rest:
        return str(token)
    width = margin(body)
    *inner, last = (line[width:] for line in rest)
    rows = [first.rstrip(), *((indentation + line).rstrip() for line in inner)]
    # A space may part a quotation mark at the end from the closing ones.
    rows.append(indentation + (last if last.strip() else ""))
    return '"""' + "\n".join(rows) + '"""'
