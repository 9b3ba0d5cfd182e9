"""Keeps what parts are parts of: kernels read parts where they lie."""

from __future__ import annotations

from dataclasses import replace

from rnndsl.plan.forward import live_part
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.statements import Slice


def keep_whole(plan: CellPlan) -> CellPlan:
    """The plan with whole values kept for the backward pass instead of parts of them.

    A part holds the memory of the whole, and has to be copied to lie closely.
    """
    wanted = dict.fromkeys(plan.kept.sequences)
    slices = [
        live
        for statement in plan.forward.before
        if isinstance(statement, Slice)
        and isinstance(live := live_part(statement, wanted), Slice)
    ]
    sources = {name: s.source for s in slices for name in s.targets if name is not None}
    whole = [sources.get(name, name) for name in plan.kept.sequences]
    return replace(
        plan,
        kept=replace(plan.kept, sequences=tuple(dict.fromkeys(whole))),
        backward=replace(plan.backward, before=(*slices, *plan.backward.before)),
    )
