"""Prints formulas as CUDA C++, in the functions of ``runtime.kernels``."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rnndsl.backends.cuda.operations import NoKernels
from rnndsl.backends.torch.printer import Binding, Code, decimal
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

SPELLING: dict[str, str] = {
    "abs": "fabs",
    "min": "smaller",
    "max": "larger",
    "sign": "sign_of",
    **{
        name: name
        for name in (
            "sigmoid",
            "tanh",
            "relu",
            "softplus",
            "exp",
            "log",
            "sqrt",
            "sin",
            "cos",
            "erf",
            "silu",
            "gelu",
            "elu",
            "leaky_relu",
            "selu",
            "softsign",
            "hard_sigmoid",
            "hard_tanh",
            "log_sigmoid",
            "clamp",
            "sigmoid_backward",
            "tanh_backward",
            "relu_backward",
            "silu_backward",
            "gelu_backward",
        )
    },
}
"""Arguments are the operands, then the constants."""

ROW_FUNCTIONS = (
    "row_extreme_backward",
    "row_largest",
    "row_layer_norm",
    "row_layer_norm_backward",
    "row_log_softmax",
    "row_log_softmax_backward",
    "row_mean",
    "row_mean_backward",
    "row_rms_norm",
    "row_rms_norm_backward",
    "row_smallest",
    "row_softmax",
    "row_softmax_backward",
    "row_sum",
    "row_sum_backward",
)
"""Their arguments: rows, how many features these have, constants, the row to write."""


def cuda_expression(formula: Formula, values: Mapping[str, Code]) -> Code:
    """A formula as C++, its symbols replaced by ``values``.

    Raises NoKernels for a function without a spelling.
    """
    match formula:
        case Number(value=value):
            return cuda_number(value)
        case Symbol(name=name):
            return values[name]
        case Binary(operator=operator, left=left, right=right):
            level = Binding.SUM if operator in "+-" else Binding.TERM
            first, second = _beside(left, right, values)
            tighter = Binding(level + 1)
            text = f"{first.within(level)} {operator} {second.within(tighter)}"
            return Code(text, level)
        case Negate(operand=operand):
            code = cuda_expression(operand, values)
            return Code(f"-{code.within(Binding.ATOM)}", Binding.SIGN)
        case Power(base=base, exponent=exponent):
            return _power(cuda_expression(base, values), exponent)
        case Compare(operator=comparison, left=left, right=right):
            first, second = _beside(left, right, values)
            text = (
                f"{first.within(Binding.SUM)} {comparison} {second.within(Binding.SUM)}"
            )
            return Code(text, Binding.COMPARISON)
        case Apply(function="where", operands=(condition, yes, no)):
            test, chosen, other = (
                cuda_expression(part, values).text for part in (condition, yes, no)
            )
            return Code(f"({test} ? {chosen} : {other})")
        case Apply(function=function, operands=(operand, *_)) if (
            function in FUNCTIONS and FUNCTIONS[function].alters_gradient
        ):
            return cuda_expression(operand, values)
        case Apply(function=function, operands=operands, constants=constants):
            if function not in SPELLING:
                raise NoKernels(f"uses {function}, for which no kernel is written")
            arguments = [cuda_expression(o, values).text for o in operands]
            settings = [cuda_number(constant).text for constant in constants]
            return Code(f"{SPELLING[function]}({', '.join((*arguments, *settings))})")
    raise NoKernels(f"has {type(formula).__name__}, for which no kernel is written")


def _beside(
    left: Formula, right: Formula, values: Mapping[str, Code]
) -> tuple[Code, Code]:
    """Two operands. A whole number beside a value needs no type of its own."""
    first = cuda_expression(left, values)
    second = cuda_expression(right, values)
    if isinstance(left, Number) and not isinstance(right, Number):
        first = _plain(left.value) or first
    if isinstance(right, Number) and not isinstance(left, Number):
        second = _plain(right.value) or second
    return first, second


def _plain(value: float) -> Code | None:
    if not math.isfinite(value) or value != int(value) or abs(value) >= 2**31:
        return None
    return Code(str(int(value)), Binding.SIGN if value < 0 else Binding.ATOM)


def cuda_number(value: float) -> Code:
    """A constant of the type that the kernel computes in."""
    if math.isnan(value):
        return Code("not_a_number()")
    if math.isinf(value):
        return Code("infinity()") if value > 0 else Code("-infinity()", Binding.SIGN)
    return Code(f"real({decimal(value)})")


def _power(base: Code, exponent: float) -> Code:
    if exponent == 2 and base.text.isidentifier():
        return Code(f"{base.text} * {base.text}", Binding.TERM)
    if exponent == 2:
        return Code(f"square({base.text})")
    if exponent == 0.5:
        return Code(f"sqrt({base.text})")
    return Code(f"pow({base.text}, {cuda_number(exponent).text})")
