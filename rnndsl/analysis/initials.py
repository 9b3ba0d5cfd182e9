"""Where parameters start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from rnndsl.analysis import program
from rnndsl.analysis.context import Context
from rnndsl.analysis.declarations import DeclaredTensor
from rnndsl.analysis.expressions import typed
from rnndsl.analysis.findings import counted, did_you_mean, error, quoted, shape_text
from rnndsl.analysis.folding import out_of_range
from rnndsl.analysis.operand import Operand
from rnndsl.analysis.program import Shape
from rnndsl.analysis.values import braced_values, member_values, number
from rnndsl.diagnostics import Diagnostic
from rnndsl.diagnostics.suggest import suggest
from rnndsl.formulas import formula
from rnndsl.formulas.functions import FUNCTIONS
from rnndsl.syntax import tree


@dataclass(frozen=True, slots=True)
class Initialiser:
    """A named way to start: its arguments, how many must be given, and how many axes
    of one size it needs: rows and columns, or as many of the ones as of the others.
    ``for_kernels``: it also knows the kernels of convolutions."""

    arguments: tuple[str, ...] = ()
    required: int = 0
    for_matrices: bool = True
    is_square: bool = False
    for_kernels: bool = False


INITIALISERS = {
    "uniform": Initialiser(("low", "high"), required=2, for_matrices=False),
    "normal": Initialiser(("mean", "std"), required=2, for_matrices=False),
    "xavier_uniform": Initialiser(("gain",), for_kernels=True),
    "xavier_normal": Initialiser(("gain",), for_kernels=True),
    "kaiming_uniform": Initialiser(for_kernels=True),
    "kaiming_normal": Initialiser(for_kernels=True),
    "orthogonal": Initialiser(("gain",)),
    "identity": Initialiser(),
    "spectral_radius": Initialiser(("radius",), required=1, is_square=True),
    "sparse_normal": Initialiser(("density", "std"), required=2),
    "chrono": Initialiser(("steps",), required=1, for_matrices=False),
}


def member_initials(
    tensor: DeclaredTensor, fills: Context, draws: Context
) -> tuple[program.Initial | None, ...]:
    """How each member of a parameter starts. ``fills`` and ``draws`` are where values
    and the arguments of initialisers stand."""
    names = tensor.declarator.names
    match tensor.declarator.initial:
        case None:
            return (None,) * len(names)
        case tree.InitialValue() as initial:
            found = []
            for node in member_values(initial, tensor.declarator, fills):
                value = number(node, "a starting value", fills)
                found.append(
                    None
                    if value is None
                    else program.FilledWith(span=node.span, value=value)
                )
            return tuple(found)
        case tree.Initialiser() as initialiser:
            drawn = _drawn(initialiser, tensor.shape, draws)
            return (drawn,) * len(names)
        case tree.Initialisers(span=span, members=members):
            nodes = braced_values(span, members, tensor.declarator, draws)
            return tuple(_member(node, tensor.shape, fills, draws) for node in nodes)
        case _:
            assert_never(tensor.declarator.initial)


def expressions_of(declarator: tree.Declarator) -> list[tree.Expression]:
    """The expressions in a declaration, without the names of initialisers."""
    found = [a for structure in declarator.structures for a in structure.arguments]
    match declarator.initial:
        case tree.InitialValue(values=values):
            found.extend(values)
        case tree.Initialiser(arguments=arguments):
            found.extend(arguments)
        case tree.Initialisers(members=members):
            for member in members:
                named = _named(member)
                found.extend((member,) if named is None else named[0].arguments)
    return found


def _member(
    node: tree.Expression, shape: Shape | None, fills: Context, draws: Context
) -> program.Initial | None:
    """How one member of a group starts that has an initialiser of its own."""
    named = _named(node)
    if named is not None:
        drawn = _drawn(named[0], shape, draws)
        return None if drawn is None else replace(drawn, negated=named[1])
    if isinstance(node, tree.Call):
        name = node.function
        if name.text not in FUNCTIONS and name.text not in draws.functions:
            draws.add(unknown_initialiser(name))
            return None
    value = number(node, "a starting value", fills)
    return None if value is None else program.FilledWith(span=node.span, value=value)


def _named(node: tree.Expression) -> tuple[tree.Initialiser, bool] | None:
    """The initialiser that an expression names, and whether a minus stands before it;
    None for others."""
    negated = isinstance(node, tree.Negation)
    inner = node.operand if isinstance(node, tree.Negation) else node
    match inner:
        case tree.Call(function=name, arguments=arguments):
            pass
        case tree.Reference(name=name, time=None):
            arguments = ()
        case _:
            return None
    if name.text not in INITIALISERS:
        return None
    initialiser = tree.Initialiser(span=node.span, function=name, arguments=arguments)
    return initialiser, negated


def _drawn(
    node: tree.Initialiser, shape: Shape | None, context: Context
) -> program.DrawnFrom | None:
    name = node.function.text
    arguments: list[Operand | None] = []
    for argument in node.arguments:
        arguments.append(context.value(typed(argument, context), argument))
    initialiser = INITIALISERS.get(name)
    if initialiser is None:
        context.add(unknown_initialiser(node.function))
        return None
    if not initialiser.required <= len(arguments) <= len(initialiser.arguments):
        context.add(wrong_initialiser_arguments(node, initialiser))
        return None
    if shape is not None and not _fits(shape, initialiser):
        context.add(not_for_shape(node.function, initialiser, shape))
        return None
    given = tuple(a for a in arguments if a is not None)
    if len(given) < len(arguments):
        return None
    context.add(_wrong_range(node, given))
    return program.DrawnFrom(
        span=node.span,
        function=name,
        arguments=tuple(
            formula.Number(a.constant)
            if a.constant is not None
            else _formula(a.expression)
            for a in given
        ),
    )


def unknown_initialiser(name: tree.Name) -> Diagnostic:
    """An initialiser that the language does not have."""
    advice = did_you_mean(suggest(name.text, INITIALISERS))
    return error(
        "RNN051",
        f"there is no initialiser {quoted(name.text)}",
        name.span,
        label="not an initialiser",
        help=advice or f"there are {', '.join(f'`{i}`' for i in INITIALISERS)}",
    )


def wrong_initialiser_arguments(
    node: tree.Initialiser, initialiser: Initialiser
) -> Diagnostic:
    """An initialiser with too many or too few arguments."""
    name = node.function.text
    most = len(initialiser.arguments)
    wanted = counted(most, "argument") if most else "no arguments"
    if initialiser.required < most:
        wanted = f"at most {wanted}"
    listed = f"({', '.join(initialiser.arguments)})" if most else ""
    return error(
        "RNN052",
        f"the initialiser {quoted(name)} takes {wanted}",
        node.function.span,
        label=f"given {len(node.arguments)}",
        help=f"write `~ {name}{listed}`",
    )


def _fits(shape: Shape, initialiser: Initialiser) -> bool:
    if initialiser.is_square:
        return len(shape) == 2 and shape[0] == shape[1]
    if initialiser.for_kernels and len(shape) > 2:
        return all(isinstance(size, int) for size in shape[2:])
    return len(shape) == 2 or not initialiser.for_matrices


def not_for_shape(
    name: tree.Name, initialiser: Initialiser, shape: Shape
) -> Diagnostic:
    """An initialiser for matrices, or for square ones, on something else."""
    what = "a square matrix" if initialiser.is_square else "a matrix"
    return error(
        "RNN054",
        f"{quoted(name.text)} needs {what}",
        name.span,
        label=f"the shape is {shape_text(shape)}",
        help="use `uniform`, `normal` or a number",
    )


def _wrong_range(
    node: tree.Initialiser, given: tuple[Operand, ...]
) -> Diagnostic | None:
    values = [operand.constant for operand in given]
    match node.function.text, values:
        case "uniform", [float(low), float(high)] if low > high:
            span = node.arguments[0].span.to(node.arguments[1].span)
            return out_of_range(span, f"low is {low:g}, high is {high:g}")
        case "normal", [_, float(std)] if std < 0:
            reason = "a standard deviation is not negative"
            return out_of_range(node.arguments[1].span, reason)
        case "spectral_radius", [float(radius)] if radius < 0:
            reason = "a spectral radius is not negative"
            return out_of_range(node.arguments[0].span, reason)
        case "sparse_normal", [float(density), _] if not 0 < density <= 1:
            reason = "the share of entries that are not 0: above 0, at most 1"
            return out_of_range(node.arguments[0].span, reason)
        case "chrono", [float(steps)] if steps < 2:
            reason = "the longest dependency has at least 2 steps"
            return out_of_range(node.arguments[0].span, reason)
    return None


def _formula(expression: program.TypedExpression) -> formula.Formula:
    """An expression of numbers and dimensions as a formula."""
    match expression:
        case program.Constant(value=value):
            return formula.Number(value)
        case program.ReadDimension(name=name):
            return formula.Symbol(name)
        case program.BinaryOperation(operator=operator, left=left, right=right):
            return formula.Binary(operator, _formula(left), _formula(right))
        case program.Negated(operand=operand):
            return formula.Negate(_formula(operand))
        case program.Raised(base=base, exponent=exponent):
            return formula.Power(_formula(base), exponent)
        case program.Compared(operator=comparison, left=left, right=right):
            return formula.Compare(comparison, _formula(left), _formula(right))
        case program.Applied(function=function, operands=operands, constants=constants):
            return formula.Apply(
                function, tuple(_formula(o) for o in operands), constants
            )
        case (
            program.ReadInput()
            | program.ReadPrevious()
            | program.ReadCurrent()
            | program.ReadLocal()
            | program.ReadParameter()
            | program.MatrixProduct()
            | program.Convolved()
            | program.AppliedAcross()
        ):
            raise AssertionError("only numbers and dimensions are read here")
        case _:
            assert_never(expression)
