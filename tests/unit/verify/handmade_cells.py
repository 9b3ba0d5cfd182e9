"""Resolved cells built by hand, so that these tests need no parser."""

from __future__ import annotations

from typing import Any

from rnndsl.analysis.program import (
    Applied,
    BinaryOperation,
    Cell,
    Compared,
    Constant,
    Dimension,
    Equation,
    FilledWith,
    Input,
    MatrixProduct,
    Member,
    Negated,
    Raised,
    ReadCurrent,
    ReadDimension,
    ReadInput,
    ReadLocal,
    ReadParameter,
    ReadPrevious,
    Shape,
    State,
    StoredParameter,
    TypedExpression,
)
from rnndsl.diagnostics import Source, Span

SPAN = Span(Source("handmade.rnn", ""), 0, 0)


def number(value: float) -> Constant:
    return Constant(value=value, span=SPAN)


def dimension(name: str) -> ReadDimension:
    return ReadDimension(name=name, span=SPAN)


def now(name: str, *shape: Any) -> ReadInput:
    return ReadInput(name=name, shape=shape, span=SPAN)


def before(name: str, *shape: Any) -> ReadPrevious:
    return ReadPrevious(name=name, shape=shape, span=SPAN)


def after(name: str, *shape: Any) -> ReadCurrent:
    return ReadCurrent(name=name, shape=shape, span=SPAN)


def local(name: str, *shape: Any) -> ReadLocal:
    return ReadLocal(name=name, shape=shape, span=SPAN)


def parameter(name: str, *shape: Any) -> ReadParameter:
    return ReadParameter(name=name, shape=shape, span=SPAN)


def product(matrix: ReadParameter, operand: TypedExpression) -> MatrixProduct:
    return MatrixProduct(
        matrix=matrix, operand=operand, shape=matrix.shape[:1], span=SPAN
    )


def binary(left: TypedExpression, operator: Any, right: TypedExpression) -> Any:
    shape = left.shape or right.shape
    return BinaryOperation(
        operator=operator, left=left, right=right, shape=shape, span=SPAN
    )


def compared(left: TypedExpression, operator: Any, right: TypedExpression) -> Compared:
    shape = left.shape or right.shape
    return Compared(operator=operator, left=left, right=right, shape=shape, span=SPAN)


def negated(operand: TypedExpression) -> Negated:
    return Negated(operand=operand, shape=operand.shape, span=SPAN)


def raised(base: TypedExpression, exponent: float) -> Raised:
    return Raised(base=base, exponent=exponent, shape=base.shape, span=SPAN)


def applied(name: str, *operands: TypedExpression, constants: Any = ()) -> Applied:
    shape: Shape = max((operand.shape for operand in operands), key=len)
    return Applied(
        function=name, operands=operands, constants=constants, shape=shape, span=SPAN
    )


def equation(target: str, value: TypedExpression, *, is_state: bool) -> Equation:
    return Equation(
        target=target, is_state=is_state, value=value, text="", line=1, span=SPAN
    )


def stored(
    name: str,
    shape: Shape,
    *members: str,
    is_bias: bool = False,
    initial: float | None = None,
) -> StoredParameter:
    start = None if initial is None else FilledWith(value=initial, span=SPAN)
    named = tuple(Member(name=m, initial=start, span=SPAN) for m in members or (name,))
    return StoredParameter(
        name=name, members=named, member_shape=shape, is_bias=is_bias, span=SPAN
    )


def state(name: str, shape: Shape, initial: float | str = 0.0) -> State:
    return State(name=name, shape=shape, initial=initial, span=SPAN)


def cell(
    *,
    inputs: dict[str, Shape],
    states: tuple[State, ...],
    parameters: tuple[StoredParameter, ...],
    equations: tuple[Equation, ...],
    output: TypedExpression,
    dimensions: tuple[tuple[str, str], ...] = (
        ("I", "input_size"),
        ("H", "hidden_size"),
    ),
    name: str = "Handmade",
) -> Cell:
    return Cell(
        name=name,
        docstring="",
        dimensions=tuple(
            Dimension(name=n, argument=argument, span=SPAN)
            for n, argument in dimensions
        ),
        hidden="H",
        inputs=tuple(Input(name=n, shape=s, span=SPAN) for n, s in inputs.items()),
        states=states,
        parameters=parameters,
        equations=equations,
        output=output,
        span=SPAN,
    )


def elman() -> Cell:
    """h[t] = tanh(W @ x[t] + U @ h[t-1] + b), with a single bias."""
    read = product(parameter("W", "H", "I"), now("x", "I"))
    recurrent = product(parameter("U", "H", "H"), before("h", "H"))
    total = binary(binary(read, "+", recurrent), "+", parameter("b", "H"))
    return cell(
        inputs={"x": ("I",)},
        states=(state("h", ("H",)),),
        parameters=(
            stored("W", ("H", "I")),
            stored("U", ("H", "H")),
            stored("b", ("H",), is_bias=True),
        ),
        equations=(equation("h", applied("tanh", total), is_state=True),),
        output=after("h", "H"),
    )
