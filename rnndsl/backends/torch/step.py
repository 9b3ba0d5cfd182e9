"""The view of a cell's step: the equations as written, in differentiable torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from rnndsl.analysis.program import (
    Applied,
    AppliedAcross,
    BinaryOperation,
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
from rnndsl.backends.torch.across import across
from rnndsl.backends.torch.assign import assign
from rnndsl.backends.torch.describe import arguments_text, output_text
from rnndsl.backends.torch.emitted import joined
from rnndsl.backends.torch.fitting import fitted, unpack
from rnndsl.backends.torch.function import code_of, is_used
from rnndsl.backends.torch.layout import comment
from rnndsl.backends.torch.printer import Binding, Code, expression
from rnndsl.backends.torch.shapes import like, size, widened
from rnndsl.backends.torch.view import StepView
from rnndsl.formulas.formula import (
    Apply,
    Binary,
    Compare,
    Formula,
    Negate,
    Number,
    Power,
    Symbol,
    symbols,
)
from rnndsl.formulas.functions import FUNCTIONS
from rnndsl.ir.folding import folded
from rnndsl.ir.naming import Names
from rnndsl.plan.plan import CellPlan

_LONGEST_PART = 24


def step_view(plan: CellPlan, name: str, source: str) -> StepView:
    """Lays out one step of the cell, equation by equation."""
    return _Step(plan, source).view(name)


class _Step:
    """``_codes`` maps symbols to Python; a product is one symbol. ``_varying`` tells
    which symbols differ between the rows of a batch."""

    def __init__(self, plan: CellPlan, source: str) -> None:
        self._cell = plan.source.cell
        self._source = source
        self._names = Names()
        self._codes: dict[str, Code] = {}
        self._varying: dict[str, bool] = {}
        self._values: dict[str, Formula] = {}
        self._target = "output"
        self._before: list[str] = []
        cell = self._cell
        for item in cell.inputs:
            self._declare(f"input {item.name}", item.name, varying=True)
        for equation in cell.equations:
            self._declare(_key(equation), equation.target, varying=False)
        for state in cell.states:
            self._declare(f"previous {state.name}", f"{state.name}_prev", varying=True)
        for parameter in cell.parameters:
            for member in parameter.members:
                self._declare(f"member {member.name}", member.name, varying=False)
        for dimension in cell.dimensions:
            key = f"size {dimension.name}"
            self._declare(key, dimension.name, varying=False)
        self._stored = [
            self._code(f"member {parameter.members[0].name}")
            if len(parameter.members) == 1
            else self._names.take(parameter.name)
            for parameter in cell.parameters
        ]

    def _declare(self, key: str, wish: str, *, varying: bool) -> None:
        self._codes[key] = Code(self._names.take(wish))
        self._varying[key] = varying

    def _code(self, key: str) -> str:
        return self._codes[key].text

    def view(self, name: str) -> StepView:
        cell = self._cell
        blocks = [
            (self._code(_key(equation)), self._equation(equation))
            for equation in cell.equations
        ]
        results: list[tuple[str, list[str]]] = []
        for value in (cell.output, *cell.emitted):
            found: list[str] = []
            results.append((self._result(value, found), found))
        outputs = [name for name, _ in results]
        states = [
            expression(self._values[f"state {state.name}"], self._codes).text
            for state in cell.states
        ]
        lines = _used([*blocks, *results], [*outputs, *states])
        new_state = ", ".join(states) + ("," if len(states) == 1 else "")
        opening = self._opening((*lines, *outputs, *states))
        output = outputs[0]
        if cell.emitted:
            values = (cell.output, *cell.emitted)
            output = self._names.take("joined")
            lines += joined(output, list(zip(outputs, values, strict=True)))
        return StepView(
            name=name,
            cell=cell.name,
            arguments=arguments_text(cell, "B", end="."),
            output_shape=output_text(cell, "B"),
            lines=(*opening, *lines),
            returned=tuple(fitted([f"return {output}, ({new_state})"], indent=4)),
        )

    def _opening(self, body: Sequence[str]) -> list[str]:
        """Takes apart the arguments, of which ``body`` uses some."""
        cell, text = self._cell, code_of(body)
        lines: list[str] = []

        def add(names: list[str], source: str, used_in: str) -> None:
            used = [name if is_used(name, used_in) else "_" for name in names]
            if any(name != "_" for name in used):
                lines.extend(unpack(used, source, indent=4))

        blocks: list[str] = []
        for stored, parameter in zip(self._stored, cell.parameters, strict=True):
            count = len(parameter.members)
            members = [self._code(f"member {m.name}") for m in parameter.members]
            used = [name if is_used(name, text) else "_" for name in members]
            if count > 1 and any(name != "_" for name in used):
                cut = "unbind()" if parameter.member_shape == () else f"chunk({count})"
                blocks.extend(unpack(used, f"{stored}.{cut}", indent=4))
        add([self._code(f"input {i.name}") for i in cell.inputs], "inputs", text)
        previous = [self._code(f"previous {s.name}") for s in cell.states]
        add(previous, "state", text)
        if self._stored:
            add(self._stored, "parameters", "\n".join((*blocks, text)))
        lines.extend(blocks)
        for dimension in cell.dimensions:
            name = self._code(f"size {dimension.name}")
            if is_used(name, text):
                value = size(cell, dimension.name)
                lines.append(f"{name} = {like(cell)}.new_full((), {value})")
        return lines

    def _equation(self, equation: Equation) -> list[str]:
        place = f"{self._source}:{equation.line}"
        heading = comment(f"{place}  {equation.text}", indent=4)
        key = _key(equation)
        self._target = self._code(key)
        formula = self._formula(equation.value)
        if equation.is_state and not self._varies(formula):
            return [*heading, *self._spread(equation, formula)]
        if isinstance(formula, Number):
            self._values[key] = formula
            return []
        self._varying[key] = self._varies(formula)
        self._values[key] = Symbol(key)
        return [*heading, *self._assigned(self._code(key), formula)]

    def _assigned(self, target: str, formula: Formula) -> list[str]:
        """``target = formula``, after what the formula was found to need."""
        body = assign(target, formula, self._codes, indent=4, names=self._names)
        return [*self._flushed(), *body]

    def _flushed(self) -> list[str]:
        before, self._before = self._before, []
        return before

    def _spread(self, equation: Equation, formula: Formula) -> list[str]:
        """A state's new value that is the same in all rows, for every row."""
        key = _key(equation)
        self._varying[key] = True
        self._values[key] = Symbol(key)
        like = self._code(f"previous {equation.target}")
        target = self._code(key)
        if isinstance(formula, Number):
            filled = expression(formula, self._codes).text
            return fitted([f"{target} = torch.full_like({like}, {filled})"], indent=4)
        code = expression(formula, self._codes)
        lines = self._flushed()
        if not code.text.isidentifier():
            code = Code(self._names.take(f"{target}_fixed"))
            lines += self._assigned(code.text, formula)
        spread = f"{target} = {code.text}.expand_as({like})"
        return [*lines, *fitted([spread], indent=4)]

    def _result(self, output: TypedExpression, lines: list[str]) -> str:
        """The expression to return; an assignment before it where it is more than a
        value that has a name."""
        self._target = "output"
        formula = self._formula(output)
        code = expression(formula, self._codes)
        is_brief = code.text.isidentifier() or len(code.text) <= _LONGEST_PART
        if isinstance(formula, Symbol) and self._varies(formula) and is_brief:
            lines.extend(self._flushed())
            return code.text
        name = self._names.take("result")
        items = ["state[0].shape[0]", *(size(self._cell, d) for d in output.shape)]
        sizes = ", ".join(items)
        if isinstance(formula, Number):
            lines.append(
                f"{name} = {like(self._cell)}.new_full((), {code.text}).expand({sizes})"
            )
            return name
        lines.extend(self._assigned(name, formula))
        if not self._varies(formula):
            lines.append(f"{name} = {name}.expand({sizes})")
        return name

    # Expressions

    def _varies(self, formula: Formula) -> bool:
        return any(self._varying[name] for name in symbols(formula))

    def _operand(self, typed: TypedExpression, shape: Shape) -> Formula:
        """An operand; a scalar of each row gets a feature axis beside vectors."""
        formula = self._formula(typed)
        if typed.shape == () and shape != () and self._varies(formula):
            inner = expression(self._brief(formula), self._codes)
            beside = Code(f"{inner.within(Binding.ATOM)}{widened(len(shape))}")
            return self._opaque(beside, varying=True)
        return formula

    def _product(self, typed: MatrixProduct) -> Symbol:
        rows = self._code(f"member {typed.matrix.name}")
        inner = self._brief(self._formula(typed.operand), beside=len(rows))
        vector = expression(inner, self._codes).within(Binding.ATOM)
        code = Code(f"{vector} @ {rows}.t()", Binding.TERM)
        if isinstance(typed.operand, ReadInput):
            whole = [item.name for item in self._cell.inputs if item.one_hot]
            if typed.operand.name in whole:
                code = Code(f"F.embedding({vector}, {rows}.t())")
        return self._opaque(code, varying=self._varies(inner))

    def _convolution(self, typed: Convolved) -> Symbol:
        inner = self._brief(self._formula(typed.operand))
        read = [expression(inner, self._codes).text]
        parameters = [p for p in (typed.kernel, typed.bias) if p is not None]
        read += [self._code(f"member {parameter.name}") for parameter in parameters]
        code = Code(f"convolve({', '.join(read)})")
        return self._opaque(code, varying=self._varies(inner))

    def _brief(self, formula: Formula, beside: int = 0) -> Formula:
        """A formula that becomes part of a value, ``beside`` so many characters; named
        first, if they are long together."""
        text = expression(formula, self._codes).text
        if text.isidentifier() or len(text) + beside <= _LONGEST_PART:
            return formula
        name = self._names.take(f"{self._target}_operand")
        self._before.extend(
            assign(name, formula, self._codes, indent=4, names=self._names)
        )
        return self._opaque(Code(name), varying=self._varies(formula))

    def _opaque(self, code: Code, *, varying: bool) -> Symbol:
        key = f"code {len(self._codes)}"
        self._codes[key] = code
        self._varying[key] = varying
        return Symbol(key)

    def _formula(self, typed: TypedExpression) -> Formula:
        shape = typed.shape
        match typed:
            case Constant(value=value):
                return Number(value)
            case ReadDimension(name=name):
                return Symbol(f"size {name}")
            case ReadInput(name=name):
                return Symbol(f"input {name}")
            case ReadPrevious(name=name):
                return Symbol(f"previous {name}")
            case ReadParameter(name=name):
                return Symbol(f"member {name}")
            case ReadCurrent(name=name):
                return self._values[f"state {name}"]
            case ReadLocal(name=name):
                return self._values[f"local {name}"]
            case MatrixProduct():
                return self._product(typed)
            case Convolved():
                return self._convolution(typed)
            case BinaryOperation(operator=operator, left=first, right=second):
                left, right = self._operand(first, shape), self._operand(second, shape)
                return folded(Binary(operator, left, right))
            case Negated(operand=operand):
                return folded(Negate(self._operand(operand, shape)))
            case Raised(base=base, exponent=exponent):
                return folded(Power(self._operand(base, shape), exponent))
            case Compared(operator=comparison, left=first, right=second):
                return Compare(
                    comparison,
                    self._operand(first, shape),
                    self._operand(second, shape),
                )
            case Applied(function=name, operands=operands, constants=constants):
                if FUNCTIONS[name].alters_gradient:
                    return self._altered(name, operands[0], constants)
                arguments = tuple(self._operand(o, shape) for o in operands)
                return folded(Apply(name, arguments, constants))
            case AppliedAcross(function=name, operand=operand, constants=constants):
                inner = self._brief(self._formula(operand))
                code = Code(across(name, expression(inner, self._codes), constants))
                return self._opaque(code, varying=self._varies(inner))
            case _:
                assert_never(typed)

    def _altered(
        self, name: str, operand: TypedExpression, constants: tuple[float, ...]
    ) -> Symbol:
        """A function that alters the gradient: a value of its own in each place."""
        inner = self._brief(self._formula(operand))
        applied = Apply(name, (Symbol("inner"),), constants)
        code = expression(applied, {"inner": expression(inner, self._codes)})
        return self._opaque(code, varying=True)


def _used(
    blocks: Sequence[tuple[str, Sequence[str]]], results: Sequence[str]
) -> list[str]:
    """The lines of the blocks whose targets are used further down or in the results."""
    lines = list(results)
    for target, block in reversed(blocks):
        if is_used(target, code_of(lines)):
            lines[:0] = block
    return lines[: -len(results)]


def _key(equation: Equation) -> str:
    return f"{'state' if equation.is_state else 'local'} {equation.target}"
