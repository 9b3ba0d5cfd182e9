"""Breaks generated statements that are too long for a line, where ruff would.

Only what generated functions hold is known here: assignments and calls of names, calls,
tuples, subscripts and single operators.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from rnndsl.backends.torch.layout import WIDTH

_STEP = "    "


def fitted(lines: Iterable[str], *, indent: int) -> list[str]:
    """The lines, each in as many as it needs. ``indent`` is where they will stand.

    Lines that are parts of a statement are left as they are.
    """
    found: list[str] = []
    for line in lines:
        is_part = line.startswith((" ", "#", ")")) or line.endswith(("(", "["))
        if len(line) + indent <= WIDTH or is_part:
            found.append(line)
        else:
            found.extend(_statement(line, WIDTH - indent))
    return found


def unpack(names: Sequence[str], source: str, *, indent: int) -> list[str]:
    """``a, b = source``; one name in parentheses, as in ``(x,) = inputs``."""
    targets = f"({names[0]},)" if len(names) == 1 else ", ".join(names)
    return fitted([f"{targets} = {source}"], indent=indent)


def _statement(line: str, width: int) -> list[str]:
    breaker = _Breaker(line, width)
    match ast.parse(line).body[0]:
        case ast.Assign(targets=[target], value=value):
            return breaker.assignment(target, value)
        case ast.AnnAssign(value=ast.expr() as value):
            return breaker.value(line[: value.col_offset], value)
        case ast.Return(value=ast.Tuple() as value):
            return breaker.returned(value)
        case ast.Expr(value=value):
            return breaker.value("", value)
        case _:
            return [line]


class _Breaker:
    """``text`` is a statement on one line, ``width`` the room it has."""

    def __init__(self, text: str, width: int) -> None:
        self._text = text
        self._width = width

    def _of(self, node: ast.expr) -> str:
        return self._text[node.col_offset : node.end_col_offset]

    def assignment(self, target: ast.expr, value: ast.expr) -> list[str]:
        """The targets stay on one line if they can."""
        head = f"{self._of(target)} = "
        if len(head) < self._width or not isinstance(target, ast.Tuple):
            return self.value(head, value)
        above = ["(", *(f"{_STEP}{self._of(item)}," for item in target.elts)]
        first, *others = self.value(") = ", value)
        return [*above, first, *others]

    def returned(self, value: ast.Tuple) -> list[str]:
        """A tuple at the end of another is broken rather than the other."""
        last = value.elts[-1]
        head = f"{self._text[: last.col_offset]}("
        if isinstance(last, ast.Tuple) and len(head) <= self._width:
            return [head, *self._items(last, last.elts), ")"]
        return ["return (", *self._items(value, value.elts), ")"]

    def value(self, head: str, value: ast.expr) -> list[str]:
        """``head`` and an expression: broken inside its last brackets where their
        opening fits, else in parentheses of its own."""
        whole = head + self._of(value)
        if len(whole) <= self._width:
            return [whole]
        opening = self._opening(value)
        if opening is not None:
            before, items, closing = opening
            if len(head + before) <= self._width:
                return [head + before, *self._items(value, items), closing]
        alone = self._of(value)
        if len(alone) + len(_STEP) <= self._width or opening is None:
            return [f"{head}(", *self._operation(value), ")"]
        before, items, closing = opening
        if isinstance(value, ast.BinOp):
            return [f"{head}(", *self._operation(value), ")"]
        if len(before) + len(_STEP) <= self._width:
            inner = _Breaker(self._text, self._width - len(_STEP))
            lines = [before, *inner._items(value, items), closing]
            return [f"{head}(", *(_STEP + line for line in lines), ")"]
        return [head + before, *self._items(value, items), closing]

    def _opening(self, value: ast.expr) -> tuple[str, list[ast.expr], str] | None:
        """What stands before the last brackets, inside of them, and after."""
        match value:
            case ast.Tuple(elts=items):
                return "(", items, ")"
            case ast.List(elts=items):
                return "[", items, "]"
            case ast.Call(func=function, args=arguments, keywords=[]) if arguments:
                return f"{self._of(function)}(", arguments, ")"
            case ast.Subscript(value=inner, slice=place):
                return f"{self._of(inner)}[", [place], "]"
            case ast.BinOp(right=ast.Call() as right):
                last = self._opening(right)
                before = self._text[value.col_offset : right.col_offset]
                if last is None or before.endswith("("):
                    return None
                return before + last[0], last[1], last[2]
            case _:
                return None

    def _items(self, value: ast.expr, items: list[ast.expr]) -> list[str]:
        """On one line, or on one each; those of a tuple always on one each."""
        together = _STEP + ", ".join(self._of(item) for item in items)
        is_collection = isinstance(value, ast.Tuple | ast.List)
        if not is_collection and len(together) <= self._width:
            return [together]
        lines: list[str] = []
        for item in items:
            *above, last = self._item(item)
            lines += [*above, last if isinstance(item, ast.Slice) else f"{last},"]
        return lines

    def _item(self, item: ast.expr) -> list[str]:
        inner = _Breaker(self._text, self._width - len(_STEP) - 1)
        if len(self._of(item)) <= inner._width:
            return [_STEP + self._of(item)]
        match item:
            case ast.BinOp() | ast.Compare():
                return _Breaker(self._text, self._width - 1)._operation(item)
            case _:
                return [_STEP + line for line in inner.value("", item)]

    def _operation(self, node: ast.expr) -> list[str]:
        """Inside brackets: on a line, or an operand on each."""
        whole = self._of(node)
        if len(whole) + len(_STEP) <= self._width:
            return [_STEP + whole]
        match node:
            case ast.BinOp(right=right) | ast.Compare(comparators=[right]):
                first, rest = self._parted(node, right)
                lines = [_STEP + first]
                opening = self._opening(right)
                if len(rest) + len(_STEP) <= self._width or opening is None:
                    return [*lines, _STEP + rest]
                _, items, closing = opening
                head = rest.removesuffix(self._of(right)) + opening[0]
                inner = _Breaker(self._text, self._width - len(_STEP))
                broken = [head, *inner._items(right, items), closing]
                return [*lines, *(_STEP + line for line in broken)]
            case _:
                return [_STEP + whole]

    def _parted(self, node: ast.expr, right: ast.expr) -> tuple[str, str]:
        """What stands before an operator, and from it on."""
        before = self._text[: right.col_offset].rstrip(" (")
        place = before.rindex(" ") + 1
        first = self._text[node.col_offset : place].rstrip()
        return first, self._text[place : node.end_col_offset]
