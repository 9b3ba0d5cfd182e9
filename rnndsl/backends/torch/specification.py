"""The ``CellSpecification`` of a generated module, as code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from rnndsl.analysis.program import (
    Cell,
    DrawnFrom,
    FilledWith,
    Initial,
    StoredParameter,
    Structure,
)
from rnndsl.backends.torch.describe import output_state
from rnndsl.backends.torch.layout import Nest, nested, quoted
from rnndsl.backends.torch.printer import Code, decimal, expression, number
from rnndsl.formulas.formula import Apply, Formula, Number, children, symbols
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.summary import summary
from rnndsl.symbolic.vendor import Members

_HOST = ("sqrt", "exp", "log", "sin", "cos", "tanh")
"""Functions an initialiser's arguments may apply to dimensions."""


def specification_lines(
    plan: CellPlan,
    name: str,
    source: str,
    functions: tuple[str, str, str],
    engines: tuple[Nest | str, ...],
) -> list[str]:
    """``LSTM_SPECIFICATION = CellSpecification(...)``."""
    cell = plan.source.cell
    step, forward, backward = functions
    output = output_state(cell)
    tree = Nest(
        f"{name} = CellSpecification",
        (
            f"name={cell.name!r}".replace("'", '"'),
            f"source={quoted(source)}",
            Nest(
                "dimensions=",
                tuple(
                    f"({quoted(d.name)}, {quoted(d.argument)})" for d in cell.dimensions
                ),
            ),
            f"hidden={_dim(cell.hidden)}",
            Nest(
                "inputs=",
                tuple(
                    Nest(
                        "TensorSpecification",
                        (
                            f"name={quoted(i.name)}",
                            _shape("shape=", i.given_shape),
                            *(("is_whole=True",) if i.one_hot else ()),
                        ),
                    )
                    for i in cell.inputs
                ),
            ),
            Nest(
                "states=",
                tuple(
                    Nest(
                        "StateSpecification",
                        (
                            f"name={quoted(s.name)}",
                            _shape("shape=", s.shape),
                            f"initial={_initial_state(s.initial)}",
                        ),
                    )
                    for s in cell.states
                ),
            ),
            Nest("parameters=", tuple(_parameter(p) for p in cell.parameters)),
            _shape("output_shape=", cell.output.shape),
            *_emitted(cell),
            f"output_state={'None' if output is None else quoted(output)}",
            Nest("summary=", tuple(quoted(line) for line in summary(plan))),
            f"step={step}",
            f"forward={forward}",
            f"backward={backward}",
            *engines,
            *_vendor(plan),
        ),
    )
    return nested(tree, indent=0)


def _emitted(cell: Cell) -> tuple[Nest, ...]:
    """What is put out beside the output, where anything is."""
    if not cell.emitted:
        return ()
    values = tuple(
        Nest(
            "TensorSpecification",
            (f"name={quoted(value.name)}", _shape("shape=", value.shape)),
        )
        for value in cell.emitted
    )
    return (Nest("emitted=", values),)


def _vendor(plan: CellPlan) -> tuple[Nest, ...]:
    """Which of torch's own cells it is, where it is one."""
    form, cell = plan.vendor, plan.source.cell
    if form is None:
        return ()
    items = (
        f"function={quoted(form.function.value)}",
        Nest("states=", tuple(map(quoted, form.states))),
        _rows("weight_ih=", cell, form.weight_ih),
        _rows("weight_hh=", cell, form.weight_hh),
        _rows("bias_ih=", cell, form.bias_ih),
        _rows("bias_hh=", cell, form.bias_hh),
    )
    return (Nest("vendor=VendorKernel", items),)


def _rows(head: str, cell: Cell, members: Members) -> Nest | str:
    """The stored tensor that has these members, or else the members."""
    for parameter in cell.parameters:
        if members == tuple(own.name for own in parameter.members):
            return f"{head}{quoted(parameter.name)}"
    names = ("None" if name is None else quoted(name) for name in members)
    return Nest(head, tuple(names))


def uses_initialisers(plan: CellPlan) -> bool:
    return any(
        member.initial is not None
        for parameter in plan.source.cell.parameters
        for member in parameter.members
    )


def uses_structures(plan: CellPlan) -> bool:
    return any(p.structure is not None for p in plan.source.cell.parameters)


def uses_math(plan: CellPlan) -> bool:
    """Whether an initialiser computes with functions of the dimensions."""
    return any(
        _applies(argument)
        for parameter in plan.source.cell.parameters
        for member in parameter.members
        if isinstance(member.initial, DrawnFrom)
        for argument in member.initial.arguments
    )


def _applies(formula: Formula) -> bool:
    return isinstance(formula, Apply) or any(map(_applies, children(formula)))


def _dim(dim: str | int) -> str:
    return str(dim) if isinstance(dim, int) else quoted(dim)


def _shape(head: str, shape: Iterable[str | int]) -> Nest:
    return Nest(head, tuple(_dim(dim) for dim in shape))


def _initial_state(initial: float | str) -> str:
    return quoted(initial) if isinstance(initial, str) else decimal(initial)


def _parameter(parameter: StoredParameter) -> Nest:
    items: list[Nest | str] = [
        f"name={quoted(parameter.name)}",
        Nest("members=", tuple(quoted(m.name) for m in parameter.members)),
        _shape("shape=", parameter.member_shape),
    ]
    if parameter.is_bias:
        items.append("is_bias=True")
    if any(member.initial is not None for member in parameter.members):
        initial = tuple(_initialiser(m.initial) for m in parameter.members)
        items.append(Nest("initial=", initial))
    if parameter.structure is not None:
        items.append(_structure(parameter.structure))
    if parameter.frozen:
        items.append("frozen=True")
    return Nest("ParameterSpecification", tuple(items))


def _structure(structure: Structure) -> Nest:
    kind = quoted(structure.kind.value)
    if structure.argument is None:
        return Nest("structure=Structure", (kind,))
    return Nest("structure=Structure", (kind, number(structure.argument).text))


def _initialiser(initial: Initial | None) -> Nest | str:
    match initial:
        case None:
            return "None"
        case FilledWith(value=value):
            return Nest("Initialiser", ('"fill"', f"({number(value).text},)"))
        case DrawnFrom(function=function, arguments=arguments, negated=negated):
            if not arguments and not negated:
                return Nest("Initialiser", (quoted(function),))
            values = Nest("", tuple(_argument(argument) for argument in arguments))
            sign = ("negated=True",) if negated else ()
            return Nest("Initialiser", (quoted(function), values, *sign))
        case _:
            assert_never(initial)


def _argument(formula: Formula) -> str:
    if isinstance(formula, Number):
        return number(formula.value).text
    codes = {name: Code(f'sizes["{name}"]') for name in symbols(formula)}
    text = expression(formula, codes).text
    for name in _HOST:
        text = text.replace(f"torch.{name}(", f"math.{name}(")
    return f"lambda sizes: {text}"
