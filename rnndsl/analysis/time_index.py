"""Rules about ``[t]``, ``[t-1]`` and other steps."""

from __future__ import annotations

from rnndsl.analysis.delays import MAX_DELAY
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
    """A step after the present one, or too long before it."""
    assert reference.time is not None
    offset = reference.time.offset
    if -MAX_DELAY <= offset <= 0:
        return None
    label = "a step to come" if offset > 0 else f"at most `[t-{MAX_DELAY}]`"
    advice = "a cell knows the present and the past"
    if offset < 0:
        advice = "keep what is needed of long ago in a state"
    return error(
        "RNN029",
        f"the {declared.kind.value} `{declared.name}` cannot be read at this step",
        reference.time.span,
        label=label,
        labels=[Label(declared.span, "declared here")],
        help=advice,
    )
