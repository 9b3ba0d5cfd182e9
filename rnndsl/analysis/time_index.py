"""Rules about ``[t]`` and ``[t-1]``."""

from __future__ import annotations

from rnndsl.analysis.findings import error
from rnndsl.analysis.scope import INDEXED, Declared, Kind
from rnndsl.diagnostics import Diagnostic, Label
from rnndsl.syntax import tree


def wrong_time_index(
    reference: tree.Reference, declared: Declared
) -> Diagnostic | None:
    """Whether a name is read with the index that its kind needs."""
    if declared.kind not in INDEXED:
        return index_not_wanted(reference, declared)
    if reference.time is None:
        return index_missing(reference, declared)
    return offset_not_supported(reference, declared)


def index_missing(
    reference: tree.Reference, declared: Declared, *, is_target: bool = False
) -> Diagnostic:
    """An input or a state without its time index; ``is_target``: left of ``=``."""
    name = declared.name
    if is_target:
        advice = f"write `{name}[t] = ...`"
    elif declared.kind is Kind.INPUT:
        advice = f"write `{name}[t]`"
    else:
        advice = f"write `{name}[t-1]` for the old value, `{name}[t]` for the new one"
    return error(
        "RNN027",
        f"the {declared.kind.value} `{name}` needs a time index",
        reference.span,
        label="at which step?",
        labels=[Label(declared.span, "declared here")],
        help=advice,
    )


def index_not_wanted(
    reference: tree.Reference, declared: Declared
) -> Diagnostic | None:
    """A time index on something that is the same at every step, or on a local."""
    if reference.time is None:
        return None
    name = declared.name
    return error(
        "RNN028",
        f"the {declared.kind.value} `{name}` takes no time index",
        reference.time.span,
        label="only inputs and states have one",
        labels=[Label(declared.span, f"a {declared.kind.value}")],
        help=f"write `{name}`",
    )


def offset_not_supported(
    reference: tree.Reference, declared: Declared
) -> Diagnostic | None:
    """An offset other than ``t`` for an input, ``t`` or ``t-1`` for a state."""
    assert reference.time is not None
    offset = reference.time.offset
    name = declared.name
    allowed = (0,) if declared.kind is Kind.INPUT else (0, -1)
    if offset in allowed:
        return None
    if offset > 0:
        advice = "a cell knows the present and the past"
    elif declared.kind is Kind.INPUT:
        advice = (
            f"keep it in a state: `{name}_old[t] = {name}[t]`, "
            f"then read `{name}_old[t-1]`"
        )
    else:
        advice = (
            f"keep it in a second state: `{name}_old[t] = {name}[t-1]`, "
            f"then read `{name}_old[t-1]`"
        )
    return error(
        "RNN029",
        f"the {declared.kind.value} `{name}` cannot be read at another step",
        reference.time.span,
        label="only " + " and ".join("`[t]`" if a == 0 else "`[t-1]`" for a in allowed),
        labels=[Label(declared.span, "declared here")],
        help=advice,
    )
