"""The syntax tree as indented text: one node on a line, with where it starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from enum import Enum

from rnndsl.diagnostics import Span
from rnndsl.syntax.tree import File, Node


def ast_text(file: File) -> str:
    """Each line holds a node's field, type, own values and its first line:column."""
    return "\n".join(_lines(file, "")) + "\n"


def _lines(node: Node, role: str) -> Iterator[str]:
    values = {
        field.name: getattr(node, field.name)
        for field in fields(node)
        if not isinstance(getattr(node, field.name), Span)
    }
    own = [
        f"{name}={value.value if isinstance(value, Enum) else repr(value)}"
        for name, value in values.items()
        if not isinstance(value, (Node, tuple)) and value is not None
    ]
    place = f"{node.span.line}:{node.span.column}"
    head = f"{role}: " if role else ""
    yield " ".join([f"{head}{type(node).__name__}", *own, place])
    for name, value in values.items():
        for child in value if isinstance(value, tuple) else (value,):
            if isinstance(child, Node):
                for line in _lines(child, name):
                    yield f"  {line}"
