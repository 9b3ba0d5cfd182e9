"""Files that import from one another and from the zoo."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import assert_never

from rnndsl.analysis.files import (
    FileCell,
    FileNames,
    check_functions,
    define,
    docstring_of,
)
from rnndsl.analysis.findings import did_you_mean, error, quoted
from rnndsl.analysis.import_paths import locate, not_readable
from rnndsl.analysis.reserved import CELL_NAMES, reserved_name
from rnndsl.analysis.standard_cells import standard_source, standard_specs
from rnndsl.diagnostics import Diagnostic, Label, Report, Severity, Source, Span
from rnndsl.diagnostics.suggest import suggest
from rnndsl.syntax import tree
from rnndsl.syntax.parse import parse
from rnndsl.syntax.read import read

_MAX_IMPORTS = 32


@dataclass(frozen=True, slots=True)
class Home:
    """Where a file is: relative to the folder of the spec, and its folder if it has
    one."""

    origin: PurePosixPath
    folder: Path | None
    key: str


class Importer:
    """Reads every file once. ``root`` is the folder that no import may leave, ``shown``
    what messages call it."""

    def __init__(self, root: Path | None, shown: PurePosixPath) -> None:
        self._root = root
        self._shown = shown
        self._read: dict[str, FileNames | None] = {}
        self._open: list[str] = []

    def names_of(self, file: tree.File, home: Home, report: Report) -> FileNames:
        """The names of a file that has been parsed, and of all it imports."""
        names = FileNames(docstring=docstring_of(file), origin=str(home.origin))
        self._open.append(home.key)
        for item in file.items:
            match item:
                case tree.Import():
                    self._import(item, names, home, report)
                case (
                    tree.FunctionDefinition()
                    | tree.CellDefinition()
                    | tree.ModelDefinition()
                ):
                    define(item, names, report)
                case _:
                    assert_never(item)
        self._open.pop()
        check_functions(names, file, report)
        return names

    def _import(
        self, statement: tree.Import, names: FileNames, home: Home, report: Report
    ) -> None:
        if statement.path is None:
            for imported in statement.names:
                spec = standard_specs().get(imported.name.text)
                if spec is None:
                    report.add(not_found(imported.name, "the zoo", standard_specs()))
                    offered = None
                else:
                    offered = self._standard(spec, imported.span, report)
                _bring(imported, offered, names, report)
            return
        offered = self._file(statement, home, report)
        for imported in statement.names:
            if offered is not None and imported.name.text not in offered.importable:
                where = quoted(statement.path)
                is_model = imported.name.text in offered.models
                label = "a model, not a cell or a function" if is_model else "not found"
                names_there = offered.importable
                report.add(not_found(imported.name, where, names_there, label))
            _bring(imported, offered, names, report)

    def _standard(self, spec: str, place: Span, report: Report) -> FileNames | None:
        home = Home(PurePosixPath("zoo", spec), None, f"zoo/{spec}")
        if home.key not in self._read:
            found = Report()
            self._keep(standard_source(spec), home, found)
            _relay(found, report, place)
        return self._read[home.key]

    def _file(
        self, statement: tree.Import, home: Home, report: Report
    ) -> FileNames | None:
        path = locate(statement, home.folder, self._root)
        if isinstance(path, Diagnostic):
            report.add(path)
            return None
        key = str(path)
        if key in self._open:
            report.add(import_cycle(statement, len(self._open)))
            return None
        if len(self._open) > _MAX_IMPORTS:
            reason = f"more than {_MAX_IMPORTS} files deep"
            report.add(not_readable(statement, reason))
            return None
        if key not in self._read:
            joined = home.origin.parent / (statement.path or "")
            origin = PurePosixPath(normpath(joined))
            found = Report()
            try:
                source = read(path, str(self._shown / origin), found)
            except OSError:
                report.add(not_readable(statement, "the file cannot be opened"))
                return None
            self._keep(source, Home(origin, path.parent, key), found)
            _relay(found, report, statement.path_span)
        return self._read[key]

    def _keep(self, source: Source, home: Home, found: Report) -> None:
        file = parse(source, found)
        names = None if file is None else self.names_of(file, home, found)
        self._read[home.key] = names


def _relay(found: Report, report: Report, place: Span) -> None:
    """Passes on the errors of an imported file; its warnings are its author's."""
    for diagnostic in found.diagnostics:
        if diagnostic.severity is Severity.ERROR:
            report.add(imported_error(diagnostic, (place,)))


def imported_error(diagnostic: Diagnostic, places: Iterable[Span]) -> Diagnostic:
    """An error of an imported file, with the places of the imports that led to it."""
    labels = (Label(place, "imported here") for place in places)
    return replace(diagnostic, labels=(*diagnostic.labels, *labels))


def _bring(
    imported: tree.ImportedName,
    offered: FileNames | None,
    names: FileNames,
    report: Report,
) -> None:
    """Adds an imported name to those of the file."""
    name = imported.name if imported.alias is None else imported.alias
    original = imported.name.text
    is_cell = offered is not None and original in offered.cells
    if imported.alias is not None:
        wrong = reserved_name(name, *(CELL_NAMES if is_cell else ()))
        if wrong is not None:
            report.add(wrong)
    if not names.take(name, report):
        return
    if offered is not None and original in offered.cells:
        cell = offered.cells[original]
        imports = (*cell.imports, imported.span)
        names.cells[name.text] = FileCell(cell.definition, cell.home, imports)
    else:
        functions = {} if offered is None else offered.functions
        names.functions[name.text] = functions.get(original)


def not_found(
    name: tree.Name, where: str, offered: Iterable[str], label: str = "not found"
) -> Diagnostic:
    """An import of a name that the file does not define."""
    names = sorted(offered)
    advice = did_you_mean(suggest(name.text, names))
    return error(
        "RNN066",
        f"there is no {quoted(name.text)} in {where}",
        name.span,
        label=label,
        help=advice or f"it has {', '.join(names) or 'nothing to import'}",
    )


def import_cycle(statement: tree.Import, length: int) -> Diagnostic:
    """A file that imports itself, directly or through others."""
    is_direct = length == 1
    return error(
        "RNN065",
        "files import one another in a circle",
        statement.path_span,
        label="imports itself" if is_direct else "is already being imported",
        help="move what both need into a third file",
    )
