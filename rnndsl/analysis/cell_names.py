"""Rules about the cells of a spec taken together."""

from __future__ import annotations

from collections.abc import Mapping

from rnndsl.analysis.findings import error, quoted
from rnndsl.diagnostics import Diagnostic, Label, Report, Source, Span

_STEP_SUFFIX = "cell"


def check_class_names(cells: Mapping[str, Span], report: Report) -> None:
    """No two cells give classes or functions of one name to the generated module."""
    taken: dict[str, tuple[str, Span]] = {}
    for name, span in cells.items():
        plain = name.lower().replace("_", "")
        for generated in (plain, plain + _STEP_SUFFIX):
            if generated in taken:
                report.add(class_names_collide(name, span, *taken[generated]))
                break
        for generated in (plain, plain + _STEP_SUFFIX):
            taken.setdefault(generated, (name, span))


def class_names_collide(name: str, span: Span, first: str, place: Span) -> Diagnostic:
    """Two cells whose generated names would be the same."""
    return error(
        "RNN068",
        f"the cells {quoted(first)} and {quoted(name)} need different names",
        span,
        label="their classes or functions would have the same name",
        labels=[Label(place, "the first")],
        notes=["a cell `A` makes the classes `A` and `ACell`, and functions `a_...`"],
        help="choose another name",
    )


def no_cell(source: Source) -> Diagnostic:
    """A spec from which no module could be made."""
    return error(
        "RNN067",
        "the spec has no cell",
        Span(source, 0, 0),
        label="defines and imports none",
        help="define one, `cell NAME(I, H):`, or import one, `from zoo import LSTM`",
    )
