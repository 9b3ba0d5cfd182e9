"""What a cell declares and computes for nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rnndsl.analysis.equations import Step
from rnndsl.analysis.findings import quoted, warning
from rnndsl.analysis.name_rules import never_used
from rnndsl.analysis.order import reads_of
from rnndsl.analysis.scope import Kind, Scope
from rnndsl.analysis.walk import references
from rnndsl.diagnostics import Diagnostic, Report, Span
from rnndsl.syntax import tree


def check_usage(
    steps: Sequence[Step],
    output: tree.Expression,
    initials: Iterable[tree.Expression],
    scope: Scope,
    report: Report,
) -> None:
    """Names that are never read, equations that lead nowhere, an output that depends
    on nothing. ``initials`` are the expressions in declarations."""
    expressions = [*(step.assignment.value for step in steps), output, *initials]
    read = {r.name.text for e in expressions for r in references(e)}
    for declared in scope.of_kind(*(k for k in Kind if k is not Kind.LOCAL)):
        if declared.name not in read and declared.kind is not Kind.DIMENSION:
            report.add(never_used(declared.kind.value, declared.name, declared.span))
    live = _live(steps, output, scope)
    for i, step in enumerate(steps):
        if i not in live:
            report.add(dead_equation(step))
    if not _depends_on_anything(steps, output, scope):
        report.add(constant_output(output.span))


def _live(steps: Sequence[Step], output: tree.Expression, scope: Scope) -> set[int]:
    """The equations that a state or the output needs."""
    reads = reads_of(steps, scope)
    producers = {step.target: i for i, step in enumerate(steps)}
    waiting = [i for i, step in enumerate(steps) if step.is_state]
    names = (r.name.text for r in references(output))
    waiting.extend(producers[name] for name in names if name in producers)
    return _reached(waiting, reads)


def _depends_on_anything(
    steps: Sequence[Step], output: tree.Expression, scope: Scope
) -> bool:
    reads = reads_of((*steps, _as_step(output)), scope)
    reached = _reached([len(steps)], reads)
    values = [output, *(steps[i].assignment.value for i in reached if i < len(steps))]
    for value in values:
        for reference in references(value):
            declared = scope.get(reference.name.text)
            if declared is None or reference.time is None:
                continue
            if declared.kind is Kind.INPUT or reference.time.offset < 0:
                return True
    return False


def _as_step(output: tree.Expression) -> Step:
    name = tree.Name(span=output.span, text="")
    target = tree.Reference(span=output.span, name=name)
    return Step(
        "", False, tree.Assignment(span=output.span, target=target, value=output)
    )


def _reached(start: Iterable[int], graph: Sequence[Iterable[int]]) -> set[int]:
    reached: set[int] = set()
    waiting = list(start)
    while waiting:
        node = waiting.pop()
        if node not in reached:
            reached.add(node)
            waiting.extend(graph[node])
    return reached


def dead_equation(step: Step) -> Diagnostic:
    """A local whose value reaches neither a state nor the output."""
    return warning(
        "RNN042",
        f"the equation of {quoted(step.target)} has no effect",
        step.assignment.target.span,
        label="reaches neither a state nor the output",
        help="remove it, or use its value",
    )


def constant_output(span: Span) -> Diagnostic:
    """An output that is the same at every step."""
    return warning(
        "RNN041",
        "the output depends on no input and no state",
        span,
        label="the same at every step",
        help="output a state, as in `output h[t]`",
    )
