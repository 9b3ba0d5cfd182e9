"""The equations of a cell: what each computes, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnndsl.analysis.findings import error, quoted, shape_text
from rnndsl.analysis.functions import Functions
from rnndsl.analysis.name_rules import duplicate_name
from rnndsl.analysis.reserved import reserved_name
from rnndsl.analysis.scope import Declared, Kind, Scope
from rnndsl.analysis.time_index import index_missing
from rnndsl.diagnostics import Diagnostic, Label, Report, Span
from rnndsl.syntax import tree


@dataclass(frozen=True, slots=True)
class Step:
    """An equation whose target is known to be a local or a state."""

    target: str
    is_state: bool
    assignment: tree.Assignment

    @property
    def shown(self) -> str:
        """The target as the spec writes it."""
        return f"{self.target}[t]" if self.is_state else self.target

    @property
    def offset(self) -> int:
        """The step at which the target is written: 0, but in an equation that has
        been reported."""
        time = self.assignment.target.time
        return 0 if time is None else time.offset


def steps_of(
    assignments: Sequence[tree.Assignment],
    scope: Scope,
    functions: Functions,
    report: Report,
) -> tuple[Step, ...]:
    """The equations in order; declares the locals.

    What is assigned wrongly is reported, and declared all the same where nothing else
    has its name, with an unknown shape: reading it causes no second message.
    """
    first: dict[str, Span] = {}
    steps = []
    for assignment in assignments:
        target = assignment.target
        name = target.name.text
        wrong = _wrong_target(target, scope, functions)
        if wrong is not None:
            report.add(wrong)
        declared = scope.get(name)
        if declared is None:
            kind = Kind.LOCAL if target.time is None else Kind.STATE
            declared = Declared(name=name, kind=kind, span=target.span, shape=None)
            scope.declare(declared)
        if declared.kind not in (Kind.LOCAL, Kind.STATE):
            continue
        is_state = declared.kind is Kind.STATE
        if name not in first:
            first[name] = target.span
            steps.append(Step(name, is_state, assignment))
        elif wrong is None:
            twice = state_updated_twice if is_state else local_assigned_twice
            report.add(twice(target, first[name]))
    return tuple(steps)


def _wrong_target(
    target: tree.Reference, scope: Scope, functions: Functions
) -> Diagnostic | None:
    declared = scope.get(target.name.text)
    if declared is None or declared.kind is Kind.LOCAL:
        if target.time is not None:
            return state_not_declared(target, scope)
        function = functions.get(target.name.text)
        if function is not None:
            return duplicate_name(target.name, function.definition.name.span)
        return reserved_name(target.name)
    if declared.kind is not Kind.STATE:
        return not_assignable(target, declared)
    if target.time is None:
        return index_missing(target, declared, is_target=True)
    if target.time.offset != 0:
        return old_value_assigned(target, declared)
    return None


def not_assignable(target: tree.Reference, declared: Declared) -> Diagnostic:
    """An equation for something that is given from outside."""
    return error(
        "RNN036",
        f"the {declared.kind.value} `{declared.name}` cannot be assigned",
        target.span,
        label="equations define locals and update states",
        labels=[Label(declared.span, f"declared as {declared.kind.value} here")],
        help="give the local another name",
    )


def state_not_declared(target: tree.Reference, scope: Scope) -> Diagnostic:
    """An equation for ``s[t]`` where no state ``s`` is declared."""
    name = target.name.text
    dimension = next((d.name for d in scope.of_kind(Kind.DIMENSION)), "H")
    state = next((d for d in scope.of_kind(Kind.STATE) if d.shape), None)
    shape = f"[{dimension}]" if state is None else shape_text(state.shape or ())
    return error(
        "RNN074",
        f"the state {quoted(name)} is not declared",
        target.span,
        label="only states are updated at `[t]`",
        help=f"declare it, as in `state {name}: {shape}`, or write `{name} = ...`",
    )


def old_value_assigned(target: tree.Reference, declared: Declared) -> Diagnostic:
    """An equation for a state at a step other than ``t``."""
    assert target.time is not None
    name = declared.name
    advice = f"write `{name}[t] = ...`"
    if target.time.offset > 0:
        advice += f", and `{name}[t-1]` for the old value"
    return error(
        "RNN075",
        f"the state `{name}` is updated at `[t]` only",
        target.time.span,
        label="another step",
        labels=[Label(declared.span, "declared here")],
        help=advice,
    )


def state_updated_twice(target: tree.Reference, first: Span) -> Diagnostic:
    """A second equation for a state."""
    name = target.name.text
    return error(
        "RNN034",
        f"the state `{name}` is updated twice",
        target.span,
        label="updated again",
        labels=[Label(first, "first updated here")],
        help="name the first value as a local and update the state once",
    )


def local_assigned_twice(target: tree.Reference, first: Span) -> Diagnostic:
    """A second equation for a local."""
    name = target.name.text
    return error(
        "RNN035",
        f"{quoted(name)} is assigned twice",
        target.span,
        label="assigned again",
        labels=[Label(first, "first assigned here")],
        help="every name stands for one value: choose another for the second",
    )


def state_never_updated(state: Declared) -> Diagnostic:
    """A state without an equation."""
    return error(
        "RNN033",
        f"the state `{state.name}` is never updated",
        state.span,
        label="has no equation",
        help=f"write `{state.name}[t] = ...`, or declare it as `param`",
    )


def no_output(cell: tree.CellDefinition) -> Diagnostic:
    """A cell that emits nothing."""
    return error(
        "RNN037",
        f"the cell {quoted(cell.name.text)} has no output",
        cell.name.span,
        label="emits nothing",
        help="end it with a line such as `output h[t]`",
    )


def second_output(second: tree.Output, first: tree.Output) -> Diagnostic:
    """More than one ``output`` line."""
    return error(
        "RNN038",
        "a cell has one output",
        second.value.span,
        label="a second output",
        labels=[Label(first.value.span, "the first")],
        help="declare it as a state to have its last value as well",
    )


def no_input(cell: tree.CellDefinition) -> Diagnostic:
    """A cell that is given nothing."""
    return error(
        "RNN039",
        f"the cell {quoted(cell.name.text)} needs an input",
        cell.name.span,
        label="has none",
        help="declare one: `input x: [I]`",
    )


def no_state(cell: tree.CellDefinition) -> Diagnostic:
    """A cell that remembers nothing."""
    return error(
        "RNN040",
        f"the cell {quoted(cell.name.text)} needs a state",
        cell.name.span,
        label="has none: its steps would not depend on one another",
        help="declare one: `state h: [H]`",
    )
