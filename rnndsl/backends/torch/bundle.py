"""The runtime as part of a generated module, so that torch alone runs it.

Of its files, those that a module needs, and those that they need in turn.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from rnndsl.backends.torch.imports import Imports

_PACKAGE = "rnndsl.runtime"


@dataclass(frozen=True, slots=True)
class Bundle:
    """``lines`` of files of the runtime, the names they ``define``, and the ``imports``
    they need."""

    lines: tuple[str, ...]
    defined: tuple[str, ...]
    imports: tuple[ast.Import | ast.ImportFrom, ...]


def bundled_runtime(
    names: Iterable[str], imports: Imports, taken: Iterable[str]
) -> tuple[str, ...]:
    """The lines of the runtime's files that define ``names``, each file after those it
    uses; adds what they import to ``imports``. What the runtime has for itself under a
    name that is ``taken`` by the module gets an underscore in front."""
    homes = _homes()
    bundle = _bundle(tuple(dict.fromkeys(homes[name] for name in names)))
    for statement in bundle.imports:
        imports.add_statement(statement)
    clashes = [name for name in taken if name in bundle.defined]
    if not clashes:
        return bundle.lines
    pattern = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, clashes))})\b")
    return tuple(pattern.sub(r"_\1", line) for line in bundle.lines)


@cache
def _bundle(needed: tuple[str, ...]) -> Bundle:
    files = _sources()
    lines: list[str] = []
    imports: list[ast.Import | ast.ImportFrom] = []
    for name in _in_order(files, needed):
        text = files[name]
        body = ast.parse(text).body
        own = [s for s in body if isinstance(s, ast.Import | ast.ImportFrom)]
        imports.extend(s for s in own if not _is_dropped(s))
        last = max(s.end_lineno or s.lineno for s in own)
        rest = text.splitlines()[last:]
        lines.extend(("", "", f"# {_PACKAGE}.{name}", *rest))
    return Bundle(tuple(_spaced(lines)), tuple(_defined(lines)), tuple(imports))


def _defined(lines: Iterable[str]) -> Iterator[str]:
    """The names at the top of a module."""
    for statement in ast.parse("\n".join(lines)).body:
        match statement:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name


@cache
def _sources() -> dict[str, str]:
    """The text of each file of the runtime, by its name behind that of the package."""
    return dict(_files(_folder(), ""))


def _folder() -> Traversable:
    """The runtime's folder, found without importing it: that would import torch."""
    package, _, folder = _PACKAGE.partition(".")
    return resources.files(package).joinpath(folder)


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        name = prefix + entry.name.removesuffix(".py")
        if entry.is_dir() and entry.name.isidentifier():
            yield from _files(entry, f"{name}.")
        elif entry.name.endswith(".py") and entry.name != "__init__.py":
            yield name, entry.read_text(encoding="utf-8")


def _homes() -> dict[str, str]:
    """The file that defines each name which the runtime offers."""
    offered = _folder().joinpath("__init__.py")
    return {
        alias.name: name
        for name, statement in _own_imports(offered.read_text(encoding="utf-8"))
        for alias in statement.names
    }


def _own_imports(text: str) -> list[tuple[str, ast.ImportFrom]]:
    """The imports within the runtime: the file's name, and the statement."""
    return [
        (str(s.module).removeprefix(f"{_PACKAGE}."), s)
        for s in ast.parse(text).body
        if isinstance(s, ast.ImportFrom) and str(s.module).startswith(f"{_PACKAGE}.")
    ]


def _is_dropped(statement: ast.Import | ast.ImportFrom) -> bool:
    """Imports within the runtime are at hand; the future is imported once for all."""
    if isinstance(statement, ast.Import):
        return False
    module = statement.module or ""
    return module == "__future__" or module.startswith(_PACKAGE)


def _in_order(files: dict[str, str], needed: Iterable[str]) -> list[str]:
    """The files needed, each after those it imports. Their order does not depend on
    that in which they are asked for."""
    ordered: list[str] = []

    def visit(name: str) -> None:
        for other, _ in _own_imports(files[name]):
            if other not in ordered:
                visit(other)
        if name not in ordered:
            ordered.append(name)

    for name in sorted(needed):
        visit(name)
    return ordered


def _spaced(lines: list[str]) -> list[str]:
    """No blank lines at the end, and never more than two in a row."""
    spaced: list[str] = []
    for line in lines:
        if line or spaced[-2:] != ["", ""]:
            spaced.append(line)
    while spaced and not spaced[-1]:
        spaced.pop()
    return spaced
