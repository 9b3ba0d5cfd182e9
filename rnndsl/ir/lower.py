"""From the resolved equations of a cell to its step graph."""

from __future__ import annotations

from typing import assert_never

from rnndsl.analysis.program import (
    Applied,
    BinaryOperation,
    Cell,
    Compared,
    Constant,
    Equation,
    MatrixProduct,
    Negated,
    Raised,
    ReadCurrent,
    ReadDimension,
    ReadInput,
    ReadLocal,
    ReadParameter,
    ReadPrevious,
    Shape,
    TypedExpression,
)
from rnndsl.formulas.formula import (
    Apply,
    Binary,
    Compare,
    Formula,
    Negate,
    Number,
    Power,
    Symbol,
)
from rnndsl.formulas.functions import FUNCTIONS
from rnndsl.ir.graph import (
    Elementwise,
    Expand,
    Input,
    Node,
    Operation,
    Parameter,
    Previous,
    Product,
    Size,
    StepGraph,
    Widen,
    operands,
)
from rnndsl.ir.naming import Names


def lower_cell(cell: Cell) -> StepGraph:
    """The step graph of a resolved cell. A value not used by any state or output stays
    out of it."""
    lowering = _Lowering(cell)
    for index, equation in enumerate(cell.equations):
        lowering.equation(index)
        lowering.define(equation)
    new_states = tuple(
        lowering.batched(lowering.values[state.name, True], state.shape, state.name)
        for state in cell.states
    )
    lowering.equation(None)
    output_atom = lowering.atom(cell.output, "output")
    output = lowering.batched(output_atom, cell.output.shape, "output")
    return StepGraph(
        cell=cell,
        nodes=_reachable(lowering.nodes, (*new_states, output)),
        new_states=new_states,
        output=output,
    )


def _reachable(nodes: list[Node], roots: tuple[str, ...]) -> tuple[Node, ...]:
    """The nodes the roots depend on; a cell's states always keep their old values."""
    needed = dict.fromkeys(roots)
    for node in reversed(nodes):
        if node.name in needed or isinstance(node.operation, Previous):
            needed.update(dict.fromkeys((node.name, *operands(node.operation))))
    return tuple(node for node in nodes if node.name in needed)


class _Lowering:
    """Builds nodes; an operation that was built before is found again."""

    def __init__(self, cell: Cell) -> None:
        self.nodes: list[Node] = []
        self.values: dict[tuple[str, bool], Formula] = {}
        self._names = Names()
        self._known: dict[tuple[Operation, Shape], str] = {}
        self._varying: dict[str, bool] = {}
        self._shapes: dict[str, Shape] = {}
        self._equation: int | None = None
        self._wishes: dict[str, str] = {}
        for item in cell.inputs:
            self._add(Input(item.name), item.shape, self._names.take(item.name))
        # The author's own names are claimed first, so that derived ones give way.
        for equation in cell.equations:
            self._wishes[equation.target] = self._names.take(equation.target)
        for state in cell.states:
            name = self._names.take(f"{state.name}_prev")
            self._add(Previous(state.name), state.shape, name)
        for parameter in cell.parameters:
            for member in parameter.members:
                name = self._names.take(member.name)
                self._add(Parameter(member.name), parameter.member_shape, name)

    def equation(self, index: int | None) -> None:
        """What is built from now on belongs to this equation, or to none."""
        self._equation = index

    def define(self, equation: Equation) -> None:
        """Lowers an equation; the node of its result bears the author's name."""
        name = self._wishes[equation.target]
        value = self.atom(equation.value, name, name=name)
        self.values[equation.target, equation.is_state] = value

    def _add(self, operation: Operation, shape: Shape, name: str) -> str:
        self.nodes.append(
            Node(name=name, shape=shape, operation=operation, equation=self._equation)
        )
        self._known[operation, shape] = name
        self._shapes[name] = shape
        self._varying[name] = isinstance(operation, Input | Previous | Expand) or any(
            self._varying[operand] for operand in operands(operation)
        )
        return name

    def _value(
        self,
        operation: Operation,
        shape: Shape,
        wish: str,
        *,
        name: str | None = None,
    ) -> Symbol:
        """The node of an operation: found, or built under ``name``, which is its own,
        or under a free name like ``wish``."""
        known = self._known.get((operation, shape))
        if known is not None:
            return Symbol(known)
        chosen = self._names.take(wish) if name is None else name
        return Symbol(self._add(operation, shape, chosen))

    def atom(
        self, expression: TypedExpression, wish: str, *, name: str | None = None
    ) -> Symbol | Number:
        """The expression as one value: a node, or a number."""
        match expression:
            case Applied():
                return self._applied(expression, wish, name)
            case MatrixProduct(matrix=matrix, operand=operand):
                return self._product(matrix, operand, expression.shape, wish, name)
            case _:
                formula = self._formula(expression, wish)
        if isinstance(formula, Symbol | Number):
            return formula
        operation = Elementwise(formula)
        return self._value(operation, expression.shape, wish, name=name)

    def batched(self, atom: Formula, shape: Shape, wish: str) -> str:
        """A value with batch axes, as a state and an output must have them."""
        if isinstance(atom, Symbol) and self._varying[atom.name]:
            return atom.name
        value = atom.name if isinstance(atom, Symbol) else _number(atom)
        return self._value(Expand(value), shape, f"{wish}_rows").name

    def _beside(self, formula: Formula, own: Shape, shape: Shape) -> Formula:
        """A scalar that differs between rows is widened before it meets vectors."""
        scalar = isinstance(formula, Symbol) and self._varying[formula.name]
        if own == () and shape != () and scalar:
            assert isinstance(formula, Symbol)
            return self._value(Widen(formula.name), shape, f"{formula.name}_wide")
        return formula

    def _operand(
        self,
        expression: TypedExpression,
        shape: Shape,
        wish: str,
        *,
        additive: bool = False,
    ) -> Formula:
        """An operand of arithmetic: arithmetic of its own stays inside the formula."""
        if expression.shape == shape:
            if not additive and _adds_product(expression):
                return self.atom(expression, f"{wish}_sum")
            return self._formula(expression, wish)
        return self._beside(self.atom(expression, wish), expression.shape, shape)

    def _argument(
        self, expression: TypedExpression, shape: Shape, wish: str
    ) -> Formula:
        """An operand of a function: always one value."""
        atom = self.atom(expression, wish)
        return self._beside(atom, expression.shape, shape)

    def _formula(self, expression: TypedExpression, wish: str) -> Formula:
        shape = expression.shape
        match expression:
            case Constant(value=value):
                return Number(value)
            case ReadDimension(name=name):
                return self._value(Size(name), (), name)
            case ReadInput(name=name):
                return self._value(Input(name), shape, name)
            case ReadPrevious(name=name):
                return self._value(Previous(name), shape, name)
            case ReadParameter(name=name):
                return self._value(Parameter(name), shape, name)
            case ReadCurrent(name=name):
                return self.values[name, True]
            case ReadLocal(name=name):
                return self.values[name, False]
            case MatrixProduct(matrix=matrix, operand=operand):
                return self._product(matrix, operand, shape, wish, None)
            case BinaryOperation(operator=operator, left=left, right=right):
                additive = operator in ("+", "-")
                return Binary(
                    operator,
                    self._operand(left, shape, wish, additive=additive),
                    self._operand(right, shape, wish, additive=additive),
                )
            case Negated(operand=operand):
                return Negate(self._operand(operand, shape, wish))
            case Raised(base=base, exponent=exponent):
                return Power(self._operand(base, shape, wish), exponent)
            case Compared(operator=comparison, left=left, right=right):
                return Compare(
                    comparison,
                    self._argument(left, shape, f"{wish}_left"),
                    self._argument(right, shape, f"{wish}_right"),
                )
            case Applied():
                return self._applied(expression, wish, None)
            case _:
                assert_never(expression)

    def _product(
        self,
        matrix: ReadParameter,
        operand: TypedExpression,
        shape: Shape,
        wish: str,
        name: str | None,
    ) -> Symbol:
        value = self.atom(operand, f"{wish}_operand")
        operand_name = self.batched(value, operand.shape, f"{wish}_operand")
        weight = self._value(Parameter(matrix.name), matrix.shape, matrix.name).name
        derived = f"{weight}_{operand_name.removesuffix('_prev')}"
        return self._value(Product(weight, operand_name), shape, derived, name=name)

    def _applied(
        self, expression: Applied, wish: str, name: str | None
    ) -> Symbol | Number:
        shape = expression.shape
        function = FUNCTIONS[expression.function]
        arguments: list[Formula] = []
        for operand in expression.operands:
            if isinstance(operand, Compared):
                arguments.append(self._formula(operand, wish))
            else:
                arguments.append(self._argument(operand, shape, f"{wish}_pre"))
        numbers = [a.value for a in arguments if isinstance(a, Number)]
        if len(numbers) == len(arguments):
            return Number(float(function.value(*numbers, *expression.constants)))
        first = next((a.name for a in arguments if isinstance(a, Symbol)), wish)
        formula = Apply(function.name, tuple(arguments), expression.constants)
        derived = f"{function.name}_{first}"
        return self._value(Elementwise(formula), shape, derived, name=name)


def _adds_product(expression: TypedExpression) -> bool:
    """Whether it is a sum with a matrix product among its terms: such a sum is a value
    of its own, so that the product can start from the other terms."""
    pending = [expression]
    sums = 0
    while pending:
        match pending.pop():
            case BinaryOperation(operator="+" | "-", left=left, right=right):
                sums += 1
                pending.extend((left, right))
            case MatrixProduct() if sums:
                return True
            case _:
                continue
    return False


def _number(formula: Formula) -> float:
    assert isinstance(formula, Number)
    return formula.value
