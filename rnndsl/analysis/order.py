"""The order of equations: what each reads of the same step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rnndsl.analysis.components import components, shortest_cycle
from rnndsl.analysis.equations import Step
from rnndsl.analysis.findings import error, quoted
from rnndsl.analysis.name_rules import used_too_early
from rnndsl.analysis.scope import Kind, Scope
from rnndsl.analysis.walk import references
from rnndsl.diagnostics import Diagnostic, Label, Report
from rnndsl.syntax import tree

Reads = Mapping[int, tree.Reference]
"""By the equation that is read, the first reference that reads it."""


def reads_of(steps: Sequence[Step], scope: Scope) -> tuple[Reads, ...]:
    """For each equation, what it reads of the others in the same step. What is wrongly
    written at another step, and reported, is of no step."""
    producers = {step.target: i for i, step in enumerate(steps) if step.offset == 0}
    return tuple(
        dict(_same_step(step.assignment.value, producers, scope)) for step in steps
    )


def _same_step(
    value: tree.Expression, producers: Mapping[str, int], scope: Scope
) -> Iterator[tuple[int, tree.Reference]]:
    found: set[int] = set()
    for reference in references(value):
        name = reference.name.text
        declared = scope.get(name)
        if name not in producers or declared is None:
            continue
        index = producers[name]
        is_now = reference.time is not None and reference.time.offset == 0
        if (declared.kind is Kind.LOCAL or is_now) and index not in found:
            found.add(index)
            yield index, reference


def check_order(steps: Sequence[Step], scope: Scope, report: Report) -> None:
    """Every value of a step is computed before it is read."""
    reads = reads_of(steps, scope)
    component = components(reads)
    reported: set[int] = set()
    for i, read in enumerate(reads):
        for j, reference in read.items():
            if j < i:
                continue
            if component[i] != component[j]:
                report.add(_too_early(reference, steps[j], steps[i]))
            elif component[i] not in reported:
                reported.add(component[i])
                report.add(cyclic(shortest_cycle(reads, i), steps, reads))


def _too_early(reference: tree.Reference, step: Step, reader: Step) -> Diagnostic:
    span = step.assignment.target.span
    if step.is_state:
        return state_read_early(reference, step, reader)
    return used_too_early(reference, span)


def state_read_early(reference: tree.Reference, step: Step, reader: Step) -> Diagnostic:
    """The new value of a state, read before its equation."""
    name = step.target
    return error(
        "RNN030",
        f"`{step.shown}` is read before its equation",
        reference.span,
        label="the new value is not known yet",
        labels=[Label(step.assignment.target.span, "computed here")],
        help=f"move the equation of {quoted(reader.shown)} below it, "
        f"or read the old value, `{name}[t-1]`",
    )


def cyclic(
    cycle: Sequence[int], steps: Sequence[Step], reads: Sequence[Reads]
) -> Diagnostic:
    """Equations of one step that need one another."""
    after = (*cycle[1:], cycle[0])
    places = [reads[i][j] for i, j in zip(cycle, after, strict=True)]
    shown = [steps[i].shown for i in (*cycle, cycle[0])]
    labels = [
        Label(place.span, f"{quoted(steps[i].shown)} needs {quoted(steps[j].shown)}")
        for i, j, place in zip(cycle, after, places, strict=True)
    ]
    state = next((steps[i].target for i in cycle if steps[i].is_state), None)
    advice = "compute one of them without the others"
    if state is not None:
        advice = f"read an old value: `{state}[t-1]`"
    return error(
        "RNN031",
        f"these equations need one another: {' -> '.join(shown)}",
        labels[0].span,
        label=labels[0].message,
        labels=labels[1:],
        help=advice,
    )
