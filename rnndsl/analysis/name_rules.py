"""Rules about names: declared once, above, and for some use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rnndsl.analysis.findings import did_you_mean, error, quoted, warning
from rnndsl.diagnostics import Diagnostic, Label, Span
from rnndsl.diagnostics.suggest import suggest
from rnndsl.formulas.features import ALL_FUNCTIONS
from rnndsl.syntax import tree


def unknown_name(
    name: tree.Name,
    candidates: Iterable[str],
    *,
    groups: Mapping[str, tuple[str, ...]] | None = None,
    notes: tuple[str, ...] = (),
) -> Diagnostic:
    """A name that nothing declares. ``groups`` are the brace groups by their stems."""
    members = (groups or {}).get(name.text.rstrip("_"))
    if members:
        listed = ", ".join(f"`{member}`" for member in members[:4])
        advice = f"a group is read by member: {listed}"
    elif name.text in ALL_FUNCTIONS:
        advice = f"`{name.text}` is a function: call it, as in `{name.text}(...)`"
    else:
        advice = did_you_mean(suggest(name.text, candidates))
    return error(
        "RNN020",
        f"{quoted(name.text)} is not declared",
        name.span,
        label="not known here",
        notes=notes,
        help=advice,
    )


def duplicate_name(name: tree.Name, first: Span) -> Diagnostic:
    """A name that something else has already."""
    return error(
        "RNN022",
        f"the name {quoted(name.text)} is declared twice",
        name.span,
        label="declared again",
        labels=[Label(first, "first declared here")],
        help="choose another name",
    )


def used_too_early(reference: tree.Reference, definition: Span) -> Diagnostic:
    """A local or a constant, used above the line that defines it."""
    name = reference.name.text
    return error(
        "RNN032",
        f"{quoted(name)} is used before it is defined",
        reference.span,
        label="not known yet",
        labels=[Label(definition, "defined here")],
        help=f"move the line that defines {quoted(name)} up",
    )


def never_used(kind: str, name: str, span: Span) -> Diagnostic:
    """A declaration that no equation reads."""
    return warning(
        "RNN024",
        f"the {kind} `{name}` is never used",
        span,
        label="nothing reads it",
        help="remove it, or use it",
    )
