"""Rules about the cells and models of a spec taken together."""

from __future__ import annotations

from collections.abc import Mapping

from rnndsl.analysis.findings import error, quoted
from rnndsl.analysis.program import Program
from rnndsl.diagnostics import Diagnostic, Label, Report, Source, Span

_STEP_SUFFIX = "cell"


def check_class_names(
    cells: Mapping[str, Span], models: Mapping[str, Span], report: Report
) -> None:
    """No two cells or models give classes or functions of one name to the generated
    module."""
    taken: dict[str, tuple[str, Span]] = {}
    for name, span in (*cells.items(), *models.items()):
        plain = name.lower().replace("_", "")
        suffixes = ("", _STEP_SUFFIX) if name in cells else ("",)
        generated = [plain + suffix for suffix in suffixes]
        collision = next((taken[one] for one in generated if one in taken), None)
        if collision is not None:
            report.add(class_names_collide(name, span, *collision))
        for one in generated:
            taken.setdefault(one, (name, span))


def class_names_collide(name: str, span: Span, first: str, place: Span) -> Diagnostic:
    """Two cells or models whose generated names would be the same."""
    return error(
        "RNN068",
        f"{quoted(first)} and {quoted(name)} need different names",
        span,
        label="their classes or functions would have the same name",
        labels=[Label(place, "the first")],
        notes=["a cell `A` makes the classes `A` and `ACell`, and functions `a_...`"],
        help="choose another name",
    )


def check_has_cell(program: Program, report: Report) -> None:
    """There is a cell or a model to make a module of."""
    if not program.cells and not program.models:
        report.add(no_cell(program.source))


def no_cell(source: Source) -> Diagnostic:
    """A spec from which no module could be made."""
    return error(
        "RNN067",
        "the spec has no cell",
        Span(source, 0, 0),
        label="defines and imports none",
        help="define one, `cell NAME(I, H):`, or import one, `from zoo import LSTM`",
    )
