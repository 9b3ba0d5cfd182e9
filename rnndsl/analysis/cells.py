"""One cell: from its definition to the resolved cell."""

from __future__ import annotations

from collections.abc import Sequence

from rnndsl.analysis import program
from rnndsl.analysis.budget import Budget
from rnndsl.analysis.clipping import check_clipping
from rnndsl.analysis.context import Context
from rnndsl.analysis.declarations import DeclaredTensor, declare, declare_all
from rnndsl.analysis.dimensions import (
    check_dimensions_used,
    dimensions_of,
    hidden_of,
)
from rnndsl.analysis.equations import (
    Step,
    no_input,
    no_output,
    no_state,
    second_output,
    state_never_updated,
    steps_of,
)
from rnndsl.analysis.expressions import typed
from rnndsl.analysis.functions import Functions
from rnndsl.analysis.initials import expressions_of
from rnndsl.analysis.names import (
    ConstantNames,
    Constants,
    EquationNames,
    Names,
    UnknownNames,
)
from rnndsl.analysis.operand import Operand
from rnndsl.analysis.order import check_order
from rnndsl.analysis.overflow import check_overflow
from rnndsl.analysis.reserved import ARGUMENTS
from rnndsl.analysis.scope import Kind, Scope
from rnndsl.analysis.shape_rules import update_differs
from rnndsl.analysis.tensors import inputs_of, parameters_of, states_of
from rnndsl.analysis.usage import check_usage
from rnndsl.analysis.values import evaluate_constants
from rnndsl.diagnostics import Report, Span
from rnndsl.syntax import tree


def resolve_cell(
    cell: tree.CellDefinition,
    name: str,
    functions: Functions,
    budget: Budget,
    report: Report,
) -> program.Cell | None:
    """The resolved cell under ``name``; None if anything in it is wrong."""
    own = Report()
    resolved = _Resolution(cell, functions, budget, own).cell(name)
    for diagnostic in own.diagnostics:
        report.add(diagnostic)
    return None if own.has_errors else resolved


class _Resolution:
    """The parts of one cell, resolved in the order in which they build on another."""

    def __init__(
        self,
        cell: tree.CellDefinition,
        functions: Functions,
        budget: Budget,
        report: Report,
    ) -> None:
        self._cell = cell
        self._functions = functions
        self._budget = budget
        self._report = report
        self._scope = Scope()
        self._constants: Constants = {}
        self._unknown = UnknownNames(self._scope, report)

    def cell(self, name: str) -> program.Cell | None:
        report, scope, cell = self._report, self._scope, self._cell
        dimensions = dimensions_of(cell.dimensions, ARGUMENTS, report)
        for declared in cell.dimensions:
            declare(declared.name, Kind.DIMENSION, (), scope, self._functions, report)
        tensors = declare_all(cell, scope, self._functions, report)
        assignments = [m for m in cell.members if isinstance(m, tree.Assignment)]
        steps = steps_of(assignments, scope, self._functions, report)
        self._check_members(tensors, steps)
        evaluate_constants(tensors, self._constants, self._numbers("a constant"))
        fills = self._numbers("a starting value")
        draws = self._numbers("an argument of an initialiser", with_dimensions=True)
        settings = self._numbers("the argument of a structure")
        parameters = parameters_of(tensors, dimensions, fills, draws, settings, report)
        inputs = inputs_of(tensors)
        states = states_of(tensors, fills)
        check_order(steps, scope, report)
        names = self._equation_names(steps)
        equations, output = self._equations(steps, names)
        if output is not None and len(equations) == len(steps):
            check_clipping(equations, output.expression, report)
            check_overflow(equations, output.expression, report)
        self._check_usage(tensors, steps)
        if report.has_errors or output is None:
            return None
        docstring = cell.docstring
        initials = {state.name: state.initial for state in states}
        return program.Cell(
            span=cell.name.span,
            name=name,
            docstring="" if docstring is None else docstring.text,
            dimensions=dimensions,
            hidden=hidden_of(dimensions, (state.shape for state in states)),
            inputs=inputs,
            states=(*states, *names.delays.states(initials)),
            parameters=parameters,
            equations=(*equations, *names.delays.equations()),
            output=output.expression,
        )

    def _numbers(self, what: str, *, with_dimensions: bool = False) -> Context:
        """Where only numbers may stand."""
        names = ConstantNames(
            self._scope,
            self._constants,
            self._unknown,
            self._report,
            what=what,
            with_dimensions=with_dimensions,
        )
        return self._context(names)

    def _context(self, names: Names) -> Context:
        return Context(names, self._functions, self._scope, self._budget, self._report)

    def _outputs(self) -> list[tree.Output]:
        return [m for m in self._cell.members if isinstance(m, tree.Output)]

    def _check_members(
        self, tensors: Sequence[DeclaredTensor], steps: Sequence[Step]
    ) -> None:
        """A cell has inputs, states with equations, one output and no spare sizes."""
        report, scope, cell = self._report, self._scope, self._cell
        shapes = [t.declarator.shape for t in tensors if t.declarator.shape is not None]
        dimensions = scope.of_kind(Kind.DIMENSION)
        check_dimensions_used(dimensions, shapes, report)
        kinds = [tensor.kind for tensor in tensors]
        if Kind.INPUT not in kinds:
            report.add(no_input(cell))
        if Kind.STATE not in kinds:
            report.add(no_state(cell))
        updated = {step.target for step in steps}
        for state in scope.of_kind(Kind.STATE):
            if state.name not in updated:
                report.add(state_never_updated(state))
        outputs = self._outputs()
        if not outputs:
            report.add(no_output(cell))
        for second in outputs[1:]:
            report.add(second_output(second, outputs[0]))

    def _equation_names(self, steps: Sequence[Step]) -> EquationNames:
        return EquationNames(
            self._scope,
            self._constants,
            self._unknown,
            self._report,
            is_ahead=any(step.is_state and step.offset > 0 for step in steps),
        )

    def _equations(
        self, steps: Sequence[Step], names: EquationNames
    ) -> tuple[tuple[program.Equation, ...], Operand | None]:
        """The equations and the output that could be typed."""
        context = self._context(names)
        equations = []
        for step in steps:
            operand = self._value(step.assignment.value, context)
            if operand is None:
                continue
            if not step.is_state:
                names.shapes[step.target] = operand.shape
            else:
                state = self._scope.get(step.target)
                if state is not None and state.shape not in (None, operand.shape):
                    wrong = update_differs(step.assignment.value, operand.shape, state)
                    context.add(wrong)
            equations.append(
                program.Equation(
                    span=step.assignment.span,
                    target=step.target,
                    is_state=step.is_state,
                    value=operand.expression,
                    text=as_written(step.assignment.span),
                    line=step.assignment.span.line,
                )
            )
        values = [self._value(output.value, context) for output in self._outputs()]
        return tuple(equations), values[0] if values else None

    def _value(self, node: tree.Expression, context: Context) -> Operand | None:
        operand = context.value(typed(node, context), node)
        if operand is None or context.add(self._budget.keep(operand, node.span)):
            return None
        return operand

    def _check_usage(
        self, tensors: Sequence[DeclaredTensor], steps: Sequence[Step]
    ) -> None:
        outputs = self._outputs()
        if self._report.has_errors or not outputs:
            return
        initials: list[tree.Expression] = []
        for tensor in tensors:
            initials.extend(expressions_of(tensor.declarator))
        check_usage(steps, outputs[0].value, initials, self._scope, self._report)


def as_written(span: Span) -> str:
    """The text of an equation on one line, without the comments in it."""
    lines = span.text.split("\n")
    if len(lines) == 1 and span.text.isprintable():
        return span.text
    return " ".join(" ".join(line.partition("#")[0].split()) for line in lines).strip()
