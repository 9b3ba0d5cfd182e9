"""Which products of a cell read old states, those that keep old inputs left aside."""

from __future__ import annotations

from dataclasses import replace

from rnndsl.analysis.models.variants.rewriting import Change, rewritten
from rnndsl.analysis.program import (
    Cell,
    MatrixProduct,
    ReadLocal,
    ReadPrevious,
    TypedExpression,
)


def in_recurrent_operands(cell: Cell, change: Change) -> Change:
    """A change of whole expressions that makes ``change`` in the operands of products
    alone. A local that reads an old state outside of products is put in where an
    operand reads it: in ``q = r * h[t-1]`` and ``U @ q``, the product reads h."""
    carriers = _carriers(cell)

    kept = _kept_inputs(cell)

    def inside(expression: TypedExpression) -> TypedExpression | None:
        if isinstance(expression, ReadPrevious) and expression.name in kept:
            return None
        changed = change(expression)
        if changed is not None:
            return changed
        if isinstance(expression, ReadLocal) and expression.name in carriers:
            return rewritten(carriers[expression.name], inside)
        return None

    def outside(expression: TypedExpression) -> TypedExpression | None:
        if not isinstance(expression, MatrixProduct):
            return None
        operand = rewritten(expression.operand, inside)
        return replace(expression, operand=operand)

    return outside


def recurrent_members(cell: Cell) -> tuple[str, ...]:
    """The matrices that are multiplied with what an old state is in, in the order of
    their declaration."""
    found: dict[str, None] = {}
    carriers, kept = _carriers(cell), _kept_inputs(cell)

    def note(expression: TypedExpression) -> None:
        if isinstance(expression, MatrixProduct) and _reads_old(
            expression.operand, carriers, kept
        ):
            found[expression.matrix.name] = None

    for value in (*(equation.value for equation in cell.equations), cell.output):
        rewritten(value, note)
    return tuple(
        member.name
        for parameter in cell.parameters
        for member in parameter.members
        if member.name in found
    )


def _carriers(cell: Cell) -> dict[str, TypedExpression]:
    """The locals that read an old state outside of products, with their values."""
    found: dict[str, TypedExpression] = {}
    kept = _kept_inputs(cell)
    for equation in cell.equations:
        if not equation.is_state and _reads_old(equation.value, found, kept):
            found[equation.target] = equation.value
    return found


def _kept_inputs(cell: Cell) -> tuple[str, ...]:
    """The states that keep an input for later: ``x[t-1]`` is no recurrence."""
    inputs = [item.name for item in cell.inputs]
    return tuple(
        state.name
        for state in cell.states
        if state.delay is not None and state.delay.name in inputs
    )


def _reads_old(
    expression: TypedExpression,
    carriers: dict[str, TypedExpression],
    kept: tuple[str, ...],
) -> bool:
    found = False

    def look(part: TypedExpression) -> TypedExpression | None:
        nonlocal found
        if isinstance(part, MatrixProduct):
            return part
        is_carrier = isinstance(part, ReadLocal) and part.name in carriers
        is_old = isinstance(part, ReadPrevious) and part.name not in kept
        found = found or is_carrier or is_old
        return None

    rewritten(expression, look)
    return found
