"""From the text of a spec to its syntax tree, with every syntax error it has."""

from __future__ import annotations

from rnndsl.diagnostics import Report, Severity, Source
from rnndsl.syntax.build import build
from rnndsl.syntax.faults import Faults, GaveUpError
from rnndsl.syntax.recovery import LineParser
from rnndsl.syntax.scan import Scanner
from rnndsl.syntax.tree import File


def parse(source: Source, report: Report) -> File | None:
    """The syntax tree of a spec, None if its text is at fault; that is reported then.

    A source that was reported when it was read is not looked at.
    """
    if _was_rejected(source, report):
        return None
    faults = Faults(source, report)
    try:
        tree = LineParser(faults).parse(Scanner(source, faults).lines())
        file = build(tree, source, faults)
    except GaveUpError:
        return None
    if not file.items and not faults.any:
        faults.add(
            "RNN012",
            "the file defines nothing",
            0,
            0,
            help="start with a cell: `cell NAME(I, H):`",
        )
    return None if faults.any else file


def _was_rejected(source: Source, report: Report) -> bool:
    return any(
        found.severity is Severity.ERROR and found.span.source is source
        for found in report.diagnostics
    )
