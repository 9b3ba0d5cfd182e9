"""Docstrings of generated code, from text of the author's."""

from __future__ import annotations


def docstring(*paragraphs: str) -> tuple[str, ...]:
    """The lines of a docstring, quotes included. No text can end it early: quotes in a
    row and backslashes are escaped."""
    text = "\n\n".join(part.strip() for part in paragraphs if part.strip())
    lines = [_escaped(line).rstrip() for line in text.splitlines()]
    if len(lines) == 1:
        return (f'"""{_closed(lines[0])}"""',)
    return (f'"""{lines[0]}', *lines[1:], '"""')


def _escaped(line: str) -> str:
    printable = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in line.expandtabs(4)
    )
    return printable.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _closed(line: str) -> str:
    """A last line that does not run into the closing quotes."""
    return f'{line[:-1]}\\"' if line.endswith('"') else line
