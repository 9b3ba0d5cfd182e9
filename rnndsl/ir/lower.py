"""From the resolved equations of a cell to its step graph."""

from __future__ import annotations

from typing import assert_never

from rnndsl.analysis.program import (
    Applied,
    AppliedAcross,
    BinaryOperation,
    Cell,
    Compared,
    Constant,
    Convolved,
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
from rnndsl.ir.folding import folded
from rnndsl.ir.graph import (
    Across,
    Convolution,
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

LONGEST_TELLING = 24


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
    output_atom = lowering.atom(cell.output, "value")
    output = lowering.batched(output_atom, cell.output.shape, "output")
    emitted = tuple(
        lowering.batched(lowering.atom(value, "value"), value.shape, value.name)
        for value in cell.emitted
    )
    return StepGraph(
        cell=cell,
        nodes=_reachable(lowering.nodes, (*new_states, output, *emitted)),
        new_states=new_states,
        output=output,
        emitted=emitted,
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
        self._cell = cell
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

    def _part(self, role: str) -> str:
        """A name for a part of the equation at hand."""
        if self._equation is None:
            return f"output_{role}"
        return f"{self._wishes[self._cell.equations[self._equation].target]}_{role}"

    def _short(self, wish: str, role: str) -> str:
        """A telling name, unless it is long."""
        return wish if len(wish) <= LONGEST_TELLING else self._part(role)

    def define(self, equation: Equation) -> None:
        """Lowers an equation; the node of its result bears the author's name."""
        name = self._wishes[equation.target]
        value = self.atom(equation.value, "value", name=name)
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
        chosen = self._names.derive(wish) if name is None else name
        return Symbol(self._add(operation, shape, chosen))

    def atom(
        self, expression: TypedExpression, role: str, *, name: str | None = None
    ) -> Symbol | Number:
        """The expression as one value: a number, or a node that is called ``name``, or
        else after its ``role`` in the equation."""
        match expression:
            case Applied():
                return self._applied(expression, name)
            case AppliedAcross():
                return self._across(expression, name)
            case MatrixProduct():
                return self._product(expression, name)
            case Convolved():
                return self._convolution(expression, name)
            case _:
                formula = self._formula(expression)
        if isinstance(formula, Symbol | Number):
            return formula
        operation = Elementwise(formula)
        return self._value(operation, expression.shape, self._part(role), name=name)

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
            wide = self._short(f"{formula.name}_wide", "wide")
            return self._value(Widen(formula.name), shape, wide)
        return formula

    def _operand(
        self, expression: TypedExpression, shape: Shape, *, additive: bool = False
    ) -> Formula:
        """An operand of arithmetic: arithmetic of its own stays inside the formula."""
        if expression.shape == shape:
            if not additive and _adds_product(expression):
                return self.atom(expression, "sum")
            return self._formula(expression)
        return self._beside(self.atom(expression, "factor"), expression.shape, shape)

    def _argument(
        self, expression: TypedExpression, shape: Shape, role: str
    ) -> Formula:
        """An operand of a function: always one value."""
        return self._beside(self.atom(expression, role), expression.shape, shape)

    def _formula(self, expression: TypedExpression) -> Formula:
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
            case MatrixProduct():
                return self._product(expression, None)
            case Convolved():
                return self._convolution(expression, None)
            case BinaryOperation(operator=operator, left=left, right=right):
                additive = operator in ("+", "-")
                return folded(
                    Binary(
                        operator,
                        self._operand(left, shape, additive=additive),
                        self._operand(right, shape, additive=additive),
                    )
                )
            case Negated(operand=operand):
                return folded(Negate(self._operand(operand, shape)))
            case Raised(base=base, exponent=exponent):
                return folded(Power(self._operand(base, shape), exponent))
            case Compared():
                return self._comparison(expression, shape)
            case Applied():
                return self._applied(expression, None)
            case AppliedAcross():
                return self._across(expression, None)
            case _:
                assert_never(expression)

    def _product(self, expression: MatrixProduct, name: str | None) -> Symbol:
        matrix, operand = expression.matrix, expression.operand
        value = self.atom(operand, "operand")
        vector = self.batched(value, operand.shape, self._part("operand"))
        weight = self._value(Parameter(matrix.name), matrix.shape, matrix.name).name
        telling = self._short(f"{weight}_{vector.removesuffix('_prev')}", "product")
        operation = Product(weight, vector)
        return self._value(operation, expression.shape, telling, name=name)

    def _convolution(self, expression: Convolved, name: str | None) -> Symbol:
        read = expression.kernel, expression.bias
        kernel, bias = (
            None if p is None else self._value(Parameter(p.name), p.shape, p.name).name
            for p in read
        )
        assert kernel is not None
        image = self.atom(expression.operand, "operand")
        operand = self.batched(image, expression.operand.shape, self._part("operand"))
        telling = self._short(f"{kernel}_{operand.removesuffix('_prev')}", "convolved")
        operation = Convolution(kernel, operand, bias)
        return self._value(operation, expression.shape, telling, name=name)

    def _comparison(self, expression: Compared, shape: Shape) -> Compare:
        """A comparison that chooses between values of ``shape``."""
        return Compare(
            expression.operator,
            self._argument(expression.left, shape, "left"),
            self._argument(expression.right, shape, "right"),
        )

    def _applied(self, expression: Applied, name: str | None) -> Symbol | Number:
        shape = expression.shape
        function = FUNCTIONS[expression.function]
        arguments: list[Formula] = []
        for operand in expression.operands:
            if isinstance(operand, Compared):
                arguments.append(self._comparison(operand, shape))
            else:
                arguments.append(self._argument(operand, shape, "pre"))
        formula = folded(Apply(function.name, tuple(arguments), expression.constants))
        if isinstance(formula, Number):
            return formula
        first = next((a.name for a in arguments if isinstance(a, Symbol)), "")
        telling = f"{function.name}_{first}" if first else self._part(function.name)
        telling = self._short(telling, function.name)
        operation = Elementwise(formula)
        if function.alters_gradient:
            # Each place alters the gradient through it: no two are one value.
            own = self._names.derive(telling) if name is None else name
            return Symbol(self._add(operation, shape, own))
        return self._value(operation, shape, telling, name=name)

    def _across(self, expression: AppliedAcross, name: str | None) -> Symbol:
        operand = self.atom(expression.operand, "inner")
        assert isinstance(operand, Symbol), "a vector is not a number"
        function = expression.function
        operation = Across(function, operand.name, expression.constants)
        telling = self._short(f"{function}_{operand.name}", function)
        return self._value(operation, expression.shape, telling, name=name)


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
