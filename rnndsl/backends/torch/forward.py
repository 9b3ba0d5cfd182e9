"""The view of a cell's forward function."""

from __future__ import annotations

from rnndsl.backends.torch.describe import inputs_of, shape_text, states_of
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
from rnndsl.ir.graph import Input, Previous
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.statements import Axis


def forward_view(plan: CellPlan, name: str, source: str) -> ForwardView:
    """Lays out the forward pass of the plan in one function."""
    cell, forward, kept = plan.graph.cell, plan.forward, plan.kept
    printer = StatementPrinter(plan, source)
    in_loop = plan.values[forward.output].axis is Axis.STEP
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
    values = [inside[state].text for state in forward.states]
    held = [printer.names.take(f"{state.name}_next") for state in cell.states]
    borrowed = {
        node.name
        for node in plan.graph.nodes
        if isinstance(node.operation, Input | Previous)
    }
    output = "torch.stack(outputs)" if in_loop else forward.output
    if not in_loop and forward.output in borrowed:
        output = f"{output}.clone()"
    # A result must not share its memory with an argument.
    final = _tuple(
        tuple(
            f"{before_}.clone()" if state in borrowed else before_
            for before_, state in zip(forward.previous, forward.states, strict=True)
        )
    )
    saved_items = [*kept.sequences, *(f"*{lists[item]}" for item in kept.steps)]
    body = [*before, *unbound, *weights, *loop, *after, output, *kept.sequences]
    start = opening(
        [
            (input_names(plan), "inputs"),
            (plan.stored, "parameters"),
        ],
        [*body, "steps"],
    )
    previous = ", ".join(forward.previous)
    comma = "," if len(forward.previous) == 1 else ""
    target = f"({previous},)" if comma else previous
    return ForwardView(
        name=name,
        cell=cell.name,
        inputs=inputs_of(cell, "T", "B"),
        states=states_of(cell, "B"),
        output_shape=shape_text(cell.output.shape, "T", "B"),
        opening=(*start, f"{target} = state"),
        before=tuple(before),
        unbound=(*unbound, *weights),
        masks=mask_views(plan),
        lists=(
            *(("outputs",) if in_loop else ()),
            *stacks.values(),
            *lists.values(),
        ),
        loop=tuple(loop),
        always=tuple(always),
        kept=tuple(f"{lists[item]}.append({item})" for item in kept.steps),
        hold=tuple(
            line
            for state, before_, value, after_ in zip(
                cell.states, forward.previous, values, held, strict=True
            )
            for line in call(
                f"{after_} = torch.where",
                [f"{masks_of(len(state.shape))}[t]", value, before_],
                indent=12,
            )
        ),
        advance_held=_assignment(forward.previous, held),
        advance=_assignment(forward.previous, values),
        after=tuple(after),
        output=output,
        final=final,
        saved=tuple(collection("saved: Tensors = ", saved_items, indent=4)),
    )


def _tuple(names: tuple[str, ...]) -> str:
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"


def _assignment(targets: tuple[str, ...], values: list[str]) -> str:
    """Old states take the new values, all at once."""
    return f"{', '.join(targets)} = {', '.join(values)}"
