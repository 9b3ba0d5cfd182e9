"""The class of a recurrence in words."""

from __future__ import annotations

from rnndsl.symbolic.recurrence import Recurrence, RecurrenceClass

_MEANING = {
    RecurrenceClass.NONE: (
        "No state depends on the step before: all steps can be computed at once."
    ),
    RecurrenceClass.DIAGONAL_LINEAR: (
        "Each unit is a linear function of its own old value: a scan can compute all "
        "steps at once."
    ),
    RecurrenceClass.MATRIX_LINEAR: (
        "The new states are linear in the old ones, through matrices: steps can be "
        "computed in chunks."
    ),
    RecurrenceClass.DIAGONAL_NONLINEAR: (
        "Each unit depends on its own old value, not linearly: steps follow each "
        "other, but units are independent."
    ),
    RecurrenceClass.DENSE: (
        "Units depend on many old values, not linearly: each step has to wait for the "
        "one before."
    ),
}


def recurrence_lines(recurrence: Recurrence) -> tuple[str, ...]:
    """The class with the matrices it goes through, and what it means."""
    name = f"recurrence: {recurrence.kind.value}"
    if recurrence.through:
        name += f", through {', '.join(recurrence.through)}"
    if recurrence.kind is RecurrenceClass.NONE or not recurrence.known:
        return name, _MEANING[recurrence.kind]
    known = ", ".join(recurrence.known)
    exception = f"Not counting {known}: known for all steps beforehand."
    return name, _MEANING[recurrence.kind], exception
