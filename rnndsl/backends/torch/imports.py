"""The import section of a generated module, sorted as ruff sorts it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from rnndsl.backends.torch.layout import WIDTH


@dataclass(slots=True)
class Imports:
    """``plain``: ``import torch``. ``names``: what is imported from each module."""

    plain: dict[str, None] = field(default_factory=dict)
    names: dict[str, dict[str, None]] = field(default_factory=dict)

    def add(self, module: str, *names: str) -> None:
        """``from module import names``, or ``import module`` without names."""
        if names:
            self.names.setdefault(module, {}).update(dict.fromkeys(names))
        else:
            self.plain[module] = None

    def add_statement(self, statement: ast.Import | ast.ImportFrom) -> None:
        """An import statement as it stands in a file."""
        listed = [_text(alias) for alias in statement.names]
        if isinstance(statement, ast.ImportFrom):
            self.add(statement.module or "", *listed)
        else:
            for module in listed:
                self.add(module)

    def lines(self) -> tuple[str, ...]:
        """The standard library first, then a blank line, then everything else."""
        standard = self._section(standard=True)
        others = self._section(standard=False)
        return (*standard, *([""] if standard and others else []), *others)

    def _section(self, *, standard: bool) -> list[str]:
        lines: list[str] = [
            f"import {module}"
            for module in sorted(self.plain)
            if _is_standard(module) == standard
        ]
        for module in sorted(self.names):
            if _is_standard(module) == standard:
                lines.extend(_from(module, self.names[module]))
        return lines


def _text(alias: ast.alias) -> str:
    return alias.name if alias.asname is None else f"{alias.name} as {alias.asname}"


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def _from(module: str, names: Iterable[str]) -> list[str]:
    """Constants, then classes, then the rest; a name with an alias on its own line."""
    plain = sorted((name for name in names if " as " not in name), key=rank)
    blocks = [
        (name, [f"from {module} import {name}"]) for name in names if " as " in name
    ]
    if plain:
        line = f"from {module} import {', '.join(plain)}"
        listed = [f"from {module} import (", *(f"    {name}," for name in plain), ")"]
        blocks.append((plain[0], [line] if len(line) <= WIDTH else listed))
    blocks.sort(key=lambda block: rank(block[0]))
    return [line for _, lines in blocks for line in lines]


def rank(name: str) -> tuple[int, str]:
    """Where ruff sorts a name: constants, then classes, then the rest."""
    if name.isupper() and len(name) > 1:
        return 0, name.lower()
    return (1 if name[0].isupper() else 2), name.lower()


def export_rank(name: str) -> tuple[int, tuple[str | int, ...]]:
    """Where ruff sorts a name in ``__all__``: as ``rank``, but capitals come before
    small letters, and 2 before 10."""
    parts = re.split(r"([0-9]+)", name)
    return rank(name)[0], tuple(int(p) if i % 2 else p for i, p in enumerate(parts))
