"""The equations of a cell in LaTeX, for an ``align*`` block of amsmath.

This is what ``rnndsl show --as latex`` prints.
"""

from __future__ import annotations

import re
from typing import assert_never

from rnndsl.analysis.delays import own_equations
from rnndsl.analysis.program import (
    Applied,
    AppliedAcross,
    BinaryOperation,
    Cell,
    Compared,
    Constant,
    Convolved,
    Delay,
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
    TypedExpression,
)
from rnndsl.analysis.varying import varying_locals
from rnndsl.formulas.features import ALL_FUNCTIONS
from rnndsl.formulas.formula import ArithmeticOperator
from rnndsl.formulas.text import Binding, Written, written_number
from rnndsl.symbolic.latex_names import latex_name

_COMPARISONS = {
    "<": "<",
    "<=": r"\le",
    ">": ">",
    ">=": r"\ge",
    "==": "=",
    "!=": r"\ne",
}
_PLACE = re.compile(r"\{(\d)\}")


def latex_text(cell: Cell) -> str:
    """One line for each equation of the author's; what varies in time has the index
    t."""
    writing = _Writing(cell)
    lines = [writing.equation(equation) for equation in own_equations(cell)]
    if not isinstance(cell.output, ReadCurrent):
        output = writing.written(cell.output).text
        lines.append(f"{latex_name('output', 't')} &= {output}")
    body = " \\\\\n".join(f"  {line}" for line in lines)
    return f"\\begin{{align*}}\n{body}\n\\end{{align*}}\n"


class _Writing:
    def __init__(self, cell: Cell) -> None:
        self._varying = varying_locals(cell.equations)

    def _local(self, name: str) -> str:
        return latex_name(name, "t" if self._varying[name] else "")

    def equation(self, equation: Equation) -> str:
        target = equation.target
        left = latex_name(target, "t") if equation.is_state else self._local(target)
        return f"{left} &= {self.written(equation.value).text}"

    def written(self, expression: TypedExpression) -> Written:
        match expression:
            case Constant(name=str(name)):
                return Written(latex_name(name))
            case Constant(value=value):
                return _number(value)
            case ReadInput(name=name) | ReadCurrent(name=name):
                return Written(latex_name(name, "t"))
            case ReadPrevious(delay=Delay(name=name, steps=steps)):
                return Written(latex_name(name, f"t-{steps}"))
            case ReadPrevious(name=name):
                return Written(latex_name(name, "t-1"))
            case ReadDimension(name=name) | ReadParameter(name=name):
                return Written(latex_name(name))
            case ReadLocal(name=name):
                return Written(self._local(name))
            case MatrixProduct(matrix=matrix, operand=operand):
                vector = _within(self.written(operand), Binding.ATOM)
                product = f"{latex_name(matrix.name)} {vector}"
                return Written(product, Binding.MATRIX_PRODUCT)
            case Convolved(kernel=kernel, operand=operand, bias=bias):
                image = _within(self.written(operand), Binding.ATOM)
                folded = Written(f"{latex_name(kernel.name)} * {image}", Binding.TERM)
                if bias is None:
                    return folded
                return Written(f"{folded.text} + {latex_name(bias.name)}", Binding.SUM)
            case BinaryOperation(operator=operator, left=left, right=right):
                is_vector = left.shape != () and right.shape != ()
                first, second = self.written(left), self.written(right)
                return _arithmetic(operator, first, second, is_vector)
            case Negated(operand=operand):
                inner = _within(self.written(operand), Binding.POWER)
                return Written(f"-{inner}", Binding.SIGN)
            case Raised(base=base, exponent=exponent):
                low = _within(self.written(base), Binding.ATOM)
                return Written(f"{low}^{{{_number(exponent).text}}}", Binding.POWER)
            case Compared(operator=comparison, left=left, right=right):
                sign = _COMPARISONS[comparison]
                text = f"{self.written(left).text} {sign} {self.written(right).text}"
                return Written(text, Binding.COMPARISON)
            case Applied(function=function, operands=operands_, constants=constants):
                return self._applied(function, operands_, constants)
            case AppliedAcross(function=function, operand=operand, constants=constants):
                return self._applied(function, (operand,), constants)
            case _:
                assert_never(expression)

    def _applied(
        self,
        function: str,
        operands_: tuple[TypedExpression, ...],
        constants: tuple[float, ...],
    ) -> Written:
        arguments = [self.written(operand).text for operand in operands_]
        arguments += [_number(constant).text for constant in constants]
        text = ALL_FUNCTIONS[function].latex
        text = _PLACE.sub(lambda place: arguments[int(place[1])], text)
        # The branches of a case distinction stand open to the right.
        binding = Binding.SUM if function == "where" else Binding.CALL
        return Written(text, binding)


def _within(part: Written, binding: Binding) -> str:
    if part.binding >= binding:
        return part.text
    return rf"\left({part.text}\right)"


def _arithmetic(
    operator: ArithmeticOperator, left: Written, right: Written, is_vector: bool
) -> Written:
    match operator:
        case "+" | "-":
            signed = right.binding is Binding.SIGN
            second = _within(right, Binding.ATOM if signed else Binding.MATRIX_PRODUCT)
            first = _within(left, Binding.SUM)
            return Written(f"{first} {operator} {second}", Binding.SUM)
        case "*":
            sign = r"\odot" if is_vector else r"\cdot"
            first = _within(left, Binding.TERM)
            second = _within(right, Binding.POWER)
            return Written(f"{first} {sign} {second}", Binding.TERM)
        case "/":
            return Written(rf"\frac{{{left.text}}}{{{right.text}}}", Binding.POWER)
        case _:
            assert_never(operator)


def _number(value: float) -> Written:
    """``10^{-30}`` for what Python writes with an exponent."""
    number = written_number(value)
    mantissa, e, exponent = number.text.partition("e")
    if not e:
        return number
    power = f"10^{{{int(exponent)}}}"
    match mantissa:
        case "1":
            return Written(power, Binding.POWER)
        case "-1":
            return Written(f"-{power}", Binding.SIGN)
        case _:
            return Written(rf"{mantissa} \cdot {power}", Binding.TERM)
