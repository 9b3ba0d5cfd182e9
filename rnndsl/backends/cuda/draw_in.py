"""Draws what is elementwise before and after a loop into its kernels.

For all steps at once, each operation of torch reads and writes tensors of all steps; a
kernel of the loop has most of the values in registers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import assert_never

from rnndsl.backends.cuda.starts import torch_reads
from rnndsl.formulas.formula import symbols
from rnndsl.plan.forward import live_part
from rnndsl.plan.plan import CellPlan, Value
from rnndsl.plan.shapes import plan_shapes
from rnndsl.plan.statements import Axis, Compute, Join, Statement, reads, targets


def draw_in_forward(plan: CellPlan) -> CellPlan:
    """The plan with a forward loop that computes all that its kernels can."""
    forward, kept = plan.forward, plan.kept
    drawing = _Drawing(plan, forward.loop)
    before = drawing.from_before(forward.before)
    after = drawing.from_after(forward.after)
    moved = {name: None for s in (*before, *after) for name in targets(s)}
    rest = [s for s in forward.after if s not in after]
    loop = (*before, *forward.loop, *after)
    late = {name: None for s in rest for name in reads(s)}
    late.update(dict.fromkeys((forward.output, *forward.emitted)))
    made = [*(name for s in loop for name in targets(s)), *forward.previous]
    output = forward.output
    stays_inside = output not in forward.stacked and not forward.emitted
    return replace(
        plan,
        values=_of_steps(plan, moved),
        forward=replace(
            forward,
            before=tuple(s for s in forward.before if s not in before),
            loop=loop,
            after=tuple(rest),
            stacked=tuple(
                name
                for name in dict.fromkeys(made)
                if name in late and not (stays_inside and name == output)
            ),
        ),
        kept=replace(
            kept,
            steps=(*kept.steps, *(name for name in kept.sequences if name in moved)),
            sequences=tuple(name for name in kept.sequences if name not in moved),
        ),
    )


def draw_in_backward(plan: CellPlan) -> CellPlan:
    """The plan with a backward loop that computes all that its kernels can."""
    backward = plan.backward
    drawing = _Drawing(plan, backward.loop)
    before = drawing.from_before(backward.before)
    after = drawing.from_after(backward.after)
    moved = {name: None for s in (*before, *after) for name in targets(s)}
    loop = (*before, *backward.loop, *after)
    wanted = [*backward.parameters, *backward.inputs]
    late = {name: None for name in wanted if name is not None}
    late.update((name, None) for s in backward.for_inputs for name in reads(s))
    rest: list[Statement] = []
    for statement in reversed(backward.after):
        live = None if statement in after else live_part(statement, late)
        if live is not None:
            rest.insert(0, live)
            late.update(dict.fromkeys(reads(live)))
    joins = {
        statement.target: None for statement in loop if isinstance(statement, Join)
    }
    made = [*backward.arriving, *(name for s in loop for name in targets(s))]
    sliced = {name: None for s in rest for name in targets(s)}
    outside = [n for n in dict.fromkeys(made) if n in late and n not in sliced]
    return replace(
        plan,
        values=_of_steps(plan, moved),
        backward=replace(
            backward,
            before=tuple(s for s in backward.before if s not in before),
            loop=loop,
            after=tuple(rest),
            buffers=tuple(name for name in made if name in joins),
            collected=tuple(name for name in outside if name not in joins),
        ),
    )


def _of_steps(plan: CellPlan, moved: Iterable[str]) -> Mapping[str, Value]:
    changed = {name: replace(plan.values[name], axis=Axis.STEP) for name in moved}
    return {**plan.values, **changed}


class _Drawing:
    """What can be drawn into a loop: statements on values of the shapes it has."""

    def __init__(self, plan: CellPlan, loop: tuple[Statement, ...]) -> None:
        self._plan = plan
        self._shapes = plan_shapes(plan)
        computed = [s.target for s in loop if isinstance(s, Compute)]
        self._vectors = [a for n in computed if len(a := self._shapes[n]) == 1]
        self._made = {name: None for s in loop for name in targets(s)}
        self._torch_reads = torch_reads(loop)

    def from_before(self, statements: Iterable[Statement]) -> tuple[Statement, ...]:
        """Those that no other statement before the loop needs, nor torch in it."""
        found: list[Statement] = []
        needed = dict(self._torch_reads)
        for statement in reversed(tuple(statements)):
            is_free = not any(name in needed for name in targets(statement))
            if is_free and isinstance(statement, Compute) and self._can(statement):
                found.append(statement)
            else:
                needed.update(dict.fromkeys(reads(statement)))
        return tuple(reversed(found))

    def from_after(self, statements: Iterable[Statement]) -> tuple[Statement, ...]:
        """Those that need no other statement after the loop, but parts of what the loop
        has joined."""
        found: list[Statement] = []
        listed = tuple(statements)
        late = {n: None for s in listed for n in targets(s) if n not in self._made}
        for statement in listed:
            is_early = not any(name in late for name in reads(statement))
            if (
                is_early
                and isinstance(statement, Compute | Join)
                and self._can(statement)
            ):
                found.append(statement)
                for name in targets(statement):
                    late.pop(name)
        return tuple(found)

    def _can(self, statement: Compute | Join) -> bool:
        target = statement.target
        if self._plan.values[target].axis is not Axis.SEQUENCE:
            return False
        match statement:
            case Compute(formula=formula):
                axes = self._shapes[target]
                operands = [self._shapes[name] for name in symbols(formula)]
                return axes in self._vectors and all(o in (axes, ()) for o in operands)
            case Join(shapes=shapes):
                parts = [tuple((dim,) for dim in shape) for shape in shapes]
                return all(part in self._vectors for part in parts)
            case _:
                assert_never(statement)
