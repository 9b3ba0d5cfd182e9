"""Where the values of a loop lie that outlive a kernel."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from rnndsl.plan.shapes import Axes


class Rows(Enum):
    """What the first axis of a tensor counts, and so which of its rows a step uses."""

    FIXED = "no axis: the same in all steps and rows of the batch"
    ONE = "no axis: the step's alone"
    ALL = "all steps"
    KEPT = "all steps if the backward pass needs them, else one"
    IF_KEPT = "all steps if the backward pass needs them, else none"
    STATES = "all steps and one more if the backward pass needs them, else two"
    HISTORY = "all steps and one more"
    PAIR = "two, one after the other from the last step to the first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """``tensor`` is a variable of the generated function.

    ``axes`` are those of a row of the batch. ``is_thin``: there is one entry for each
    row instead, which stands beside vectors.
    """

    tensor: str
    rows: Rows
    axes: Axes
    is_thin: bool = False

    @property
    def widths(self) -> Axes:
        """The axes as they lie in memory."""
        return () if self.is_thin else self.axes
