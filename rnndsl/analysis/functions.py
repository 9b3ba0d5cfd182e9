"""User functions, and calls of these and of the table's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from rnndsl.analysis.components import components
from rnndsl.analysis.findings import counted, did_you_mean, error, quoted
from rnndsl.analysis.foreign_functions import advice_about, function_meant
from rnndsl.analysis.name_rules import duplicate_name, never_used, unknown_name
from rnndsl.analysis.names import predefined
from rnndsl.analysis.operand import Operand
from rnndsl.analysis.reserved import PREDEFINED, reserved_name
from rnndsl.analysis.walk import calls, references
from rnndsl.diagnostics import Diagnostic, Label, Report, Span
from rnndsl.diagnostics.suggest import suggest
from rnndsl.formulas.features import ALL_FUNCTIONS, AnyFunction
from rnndsl.syntax import tree


@dataclass(frozen=True, slots=True)
class UserFunction:
    """A ``def`` with the functions that its body may call."""

    definition: tree.FunctionDefinition
    visible: Functions = field(repr=False, compare=False)


Functions: TypeAlias = Mapping[str, UserFunction | None]
"""By name; None for one that has been reported, and whose calls are not looked at."""


@dataclass(frozen=True, slots=True)
class FunctionNames:
    """Names in the body of a user function: its parameters, as they are called."""

    arguments: Mapping[str, Operand | None]

    def read(self, reference: tree.Reference) -> Operand | None:
        name = reference.name.text
        if name in self.arguments:
            return self.arguments[name]
        return predefined(reference)


def check_definition(
    definition: tree.FunctionDefinition, visible: Functions, report: Report
) -> None:
    """Parameters of a user function, names and calls in its body."""
    parameters = [p.text for p in definition.parameters]
    check_parameters(definition, report)
    seen: set[str] = set()
    for reference in references(definition.body):
        name = reference.name.text
        if name in parameters:
            if reference.time is not None:
                report.add(parameter_indexed(reference, definition))
        elif name not in PREDEFINED and name not in seen:
            seen.add(name)
            note = "a function sees nothing but its parameters"
            candidates = (*parameters, *PREDEFINED)
            report.add(unknown_name(reference.name, candidates, notes=(note,)))
    for call in calls(definition.body):
        wrong = wrong_call(call, visible)
        if wrong is not None:
            report.add(wrong)


def check_parameters(definition: tree.FunctionDefinition, report: Report) -> None:
    """Parameters have names of their own, and each is used."""
    used = {reference.name.text for reference in references(definition.body)}
    first: dict[str, Span] = {}
    for parameter in definition.parameters:
        wrong = reserved_name(parameter)
        if wrong is not None:
            report.add(wrong)
        if parameter.text in first:
            report.add(duplicate_name(parameter, first[parameter.text]))
        elif parameter.text not in used:
            report.add(never_used("parameter", parameter.text, parameter.span))
        first.setdefault(parameter.text, parameter.span)


def parameter_indexed(
    reference: tree.Reference, definition: tree.FunctionDefinition
) -> Diagnostic:
    """A time index on a parameter of a user function."""
    assert reference.time is not None
    name = reference.name.text
    return error(
        "RNN073",
        f"the parameter `{name}` takes no time index",
        reference.time.span,
        label="the index belongs to the argument",
        help=f"write `{name}` here and `{definition.name.text}(h[t-1])` in the call",
    )


def wrong_call(
    call: tree.Call, visible: Functions, values: Iterable[str] = ()
) -> Diagnostic | None:
    """Whether a call names a function and has as many arguments as it takes;
    ``values`` are names that stand for no function."""
    name = call.function.text
    count = len(call.arguments)
    if name in visible:
        function = visible[name]
        if function is None:
            return None
        definition = function.definition
        wanted = len(definition.parameters)
        if count == wanted:
            return None
        label = Label(definition.name.span, "defined here")
        return wrong_argument_count(call, counted(wanted, "argument"), [label])
    if name not in ALL_FUNCTIONS:
        return unknown_function(call.function, visible, name in values)
    least, most = argument_counts(ALL_FUNCTIONS[name])
    if least <= count <= most:
        return None
    wanted_text = counted(least, "argument")
    if most > least:
        wanted_text = f"{least} to {most} arguments"
    return wrong_argument_count(call, wanted_text)


def argument_counts(function: AnyFunction) -> tuple[int, int]:
    """The least and the most arguments of a function of the language."""
    most = len(function.operands) + len(function.constants)
    given = sum(default is not None for _, default in function.constants)
    return most - given, most


def wrong_argument_count(
    call: tree.Call, wanted: str, labels: Iterable[Label] = ()
) -> Diagnostic:
    """A call with too many or too few arguments."""
    name = call.function.text
    function = ALL_FUNCTIONS.get(name)
    advice = ""
    if function is not None:
        optional = [f"{c}={d:g}" if d is not None else c for c, d in function.constants]
        advice = f"write `{name}({', '.join([*function.operands, *optional])})`"
    return error(
        "RNN045",
        f"{quoted(name)} takes {wanted}",
        call.function.span,
        label=f"given {len(call.arguments)}",
        labels=labels,
        help=advice,
    )


def unknown_function(
    name: tree.Name, visible: Iterable[str], is_value: bool
) -> Diagnostic:
    """A call of something that is no function."""
    if is_value:
        advice = f"`{name.text}` is a value; write `*` to multiply by it"
    else:
        meant = function_meant(name.text)
        advice = advice_about(name.text) or did_you_mean(
            meant or suggest(name.text, (*ALL_FUNCTIONS, *visible))
        )
    return error(
        "RNN044",
        f"there is no function {quoted(name.text)}",
        name.span,
        label="not a function",
        help=advice or "define it: `def name(u) = ...`",
    )


def recursive(definitions: Mapping[str, tree.FunctionDefinition]) -> frozenset[str]:
    """The names of the functions that come to call themselves."""
    names = list(definitions)
    index = {name: i for i, name in enumerate(names)}
    called = [
        {index[c.function.text] for c in calls(d.body) if c.function.text in index}
        for d in definitions.values()
    ]
    component = components(called)
    size = Counter(component)
    return frozenset(
        name for i, name in enumerate(names) if size[component[i]] > 1 or i in called[i]
    )


def recursion(definition: tree.FunctionDefinition) -> Diagnostic:
    """A function whose expansion would not end."""
    name = definition.name
    return error(
        "RNN059",
        f"the function {quoted(name.text)} calls itself",
        name.span,
        label="its expansion never ends",
        help="a function is one expression of its parameters; write it out",
    )
