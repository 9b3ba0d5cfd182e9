"""The view of a cell's forward function."""

from __future__ import annotations

from dataclasses import dataclass

from rnndsl.backends.torch.describe import arguments_text, output_text
from rnndsl.backends.torch.emitted import joined
from rnndsl.backends.torch.fitting import fitted, unpack
from rnndsl.backends.torch.function import (
    input_names,
    mask_views,
    masks_of,
    opening,
    sequences_read,
)
from rnndsl.backends.torch.layout import call, collection
from rnndsl.backends.torch.statements import StatementPrinter
from rnndsl.backends.torch.view import ForwardView
from rnndsl.ir.graph import Expand, Input, Previous
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.statements import Axis


def forward_view(plan: CellPlan, name: str, source: str) -> ForwardView:
    """Lays out the forward pass of the plan in one function."""
    cell, forward, kept = plan.graph.cell, plan.forward, plan.kept
    printer = StatementPrinter(plan, source)
    is_stacked = forward.output in forward.stacked
    in_loop = plan.values[forward.output].axis is Axis.STEP and not is_stacked
    results = (*forward.states, *((forward.output,) if in_loop else ()))
    indexed = sequences_read(plan, forward.loop, results)
    outside = printer.codes(())
    inside = printer.codes(indexed)
    before = [
        *printer.region(forward.fixed, Axis.FIXED, outside, indent=4),
        *printer.weights(forward.before, loop=False),
        *printer.region(forward.before, Axis.SEQUENCE, outside, indent=4),
    ]
    weights = printer.weights(forward.loop, loop=True)
    unbound = [f"{printer.steps_of(item)} = {item}.unbind(0)" for item in indexed]
    loop = printer.region(forward.loop, Axis.STEP, inside, indent=8)
    lists = {item: printer.names.take(f"{item}_kept") for item in kept.steps}
    stacks = {item: printer.names.take(f"{item}_all") for item in forward.stacked}
    always = [f"{stacks[item]}.append({item})" for item in forward.stacked]
    if in_loop:
        always.append(f"outputs.append({inside[forward.output].text})")
    after = [
        *(f"{item} = torch.stack({stacks[item]})" for item in forward.stacked),
        *printer.weights(forward.after, loop=False),
        *printer.region(forward.after, Axis.SEQUENCE, outside, indent=4),
    ]
    moves = [
        _Move(
            before=before_,
            value=inside[new].text,
            held=printer.names.take(f"{state.name}_next"),
            masks=masks_of(len(state.shape)),
        )
        for state, before_, new in zip(
            cell.states, forward.previous, forward.states, strict=True
        )
        if before_ != inside[new].text
    ]
    borrowed = [
        node.name
        for node in plan.graph.nodes
        if isinstance(node.operation, Input | Previous | Expand)
    ]
    output = "torch.stack(outputs)" if in_loop else forward.output
    if not in_loop and forward.output in borrowed:
        output = f"{output}.clone()"
    outputs: list[str] = []
    if cell.emitted:
        names = (output, *forward.emitted)
        output = printer.names.take("joined")
        values = (cell.output, *cell.emitted)
        outputs = joined(output, list(zip(names, values, strict=True)))
    # A result must not share its memory with an argument or another result.
    final = [
        f"{before_}.clone()"
        if new in (*borrowed, *indexed, *forward.states[:index])
        else before_
        for index, (before_, new) in enumerate(
            zip(forward.previous, forward.states, strict=True)
        )
    ]
    saved_items = [*kept.sequences, *(f"*{lists[item]}" for item in kept.steps)]
    kept_lines = [f"{lists[item]}.append({item})" for item in kept.steps]
    advance = _assignment([m.before for m in moves], [m.value for m in moves])
    has_loop = bool(loop or always or kept_lines or advance)
    results_read = [*outputs, output, *kept.sequences]
    body = [*before, *unbound, *weights, *loop, *after, *results_read]
    start = opening(
        [
            (input_names(plan), "inputs"),
            (plan.stored, "parameters"),
        ],
        [*body, *(["steps"] if has_loop else [])],
    )
    return ForwardView(
        name=name,
        cell=cell.name,
        arguments=arguments_text(cell, "T", "B", end=";"),
        output_shape=output_text(cell, "T", "B"),
        opening=(*start, *unpack(forward.previous, "state", indent=4)),
        before=tuple(before),
        unbound=(*fitted(unbound, indent=4), *fitted(weights, indent=4)),
        masks=mask_views(move.masks for move in moves),
        lists=(
            *(("outputs",) if in_loop else ()),
            *stacks.values(),
            *lists.values(),
        ),
        has_loop=has_loop,
        loop=tuple(loop),
        always=tuple(fitted(always, indent=8)),
        kept=tuple(fitted(kept_lines, indent=12)),
        hold=tuple(_held(moves)),
        advance=tuple(advance),
        after=(*fitted(after, indent=4), *outputs),
        returned=tuple(fitted([f"return {output}, last_state, saved"], indent=4)),
        final=tuple(collection("last_state = ", final, indent=4)),
        saved=tuple(collection("saved: Tensors = ", saved_items, indent=4)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """From the ``before`` of a step to that of the next, for a state that changes."""

    before: str
    value: str
    held: str
    masks: str


def _held(moves: list[_Move]) -> list[str]:
    """A row that has ended keeps its state."""
    lines: list[str] = []
    for move in moves:
        choice = [f"{move.masks}[t]", move.value, move.before]
        lines.extend(call(f"{move.held} = torch.where", choice, indent=12))
    return [*lines, *_assignment([m.before for m in moves], [m.held for m in moves])]


def _assignment(targets: list[str], values: list[str]) -> list[str]:
    """Old states take the new values, all at once."""
    if not targets:
        return []
    return fitted([f"{', '.join(targets)} = {', '.join(values)}"], indent=12)
