"""What a cell costs, as formulas in its own dimensions.

A product of a matrix [R, C] with a vector counts 2 * R * C operations, a kernel as many
at each place; an operation of an elementwise formula, or a function, one for each entry
of its result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sympy

from rnndsl.formulas.features import FEATURE_FUNCTIONS
from rnndsl.formulas.formula import Formula, children
from rnndsl.ir.graph import Input, is_one_hot
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.shapes import Axes, all_statements, plan_shapes
from rnndsl.plan.sizes import entries, stored_shape
from rnndsl.plan.statements import (
    Across,
    AcrossBackward,
    Axis,
    Compute,
    Convolve,
    ConvolveBackward,
    KernelSum,
    Multiply,
    OuterSum,
    Slice,
    Statement,
    SumFeatures,
    SumSteps,
    Unsqueeze,
    targets,
)

BYTES = 4
"""Of a float32 number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Operations for each row and step, in products and elementwise; the number of
    matrix products is for all rows and steps together, or for each step of the loop."""

    products: sympy.Expr
    elementwise: sympy.Expr
    matrix_products: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """``parameters``: the name, the shape and the number of entries of each tensor.
    ``once``: elementwise operations on parameters alone, per call. ``kept``: the
    numbers that the backward pass needs of each row and step."""

    parameters: tuple[tuple[str, str, sympy.Expr], ...]
    forward: tuple[tuple[str, Work], ...]
    backward: tuple[tuple[str, Work], ...]
    forward_once: sympy.Expr
    backward_once: sympy.Expr
    kept: sympy.Expr

    @property
    def number_of_parameters(self) -> sympy.Expr:
        return sum((size for _, _, size in self.parameters), sympy.Integer(0))


def cost_of(plan: CellPlan) -> Cost:
    """The cost of a cell as it is planned."""
    shapes = plan_shapes(plan)
    forward, backward = plan.forward, plan.backward
    of_forward = (
        ("before the loop", forward.before),
        ("in each step", forward.loop),
        ("after the loop", forward.after),
    )
    of_backward = (
        ("before the loop", backward.before),
        ("in each step", backward.loop),
        ("after the loop", backward.after),
        ("for the inputs", backward.for_inputs),
    )
    forward_statements = (*forward.fixed, *(s for _, part in of_forward for s in part))
    backward_statements = (
        *backward.fixed,
        *(s for _, part in of_backward for s in part),
    )
    return Cost(
        parameters=tuple(
            (parameter.name, *stored_shape(parameter))
            for parameter in plan.graph.cell.parameters
        ),
        forward=tuple((name, _work(plan, part, shapes)) for name, part in of_forward),
        backward=tuple((name, _work(plan, part, shapes)) for name, part in of_backward),
        forward_once=_once(plan, forward_statements, shapes),
        backward_once=_once(plan, backward_statements, shapes),
        kept=_kept(plan, shapes),
    )


def _work(
    plan: CellPlan, statements: Iterable[Statement], shapes: dict[str, Axes]
) -> Work:
    every = list(statements)
    multiplied = [size for s in every for size in _multiplied(plan, s, shapes)]
    return Work(
        products=sympy.Add(*multiplied),
        elementwise=sympy.Add(
            *(_elementwise(s, shapes) for s in every if not _is_once(plan, s))
        ),
        matrix_products=len(multiplied),
    )


def _once(
    plan: CellPlan, statements: Iterable[Statement], shapes: dict[str, Axes]
) -> sympy.Expr:
    return sympy.Add(
        *(_elementwise(s, shapes) for s in statements if _is_once(plan, s))
    )


def _is_once(plan: CellPlan, statement: Statement) -> bool:
    """Whether it works on parameters or their gradients, not on rows and steps."""
    if isinstance(statement, SumSteps):
        return False
    return all(plan.values[name].axis is Axis.FIXED for name in targets(statement))


def _multiplied(
    plan: CellPlan, statement: Statement, shapes: dict[str, Axes]
) -> Iterator[sympy.Expr]:
    match statement:
        case Multiply(operand=name) | OuterSum(right=name) if _is_one_hot(plan, name):
            return
        case Multiply(weight=weight):
            matrices = [plan.graph.node(name).shape for name in weight.matrices]
            columns = matrices[0][1]
            rows = tuple(shape[0] for shape in matrices)
            yield 2 * entries((rows, (columns,)))
        case OuterSum(target=target):
            yield 2 * entries(shapes[target])
        case (
            Convolve(weight=weight, target=image)
            | ConvolveBackward(weight=weight, target=image)
        ):
            kernels = [plan.graph.node(name).shape for name in weight.matrices]
            _, *places = shapes[image]
            rows = tuple(shape[0] for shape in kernels)
            window = ((dim,) for dim in kernels[0][1:])
            yield 2 * entries((rows, *window, *places))
        case KernelSum(target=target, arriving=arriving):
            _, *places = shapes[arriving]
            yield 2 * entries((*shapes[target], *places))
        case _:
            return


def _is_one_hot(plan: CellPlan, name: str) -> bool:
    """Whether a product with a value reads columns instead."""
    nodes = [node for node in plan.graph.nodes if node.name == name]
    return any(is_one_hot(plan.graph, node) for node in nodes)


def _elementwise(statement: Statement, shapes: dict[str, Axes]) -> sympy.Expr:
    match statement:
        case Compute(target=target, formula=formula):
            return _operations(formula) * entries(shapes[target])
        case Across(function=function, operand=operand):
            return FEATURE_FUNCTIONS[function].operations[0] * entries(shapes[operand])
        case AcrossBackward(function=function, target=target):
            return FEATURE_FUNCTIONS[function].operations[1] * entries(shapes[target])
        case SumFeatures(operand=operand) | SumSteps(operand=operand):
            return entries(shapes[operand])
        case _:
            return sympy.Integer(0)


def _operations(formula: Formula) -> int:
    parts = children(formula)
    return bool(parts) + sum(_operations(part) for part in parts)


def _kept(plan: CellPlan, shapes: dict[str, Axes]) -> sympy.Expr:
    """A part of a joined product keeps the whole; views of inputs keep nothing more;
    an old state is the new one of the step before."""
    whole = {
        name: statement.source
        for statement in all_statements(plan)
        if isinstance(statement, Slice)
        for name in targets(statement)
    }
    whole.update(
        (statement.target, statement.operand)
        for statement in all_statements(plan)
        if isinstance(statement, Unsqueeze)
    )
    whole.update(zip(plan.forward.previous, plan.forward.states, strict=True))
    # A state that is only passed on leads back to itself: it is the one given.
    given = [n.name for n in plan.graph.nodes if isinstance(n.operation, Input)]
    buffers: dict[str, None] = {}
    for name in (*plan.kept.steps, *plan.kept.sequences):
        passed = [name]
        while passed[-1] in whole and passed[-1] not in passed[:-1]:
            passed.append(whole[passed[-1]])
        if passed[-1] not in (*given, *passed[:-1]):
            buffers[passed[-1]] = None
    return sympy.Add(*(entries(shapes[name]) for name in buffers))
