"""Expressions and equations with parts of them replaced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeAlias

from rnndsl.analysis.program import (
    BinaryOperation,
    Cell,
    Constant,
    Equation,
    Input,
    Located,
    ReadInput,
    ReadLocal,
    ReadPrevious,
    Shape,
    State,
    TypedExpression,
)
from rnndsl.analysis.written import written_expression
from rnndsl.diagnostics import Span
from rnndsl.formulas.formula import ArithmeticOperator

Change: TypeAlias = Callable[[TypedExpression], TypedExpression | None]
"""What stands instead of an expression; None where only its parts may change."""


def rewritten(expression: TypedExpression, change: Change) -> TypedExpression:
    """The expression with what ``change`` gives for it, or else for its parts."""
    changed = change(expression)
    if changed is not None:
        return changed
    parts: dict[str, Any] = {}
    for field in fields(expression):
        old = getattr(expression, field.name)
        new = _part(old, change)
        if new is not old:
            parts[field.name] = new
    return replace(expression, **parts) if parts else expression


def _part(value: Any, change: Change) -> Any:
    if isinstance(value, Located):
        # Every part with a place of its own is an expression.
        expression: Any = value
        return rewritten(expression, change)
    if isinstance(value, tuple):
        new = tuple(_part(item, change) for item in value)
        same = all(a is b for a, b in zip(new, value, strict=True))
        return value if same else new
    return value


def rewritten_equation(equation: Equation, change: Change) -> Equation:
    """The equation with its value rewritten, and its text with it."""
    value = rewritten(equation.value, change)
    return equation if value is equation.value else with_value(equation, value)


def with_value(equation: Equation, value: TypedExpression) -> Equation:
    """The equation with another value."""
    target = f"{equation.target}[t]" if equation.is_state else equation.target
    text = f"{target} = {written_expression(value).text}"
    return replace(equation, value=value, text=text)


def as_local(equation: Equation, name: str) -> Equation:
    """The equation with a local in the place of its target."""
    text = f"{name} ={equation.text.partition('=')[2]}"
    return replace(equation, target=name, is_state=False, text=text)


def local(name: str, value: TypedExpression, place: Equation) -> Equation:
    """An equation for a local, in the line of another."""
    return with_value(replace(place, target=name, is_state=False), value)


def free_name(cell: Cell, wish: str) -> str:
    """The wish where nothing in the cell has this name, else with underscores added."""
    taken = {
        *(item.name for item in cell.dimensions),
        *(item.name for item in cell.inputs),
        *(item.name for item in cell.states),
        *(item.name for item in cell.parameters),
        *(member.name for item in cell.parameters for member in item.members),
        *(equation.target for equation in cell.equations),
        *_constants(cell),
    }
    while wish in taken:
        wish += "_"
    return wish


def _constants(cell: Cell) -> list[str]:
    found: list[str] = []

    def note(expression: TypedExpression) -> None:
        if isinstance(expression, Constant) and expression.name is not None:
            found.append(expression.name)

    for expression in (*(equation.value for equation in cell.equations), cell.output):
        rewritten(expression, note)
    return found


# Expressions in the place of an equation


def read_input(item: Input, span: Span) -> ReadInput:
    return ReadInput(span=span, name=item.name, shape=item.shape)


def read_previous(state: State, span: Span) -> ReadPrevious:
    return ReadPrevious(span=span, name=state.name, shape=state.shape)


def read_local(name: str, shape: Shape, span: Span) -> ReadLocal:
    return ReadLocal(span=span, name=name, shape=shape)


def binary(
    operator: ArithmeticOperator,
    left: TypedExpression,
    right: TypedExpression,
    shape: Shape,
) -> BinaryOperation:
    return BinaryOperation(
        span=left.span, operator=operator, left=left, right=right, shape=shape
    )
