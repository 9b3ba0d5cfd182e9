"""The names of one file: its cells and functions, its own and those it imports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

from rnndsl.analysis.budget import Budget
from rnndsl.analysis.findings import warning
from rnndsl.analysis.functions import (
    UserFunction,
    check_definition,
    recursion,
    recursive,
)
from rnndsl.analysis.initials import expressions_of
from rnndsl.analysis.name_rules import duplicate_name
from rnndsl.analysis.reserved import CELL_NAMES, reserved_name
from rnndsl.analysis.walk import calls
from rnndsl.diagnostics import Diagnostic, Report, Span
from rnndsl.syntax import tree


@dataclass(slots=True)
class FileNames:
    """What a file offers to itself and to those that import from it.

    ``docstring`` is that of a file with a single cell or model, which it describes.
    ``origin`` is the file, relative to the folder of the spec. ``names`` has the place
    of every name. A function that is None is one that has been reported, as wrong or as
    not found: calls of it are not looked at.
    """

    docstring: str = ""
    origin: str = ""
    names: dict[str, Span] = field(default_factory=dict)
    cells: dict[str, FileCell] = field(default_factory=dict)
    models: dict[str, tree.ModelDefinition] = field(default_factory=dict)
    functions: dict[str, UserFunction | None] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)

    @property
    def importable(self) -> tuple[str, ...]:
        """The names that another file may import."""
        return tuple(name for name in self.names if name not in self.models)

    def take(self, name: tree.Name, report: Report) -> bool:
        """Gives a name to something, unless it is taken."""
        if name.text in self.names:
            report.add(duplicate_name(name, self.names[name.text]))
            return False
        self.names[name.text] = name.span
        return True


@dataclass(frozen=True, slots=True)
class FileCell:
    """A cell with the file whose functions it may call; ``imports`` are the places
    of the imports through which it came, the nearest first."""

    definition: tree.CellDefinition
    home: FileNames = field(repr=False)
    imports: tuple[Span, ...] = ()


def define(
    item: tree.FunctionDefinition | tree.CellDefinition | tree.ModelDefinition,
    names: FileNames,
    report: Report,
) -> None:
    """Adds a definition of the file's own. Functions are not checked yet."""
    is_class = not isinstance(item, tree.FunctionDefinition)
    wrong = reserved_name(item.name, *(CELL_NAMES if is_class else ()))
    if wrong is not None:
        report.add(wrong)
    if not names.take(item.name, report):
        return
    match item:
        case tree.CellDefinition():
            names.cells[item.name.text] = FileCell(item, names)
        case tree.ModelDefinition():
            names.models[item.name.text] = item
        case tree.FunctionDefinition():
            names.functions[item.name.text] = UserFunction(item, names.functions)
        case _:
            assert_never(item)


def docstring_of(file: tree.File) -> str:
    """The docstring of a file, where it describes the only cell or model in it."""
    kinds = (tree.CellDefinition, tree.ModelDefinition)
    definitions = [item for item in file.items if isinstance(item, kinds)]
    if file.docstring is None or len(definitions) != 1:
        return ""
    return file.docstring.text


def check_functions(names: FileNames, file: tree.File, report: Report) -> None:
    """Checks the functions that the file defines; wrong ones become None."""
    own = {
        item.name.text: item
        for item in file.items
        if isinstance(item, tree.FunctionDefinition)
        and (function := names.functions.get(item.name.text)) is not None
        and function.definition is item
    }
    endless = recursive(own)
    for name, definition in own.items():
        found = Report()
        if name in endless:
            found.add(recursion(definition))
        check_definition(definition, names.functions, found)
        for diagnostic in found.diagnostics:
            report.add(diagnostic)
        if found.has_errors:
            names.functions[name] = None


def check_functions_used(names: FileNames, file: tree.File, report: Report) -> None:
    """Every function that a file with cells imports is called in it. Its own, and all
    of a file of functions, may be meant for files that import from it."""
    if not names.cells and not names.models:
        return
    called: set[str] = set()
    own: set[str] = set()
    for item in file.items:
        match item:
            case tree.FunctionDefinition(name=name, body=body):
                own.add(name.text)
                called.update(call.function.text for call in calls(body))
            case tree.CellDefinition(members=members):
                for member in members:
                    called.update(_called(member))
    for imported in names.functions:
        if imported not in called and imported not in own:
            report.add(function_never_used(imported, names.names[imported]))


def _called(member: tree.Member) -> set[str]:
    values: list[tree.Expression] = []
    match member:
        case tree.Assignment(value=value) | tree.Output(value=value):
            values.append(value)
        case tree.Declaration(declarators=declarators):
            for declarator in declarators:
                values.extend(expressions_of(declarator))
    return {call.function.text for value in values for call in calls(value)}


def function_never_used(name: str, span: Span) -> Diagnostic:
    """A function that is imported, and that nothing in the file calls."""
    return warning(
        "RNN060",
        f"the imported function `{name}` is never used",
        span,
        label="nothing calls it",
        help="remove it from the import",
    )
