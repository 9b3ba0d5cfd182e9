"""From a syntax tree to a resolved program, with everything that is wrong in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from rnndsl.analysis.cell_names import check_class_names
from rnndsl.analysis.cells import resolve_cell
from rnndsl.analysis.files import FileCell, FileNames, check_functions_used
from rnndsl.analysis.imports import Home, Importer, imported_error
from rnndsl.analysis.model import Model
from rnndsl.analysis.models.model import resolve_model
from rnndsl.analysis.models.variants.variant import Variants
from rnndsl.analysis.program import Cell, Program
from rnndsl.diagnostics import Report, Severity, Source, Span
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
    importer = Importer(directory, shown.parent)
    home = Home(PurePosixPath(shown.name), directory, key)
    names = importer.names_of(file, home, found)
    models_places = _places(names, names.models)
    models_places |= {
        f"{name}Encoder": names.names[name]
        for name, definition in names.models.items()
        if any(isinstance(part, tree.Block) for part in definition.clauses)
    }
    check_class_names(_places(names, names.cells), models_places, found)
    resolved_cells: dict[str, Cell | None] = {}
    # Imported cells first: the generated module lists what it builds on before its own.
    for name, cell in sorted(names.cells.items(), key=lambda item: not item[1].imports):
        resolved_cells[name] = _resolved(name, cell, found)
    variants = Variants(tuple(names.names))
    models = _models(names, resolved_cells, variants, found)
    if not found.has_errors:
        check_functions_used(names, file, found)
    for diagnostic in found.diagnostics:
        report.add(diagnostic)
    if found.has_errors:
        return None
    docstring = "" if file.docstring is None else file.docstring.text
    cells = tuple(cell for cell in resolved_cells.values() if cell is not None)
    return Program(
        source=source,
        docstring=docstring,
        cells=(*cells, *variants.cells),
        models=models,
    )


def _places(names: FileNames, some: Iterable[str]) -> dict[str, Span]:
    return {name: names.names[name] for name in some}


def _models(
    names: FileNames,
    cells: Mapping[str, Cell | None],
    variants: Variants,
    report: Report,
) -> tuple[Model, ...]:
    """The models of a file, without those with errors; ``variants`` fills with what
    they make of its cells."""
    others = dict.fromkeys(names.functions, "a function, not a cell")
    others |= dict.fromkeys(names.models, "a model, not a cell")
    resolved = [
        resolve_model(definition, cells, others, variants, report)
        for definition in names.models.values()
    ]
    return tuple(
        model if model.docstring else replace(model, docstring=names.docstring)
        for model in resolved
        if model is not None
    )


def _resolved(name: str, cell: FileCell, report: Report) -> Cell | None:
    own = Report()
    functions, budget = cell.home.functions, cell.home.budget
    resolved = resolve_cell(cell.definition, name, functions, budget, own)
    for diagnostic in own.diagnostics:
        if not cell.imports:
            report.add(diagnostic)
        elif diagnostic.severity is Severity.ERROR:
            report.add(imported_error(diagnostic, cell.imports))
    if resolved is None:
        return None
    docstring = resolved.docstring or cell.home.docstring
    return replace(resolved, docstring=docstring, origin=cell.home.origin)
