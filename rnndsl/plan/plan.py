"""The plan of a cell: what runs where, forward and backward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rnndsl.analysis.program import Shape
from rnndsl.ir.graph import StepGraph
from rnndsl.plan.groups import ProductGroup
from rnndsl.plan.scan_statements import ScanStatement
from rnndsl.plan.statements import Axis, Statement
from rnndsl.symbolic.recurrence import Recurrence
from rnndsl.symbolic.vendor import VendorForm


@dataclass(frozen=True, slots=True)
class Value:
    """``shape`` without the axes T and B; None for a product group, which is the sum of
    its parts."""

    axis: Axis
    shape: Shape | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardPlan:
    """``previous`` and ``states`` name, for each state, its old and its new value.

    ``emitted`` are the values put out beside the output. ``stacked``: values of the
    loop that are needed for all steps afterwards.
    """

    fixed: tuple[Statement, ...]
    before: tuple[Statement, ...]
    loop: tuple[Statement, ...]
    after: tuple[Statement, ...]
    previous: tuple[str, ...]
    states: tuple[str, ...]
    output: str
    emitted: tuple[str, ...]
    stacked: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the forward pass hands to the backward pass.

    ``steps``: values of the loop, a tensor for each step. ``sequences``: values of all
    steps. ``recomputed``: values of the loop the backward pass computes again instead.
    """

    steps: tuple[str, ...]
    sequences: tuple[str, ...]
    recomputed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackwardPlan:
    """``arriving`` and ``leaving`` name, for each state, the gradient that comes from
    the step after and the one that goes to the step before (None: no gradient), and
    ``emitted`` those of what is put out beside the output.

    ``buffers``: joined gradients of the loop, written for all steps into one tensor.
    ``collected``: other gradients of the loop needed for all steps afterwards.
    ``stacked``: kept values of single steps that are needed for all steps afterwards.
    ``inputs`` and ``parameters`` name the final gradients (None: no gradient);
    ``for_inputs`` are the last statements, needed for the gradients of inputs alone.
    """

    fixed: tuple[Statement, ...]
    before: tuple[Statement, ...]
    loop: tuple[Statement, ...]
    after: tuple[Statement, ...]
    for_inputs: tuple[Statement, ...]
    arriving: tuple[str, ...]
    emitted: tuple[str, ...]
    leaving: tuple[str | None, ...]
    buffers: tuple[str, ...]
    collected: tuple[str, ...]
    stacked: tuple[str, ...]
    inputs: tuple[str | None, ...]
    parameters: tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPlan:
    """All steps at once, without a loop, in differentiable operations.

    ``graph`` is the step with its states as if they were inputs. ``first`` and
    ``states`` name, for each state, its value before the first step and those after
    each step, (T, B, ...).
    """

    graph: StepGraph
    stored: tuple[str, ...]
    values: Mapping[str, Value]
    fixed: tuple[Statement, ...]
    steps: tuple[ScanStatement, ...]
    first: tuple[str, ...]
    states: tuple[str, ...]
    output: str
    emitted: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPlan:
    """``source`` is the step as written, ``graph`` the same step regrouped. ``scan`` is
    the plan of all steps at once, or why there is none.

    ``stored`` are the names of the stored parameters in the plan, in declaration order.
    ``vendor``: which of torch's own cells it is proved to be.
    """

    source: StepGraph
    graph: StepGraph
    groups: tuple[ProductGroup, ...]
    stored: tuple[str, ...]
    values: Mapping[str, Value]
    forward: ForwardPlan
    backward: BackwardPlan
    kept: Kept
    recurrence: Recurrence
    vendor: VendorForm | None
    scan: ScanPlan | str
