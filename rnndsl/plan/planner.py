"""From a step graph to the plan of a cell."""

from __future__ import annotations

from collections.abc import Iterable

from rnndsl.formulas.formula import Apply, Formula, children
from rnndsl.ir.graph import Input, Previous, StepGraph
from rnndsl.ir.naming import Names
from rnndsl.plan.backward import Gradients, gradient_statements
from rnndsl.plan.forward import forward_statements, live_part
from rnndsl.plan.groups import product_groups
from rnndsl.plan.hoist import hoist
from rnndsl.plan.plan import BackwardPlan, CellPlan, ForwardPlan, Kept, Value
from rnndsl.plan.scan import plan_scan
from rnndsl.plan.stages import Stage, stages
from rnndsl.plan.statements import (
    Axis,
    Compute,
    Join,
    Slice,
    Statement,
    reads,
    targets,
)
from rnndsl.plan.stored import stored_names
from rnndsl.symbolic.adjoint import AdjointGraph, adjoint_graph
from rnndsl.symbolic.recurrence import recurrence
from rnndsl.symbolic.vendor import vendor_form

RECOMPUTE_LIMIT = 2
"""Arithmetic of up to so many operations is cheaper to repeat than to keep."""


def plan_cell(source: StepGraph) -> CellPlan:
    """Plans forward and backward of a cell."""
    graph = hoist(source)
    stage = stages(graph)
    names = Names()
    for node in graph.nodes:
        names.take(node.name)
    stored = stored_names(graph, names)
    groups = product_groups(graph, stage, stored, names)
    values = {name: Value(Axis.FIXED, None) for name in stored.values()}
    of_stage = forward_statements(graph, stage, groups, stored, values, names)
    adjoint = adjoint_graph(graph, names)
    gradients = gradient_statements(graph, adjoint, stage, groups, values, names)
    forward = _forward_plan(graph, of_stage, stage)
    backward, kept = _backward_plan(graph, forward, gradients, adjoint, values)
    found = recurrence(source)
    return CellPlan(
        source=source,
        graph=graph,
        groups=groups,
        stored=tuple(stored.values()),
        values=values,
        forward=forward,
        backward=backward,
        kept=kept,
        recurrence=found,
        scan=plan_scan(source, found),
        vendor=vendor_form(source),
    )


def _forward_plan(
    graph: StepGraph,
    of_stage: dict[Stage, tuple[Statement, ...]],
    stage: dict[str, Stage],
) -> ForwardPlan:
    after = of_stage[Stage.AFTER]
    wanted = dict.fromkeys(name for s in after for name in reads(s))
    if stage[graph.output] != Stage.LOOP:
        wanted[graph.output] = None
    wanted |= dict.fromkeys(graph.emitted)
    return ForwardPlan(
        fixed=of_stage[Stage.FIXED],
        before=of_stage[Stage.BEFORE],
        loop=of_stage[Stage.LOOP],
        after=after,
        previous=_previous(graph),
        states=graph.new_states,
        output=graph.output,
        emitted=graph.emitted,
        stacked=tuple(name for name in wanted if stage.get(name) == Stage.LOOP),
    )


def _previous(graph: StepGraph) -> tuple[str, ...]:
    names = {node.operation: node.name for node in graph.nodes}
    return tuple(names[Previous(state.name)] for state in graph.cell.states)


def _read_by(statements: Iterable[Statement]) -> dict[str, None]:
    return dict.fromkeys(name for statement in statements for name in reads(statement))


def _defined_by(statements: Iterable[Statement]) -> dict[str, None]:
    return dict.fromkeys(
        name for statement in statements for name in targets(statement)
    )


def _closure(
    statements: list[Statement], roots: Iterable[str]
) -> tuple[list[Statement], list[Statement]]:
    """The statements the roots need, unused targets dropped, and all the others."""
    needed = dict.fromkeys(roots)
    inside: list[Statement] = []
    outside: list[Statement] = []
    for statement in reversed(statements):
        live = live_part(statement, needed)
        if live is None:
            outside.append(statement)
        else:
            needed.update(dict.fromkeys(reads(live)))
            inside.append(live)
    return inside[::-1], outside[::-1]


def _backward_plan(
    graph: StepGraph,
    forward: ForwardPlan,
    gradients: Gradients,
    adjoint: AdjointGraph,
    values: dict[str, Value],
) -> tuple[BackwardPlan, Kept]:
    made = gradients.statements
    leaving = [name for name in gradients.leaving if name is not None]
    loop, postponed = _closure(made[Stage.LOOP], leaving)
    for name in _defined_by(postponed):
        values[name] = Value(Axis.SEQUENCE, values[name].shape)
    tail = [*postponed, *made[Stage.BEFORE], *made[Stage.FIXED]]
    parameters = [name for name in gradients.parameters if name is not None]
    inputs = [name for name in gradients.inputs if name is not None]
    after, rest = _closure(tail, parameters)
    for_inputs, _ = _closure(rest, inputs)
    later = (*after, *for_inputs)
    results = (*leaving, *parameters, *inputs)
    roots = {**_read_by((*loop, *later)), **dict.fromkeys(results)}
    head, _ = _closure(made[Stage.AFTER], roots)
    wanted = {**_read_by(later), **dict.fromkeys(inputs)}
    buffers, slices = _buffers(loop, wanted)
    collected = tuple(
        name
        for name in {**_read_by(slices), **wanted}
        if name in {**_defined_by(loop), **dict.fromkeys(adjoint.arriving)}
        and name not in buffers
        and name not in _defined_by(slices)
    )
    kept = _kept(graph, forward, head, loop, later)
    again = [
        statement
        for statement in forward.loop
        if any(name in kept.recomputed for name in targets(statement))
    ]
    loop = [*again, *loop]
    after = [*slices, *after]
    fixed_reads = _read_by((*head, *loop, *after, *for_inputs))
    fixed, _ = _closure(list(forward.fixed), fixed_reads)
    late = _read_by((*head, *after, *for_inputs))
    plan = BackwardPlan(
        fixed=tuple(fixed),
        before=tuple(head),
        loop=tuple(loop),
        after=tuple(after),
        for_inputs=tuple(for_inputs),
        arriving=adjoint.arriving,
        emitted=adjoint.emitted,
        leaving=gradients.leaving,
        buffers=buffers,
        collected=collected,
        stacked=tuple(name for name in kept.steps if name in late),
        inputs=gradients.inputs,
        parameters=gradients.parameters,
    )
    return plan, kept


def _buffers(
    loop: list[Statement], wanted: dict[str, None]
) -> tuple[tuple[str, ...], list[Statement]]:
    """The joins of the loop whose result is needed for all steps afterwards, as a whole
    or in part, and the statements that take the parts out of it again."""
    buffers: list[str] = []
    slices: list[Statement] = []
    taken: dict[str, None] = {}
    for statement in loop:
        if not isinstance(statement, Join):
            continue
        parts: list[str | None] = []
        for part in statement.parts:
            is_new = part is not None and part in wanted and part not in taken
            parts.append(part if is_new else None)
            if is_new:
                taken[str(part)] = None
        if statement.target in wanted or any(parts):
            buffers.append(statement.target)
        if any(parts):
            sizes = tuple(shape[0] for shape in statement.shapes)
            slices.append(
                Slice(
                    targets=tuple(parts),
                    source=statement.target,
                    sizes=sizes,
                    places=statement.shapes[0][1:],
                )
            )
    return tuple(buffers), slices


def _kept(
    graph: StepGraph,
    forward: ForwardPlan,
    head: list[Statement],
    loop: list[Statement],
    later: tuple[Statement, ...],
) -> Kept:
    """What the backward pass reads of the forward pass."""
    inputs = [n.name for n in graph.nodes if isinstance(n.operation, Input)]
    in_loop = {**dict.fromkeys(forward.previous), **_defined_by(forward.loop)}
    outside = _defined_by((*forward.before, *forward.after))
    wanted = _read_by((*head, *loop, *later))
    steps = [name for name in in_loop if name in wanted]
    sequences = [name for name in outside if name in wanted]
    late = _read_by((*head, *later))
    recomputed: list[str] = []
    for statement in reversed(forward.loop):
        if not isinstance(statement, Compute) or statement.target not in steps:
            continue
        others = {*steps, *sequences, *inputs} - {statement.target}
        operands = [name for name in reads(statement) if name not in others]
        fixed = _defined_by(forward.fixed)
        cheap = _operations(statement.formula) <= RECOMPUTE_LIMIT
        if (
            cheap
            and statement.target not in late
            and not any(name not in fixed for name in operands)
        ):
            steps.remove(statement.target)
            recomputed.append(statement.target)
    return Kept(
        steps=tuple(steps),
        sequences=tuple(sequences),
        recomputed=tuple(reversed(recomputed)),
    )


def _operations(formula: Formula) -> int:
    """The number of operations; a function of the table counts as too many."""
    if isinstance(formula, Apply):
        return RECOMPUTE_LIMIT + 1
    inside = children(formula)
    return bool(inside) + sum(_operations(part) for part in inside)
