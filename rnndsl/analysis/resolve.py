"""From a syntax tree to a resolved program, with everything that is wrong in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

from rnndsl.analysis.cell_names import check_class_names, no_cell
from rnndsl.analysis.cells import resolve_cell
from rnndsl.analysis.files import FileCell, check_functions_used
from rnndsl.analysis.imports import Home, Importer, imported_error
from rnndsl.analysis.program import Cell, Program
from rnndsl.diagnostics import Report, Severity, Source
from rnndsl.syntax import tree


def resolve(
    file: tree.File, source: Source, directory: Path | None, report: Report
) -> Program | None:
    """The program that a spec describes; None if it has errors.

    ``directory`` is the folder of the spec: imports are relative to it and cannot leave
    it. Without one the spec can import from the zoo only. Errors and warnings are added
    to ``report``; a cell or a name with an error causes no others elsewhere.
    """
    found = Report()
    shown = PurePosixPath(source.name)
    key = "" if directory is None else str(directory.resolve() / shown.name)
    importer = Importer(directory)
    names = importer.names_of(file, Home(shown, directory, key), found)
    check_class_names({name: names.names[name] for name in names.cells}, found)
    if not names.cells and not found.has_errors:
        found.add(no_cell(source))
    cells = []
    # Imported cells first: the generated module lists what it builds on before its own.
    for name, cell in sorted(names.cells.items(), key=lambda item: not item[1].imports):
        resolved = _resolved(name, cell, found)
        if resolved is not None:
            cells.append(resolved)
    if not found.has_errors:
        check_functions_used(names, file, found)
    for diagnostic in found.diagnostics:
        report.add(diagnostic)
    if found.has_errors:
        return None
    docstring = "" if file.docstring is None else file.docstring.text
    return Program(source=source, docstring=docstring, cells=tuple(cells))


def _resolved(name: str, cell: FileCell, report: Report) -> Cell | None:
    own = Report()
    functions, budget = cell.home.functions, cell.home.budget
    resolved = resolve_cell(cell.definition, name, functions, budget, own)
    for diagnostic in own.diagnostics:
        if not cell.imports:
            report.add(diagnostic)
        elif diagnostic.severity is Severity.ERROR:
            report.add(imported_error(diagnostic, cell.imports))
    if resolved is None or resolved.docstring:
        return resolved
    return replace(resolved, docstring=cell.home.docstring)
