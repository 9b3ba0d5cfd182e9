"""Which products of a cell read the step before."""

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

    def inside(expression: TypedExpression) -> TypedExpression | None:
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
    carriers = _carriers(cell)

    def note(expression: TypedExpression) -> None:
        if isinstance(expression, MatrixProduct) and _reads_old(
            expression.operand, carriers
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
    for equation in cell.equations:
        if not equation.is_state and _reads_old(equation.value, found):
            found[equation.target] = equation.value
    return found


def _reads_old(
    expression: TypedExpression, carriers: dict[str, TypedExpression]
) -> bool:
    found = False

    def look(part: TypedExpression) -> TypedExpression | None:
        nonlocal found
        if isinstance(part, MatrixProduct):
            return part
        is_carrier = isinstance(part, ReadLocal) and part.name in carriers
        found = found or is_carrier or isinstance(part, ReadPrevious)
        return None

    rewritten(expression, look)
    return found
