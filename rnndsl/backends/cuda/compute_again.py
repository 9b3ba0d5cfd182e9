"""Computes values again in the backward kernels that would have to be kept otherwise.

A kernel that has what a value is made of computes it faster than it reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rnndsl.backends.cuda.sequences import constants
from rnndsl.backends.cuda.starts import torch_reads
from rnndsl.plan.forward import live_part
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.shapes import plan_shapes
from rnndsl.plan.statements import (
    Axis,
    Compute,
    Join,
    Multiply,
    Slice,
    Statement,
    reads,
    targets,
)


def compute_again(plan: CellPlan) -> CellPlan:
    """The plan that keeps fewer values of steps, if what these are made of is kept.

    Products with the inputs are kept for that where this takes less memory.
    """
    more, less = _Again(plan, keeps_products=True), _Again(plan, keeps_products=False)
    chosen = more if more.saves > less.saves else less
    return chosen.plan()


class _Again:
    def __init__(self, plan: CellPlan, *, keeps_products: bool) -> None:
        self._plan = plan
        self._shapes = plan_shapes(plan)
        loop = [s for s in plan.forward.loop if isinstance(s, Compute)]
        self._makers = {statement.target: statement for statement in loop}
        self._slices = {
            name: statement
            for statement in plan.forward.before
            if isinstance(statement, Slice)
            for name in targets(statement)
        }
        # What products of the loop are added to is not there afterwards.
        added_to = dict.fromkeys(map(self._whole, torch_reads(plan.forward.loop)))
        self._products = {
            statement.target: None
            for statement in plan.forward.before
            if isinstance(statement, Multiply)
            and statement.target not in added_to
            and keeps_products
        }
        loop_made = [n for s in plan.backward.loop for n in targets(s)]
        self._at_hand = dict.fromkeys((*plan.kept.sequences, *loop_made))
        self._at_hand.update((i.name, None) for i in plan.graph.cell.inputs)
        self._again = self._all_that_can()
        self._needed = self._all_needed()

    def _all_that_can(self) -> dict[str, None]:
        outside = self._outside()
        found = {
            name: None
            for name in self._plan.kept.steps
            if name in self._makers and name not in outside
        }
        while True:
            at_hand = self._at_hand_without(found)
            able: dict[str, None] = {}
            for name, statement in self._makers.items():
                if all(
                    r in able or self._is_there(r, at_hand) for r in reads(statement)
                ):
                    able[name] = None
            if all(name in able for name in found):
                return found
            found = {name: None for name in found if name in able}

    def _outside(self) -> dict[str, None]:
        """What torch reads in the backward pass."""
        backward = self._plan.backward
        others = (*backward.before, *backward.after, *backward.for_inputs)
        others += tuple(s for s in backward.loop if not isinstance(s, Compute | Join))
        return {name: None for statement in others for name in reads(statement)}

    def _at_hand_without(self, again: Mapping[str, None]) -> dict[str, None]:
        kept = [name for name in self._plan.kept.steps if name not in again]
        return {**self._at_hand, **dict.fromkeys(kept)}

    def _is_there(self, name: str, at_hand: Mapping[str, None]) -> bool:
        """Whether a backward kernel can read a value, or a part of one."""
        is_fixed = self._plan.values[name].axis is Axis.FIXED
        whole = self._whole(name)
        return is_fixed or name in at_hand or whole in (*at_hand, *self._products)

    def _whole(self, name: str) -> str:
        return self._slices[name].source if name in self._slices else name

    def _all_needed(self) -> dict[str, None]:
        """What is computed again, and all that this takes."""
        at_hand = self._at_hand_without(self._again)
        found = dict(self._again)
        pending = [*self._again]
        while pending:
            for name in reads(self._makers[pending.pop()]):
                if name not in found and not self._is_there(name, at_hand):
                    pending.append(name)
                found[name] = None
        return found

    @property
    def _more(self) -> list[str]:
        """The products that have to be kept."""
        kept = self._plan.kept.sequences
        whole = dict.fromkeys(map(self._whole, self._needed))
        return [n for n in whole if n in self._products and n not in kept]

    @property
    def saves(self) -> int:
        """How many vectors of each row and step need not be kept."""
        added = [axis for name in self._more for axis in self._shapes[name][:1]]
        return len(self._again) - sum(map(len, added))

    def plan(self) -> CellPlan:
        plan, needed = self._plan, self._needed
        backward, kept = plan.backward, plan.kept
        made = {name: None for s in backward.loop for name in targets(s)}
        statements = [
            statement
            for name, statement in self._makers.items()
            if name in needed and name not in made and name not in self._kept()
        ]
        there = {name: None for s in backward.before for name in targets(s)}
        missing = {name: None for name in needed if name not in there}
        parts = [
            live
            for statement in plan.forward.before
            if isinstance(statement, Slice)
            and (live := live_part(statement, missing)) is not None
        ]
        return replace(
            plan,
            kept=replace(
                kept,
                steps=self._kept(),
                sequences=(*kept.sequences, *self._more),
            ),
            backward=replace(
                backward,
                fixed=self._fixed(needed),
                before=(*parts, *backward.before),
                loop=(*statements, *backward.loop),
            ),
        )

    def _kept(self) -> tuple[str, ...]:
        return tuple(n for n in self._plan.kept.steps if n not in self._again)

    def _fixed(self, needed: Mapping[str, None]) -> tuple[Statement, ...]:
        """The fixed values of the backward pass, with those that are needed now."""
        forward, backward = self._plan.forward.fixed, self._plan.backward.fixed
        numbers = constants(forward)
        wanted = {name: None for s in backward for name in targets(s)}
        wanted.update((name, None) for name in needed if name not in numbers)
        found: list[Statement] = []
        for statement in reversed(forward):
            live = live_part(statement, wanted)
            if live is not None:
                found.insert(0, live)
                wanted.update((n, None) for n in reads(live) if n not in numbers)
        there = {name: None for s in found for name in targets(s)}
        own = (s for s in backward if not any(name in there for name in targets(s)))
        return (*found, *own)
