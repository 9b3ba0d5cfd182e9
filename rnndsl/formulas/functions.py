"""The function table: every function a spec may apply, written down once.

The grammar's function names, the shape rules, constant folding, the derivatives, the
printers and the language reference are all read from here. A derivative is given as an
*adjoint*: from ``d``, the gradient that arrives at the result ``y``, and the operands
``u, v, w``, the gradient that leaves at each operand. It is written in terms of ``y``
wherever that saves keeping ``u``, and in a form that is finite for every finite input
of a function that is itself differentiable there. At a kink the convention is torch's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from rnndsl.formulas.formula import (
    Apply,
    Compare,
    Formula,
    Number,
    Symbol,
)

Adjoint = Callable[..., Formula]
"""Called as ``adjoint(d, y, *operands, *constants)``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function of the language.

    ``operands`` are tensors, ``constants`` the numbers that may follow them, with their
    defaults (``None``: must be given). In ``latex``, ``{0}`` stands for the first of
    both, and so on. ``value`` evaluates on floats. ``adjoints`` has
    an entry for each operand, ``None`` where no gradient flows. ``alters_gradient``:
    the adjoint is not that of ``value``, on purpose; ``value`` is the identity.
    """

    name: str
    operands: tuple[str, ...]
    constants: tuple[tuple[str, float | None], ...] = ()
    description: str
    latex: str
    value: Callable[..., float]
    adjoints: tuple[Adjoint | None, ...] = field(repr=False)
    alters_gradient: bool = False


d, y, u, v, w = (Symbol(name) for name in ("d", "y", "u", "v", "w"))


def _apply(name: str, *operands: Formula, constants: tuple[float, ...] = ()) -> Apply:
    return Apply(name, operands, constants)


def _where(condition: Compare, yes: Formula | float, no: Formula | float) -> Apply:
    as_formula = [Number(b) if isinstance(b, int | float) else b for b in (yes, no)]
    return Apply("where", (condition, *as_formula))


def _compare_adjoint(sign: str) -> Adjoint:
    """Maximum and minimum: all to the chosen operand, half to each where they tie."""

    def adjoint(d: Formula, y: Formula, u: Formula, v: Formula) -> Formula:
        chosen = Compare(">" if sign == "max" else "<", u, v)
        return _where(Compare("==", u, v), d * 0.5, _where(chosen, d, 0))

    return adjoint


def _swapped(adjoint: Adjoint) -> Adjoint:
    return lambda d, y, u, v: adjoint(d, y, v, u)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805

_TABLE = (
    Function(
        name="sigmoid",
        operands=("u",),
        description="logistic function, 1 / (1 + exp(-u))",
        latex=r"\sigma\left({0}\right)",
        value=_sigmoid,
        adjoints=(lambda d, y, u: _apply("sigmoid_backward", d, y),),
    ),
    Function(
        name="tanh",
        operands=("u",),
        description="hyperbolic tangent",
        latex=r"\tanh\left({0}\right)",
        value=math.tanh,
        adjoints=(lambda d, y, u: _apply("tanh_backward", d, y),),
    ),
    Function(
        name="relu",
        operands=("u",),
        description="u where it is positive, 0 elsewhere",
        latex=r"\operatorname{relu}\left({0}\right)",
        value=lambda x: max(x, 0.0),
        adjoints=(lambda d, y, u: _apply("relu_backward", d, y),),
    ),
    Function(
        name="softplus",
        operands=("u",),
        description="log(1 + exp(u)), without overflow",
        latex=r"\operatorname{softplus}\left({0}\right)",
        value=_softplus,
        adjoints=(lambda d, y, u: d * _apply("sigmoid", u),),
    ),
    Function(
        name="exp",
        operands=("u",),
        description="exponential",
        latex=r"\exp\left({0}\right)",
        value=math.exp,
        adjoints=(lambda d, y, u: d * y,),
    ),
    Function(
        name="log",
        operands=("u",),
        description="natural logarithm",
        latex=r"\log\left({0}\right)",
        value=math.log,
        adjoints=(lambda d, y, u: d / u,),
    ),
    Function(
        name="sqrt",
        operands=("u",),
        description="square root",
        latex=r"\sqrt{{0}}",
        value=math.sqrt,
        adjoints=(lambda d, y, u: d / (2 * y),),
    ),
    Function(
        name="abs",
        operands=("u",),
        description="absolute value; its derivative at 0 is taken as 0",
        latex=r"\left|{0}\right|",
        value=abs,
        adjoints=(lambda d, y, u: d * _apply("sign", u),),
    ),
    Function(
        name="sign",
        operands=("u",),
        description="-1, 0 or 1; no gradient flows through it",
        latex=r"\operatorname{sign}\left({0}\right)",
        value=lambda x: float((x > 0) - (x < 0)),
        adjoints=(None,),
    ),
    Function(
        name="sin",
        operands=("u",),
        description="sine",
        latex=r"\sin\left({0}\right)",
        value=math.sin,
        adjoints=(lambda d, y, u: d * _apply("cos", u),),
    ),
    Function(
        name="cos",
        operands=("u",),
        description="cosine",
        latex=r"\cos\left({0}\right)",
        value=math.cos,
        adjoints=(lambda d, y, u: -d * _apply("sin", u),),
    ),
    Function(
        name="erf",
        operands=("u",),
        description="error function",
        latex=r"\operatorname{erf}\left({0}\right)",
        value=math.erf,
        adjoints=(
            lambda d, y, u: d * (2 / math.sqrt(math.pi)) * _apply("exp", -(u * u)),
        ),
    ),
    Function(
        name="silu",
        operands=("u",),
        description="u * sigmoid(u), also called swish",
        latex=r"\operatorname{silu}\left({0}\right)",
        value=lambda x: x * _sigmoid(x),
        adjoints=(lambda d, y, u: _apply("silu_backward", d, u),),
    ),
    Function(
        name="gelu",
        operands=("u",),
        description="u times the normal distribution function of u (exact, by erf)",
        latex=r"\operatorname{gelu}\left({0}\right)",
        value=lambda x: 0.5 * x * (1 + math.erf(x / math.sqrt(2))),
        adjoints=(lambda d, y, u: _apply("gelu_backward", d, u),),
    ),
    Function(
        name="elu",
        operands=("u",),
        constants=(("alpha", 1.0),),
        description="u where it is positive, alpha * (exp(u) - 1) elsewhere",
        latex=r"\operatorname{elu}\left({0}, {1}\right)",
        value=lambda x, alpha: x if x > 0 else alpha * math.expm1(x),
        adjoints=(
            lambda d, y, u, alpha: _where(
                Compare(">", u, Number(0)), d, d * (y + alpha)
            ),
        ),
    ),
    Function(
        name="leaky_relu",
        operands=("u",),
        constants=(("slope", 0.01),),
        description="u where it is positive, slope * u elsewhere",
        latex=r"\operatorname{leaky\_relu}\left({0}, {1}\right)",
        value=lambda x, slope: x if x > 0 else slope * x,
        adjoints=(
            lambda d, y, u, slope: _where(Compare(">", u, Number(0)), d, d * slope),
        ),
    ),
    Function(
        name="selu",
        operands=("u",),
        description="self-normalising elu, with its two fixed constants",
        latex=r"\operatorname{selu}\left({0}\right)",
        value=lambda x: _SELU_SCALE * (x if x > 0 else _SELU_ALPHA * math.expm1(x)),
        adjoints=(
            lambda d, y, u: _where(
                Compare(">", u, Number(0)),
                d * _SELU_SCALE,
                d * (y + _SELU_SCALE * _SELU_ALPHA),
            ),
        ),
    ),
    Function(
        name="softsign",
        operands=("u",),
        description="u / (1 + abs(u))",
        latex=r"\operatorname{softsign}\left({0}\right)",
        value=lambda x: x / (1 + abs(x)),
        adjoints=(lambda d, y, u: d * (1 - _apply("abs", y)) * (1 - _apply("abs", y)),),
    ),
    Function(
        name="hard_sigmoid",
        operands=("u",),
        description="clamp(u / 6 + 1/2, 0, 1)",
        latex=r"\operatorname{hard\_sigmoid}\left({0}\right)",
        value=lambda x: min(max(x / 6 + 0.5, 0.0), 1.0),
        adjoints=(
            lambda d, y, u: _where(
                Compare("<", _apply("abs", u), Number(3)), d * (1 / 6), 0
            ),
        ),
    ),
    Function(
        name="hard_tanh",
        operands=("u",),
        description="clamp(u, -1, 1)",
        latex=r"\operatorname{hard\_tanh}\left({0}\right)",
        value=lambda x: min(max(x, -1.0), 1.0),
        adjoints=(
            lambda d, y, u: _where(Compare("<", _apply("abs", u), Number(1)), d, 0),
        ),
    ),
    Function(
        name="log_sigmoid",
        operands=("u",),
        description="log(sigmoid(u)), without underflow",
        latex=r"\log\sigma\left({0}\right)",
        value=lambda x: -_softplus(-x),
        adjoints=(lambda d, y, u: d * _apply("sigmoid", -u),),
    ),
    Function(
        name="min",
        operands=("u", "v"),
        description="the smaller of two; a tie passes half the gradient to each",
        latex=r"\min\left({0}, {1}\right)",
        value=min,
        adjoints=(_compare_adjoint("min"), _swapped(_compare_adjoint("min"))),
    ),
    Function(
        name="max",
        operands=("u", "v"),
        description="the larger of two; a tie passes half the gradient to each",
        latex=r"\max\left({0}, {1}\right)",
        value=max,
        adjoints=(_compare_adjoint("max"), _swapped(_compare_adjoint("max"))),
    ),
    Function(
        name="clamp",
        operands=("u",),
        constants=(("low", None), ("high", None)),
        description="u kept between low and high",
        latex=r"\operatorname{clamp}\left({0}, {1}, {2}\right)",
        value=lambda x, low, high: min(max(x, low), high),
        adjoints=(
            lambda d, y, u, low, high: _where(
                Compare("<", u, Number(low)),
                0,
                _where(Compare(">", u, Number(high)), 0, d),
            ),
        ),
    ),
    Function(
        name="clip_gradient",
        operands=("u",),
        constants=(("limit", None),),
        description="u; its gradient is kept within -limit and limit",
        latex=r"\operatorname{clip\_gradient}\left({0}, {1}\right)",
        value=lambda x, limit: x,
        adjoints=(
            lambda d, y, u, limit: _apply("clamp", d, constants=(-limit, limit)),
        ),
        alters_gradient=True,
    ),
    Function(
        name="where",
        operands=("condition", "u", "v"),
        description="u where the comparison holds, v elsewhere",
        latex=(
            r"\begin{cases}{1} & \text{if } {0}\\ {2} & \text{otherwise}\end{cases}"
        ),
        value=lambda condition, yes, no: yes if condition else no,
        adjoints=(
            None,
            lambda d, y, c, u, v: _where(c, d, 0),
            lambda d, y, c, u, v: _where(c, 0, d),
        ),
    ),
)

FUNCTIONS: dict[str, Function] = {function.name: function for function in _TABLE}

BACKWARD: dict[str, Callable[..., Formula]] = {
    "sigmoid_backward": lambda d, y: d * y * (1 - y),
    "tanh_backward": lambda d, y: d * (1 - y * y),
    "relu_backward": lambda d, y: _where(Compare(">", y, Number(0)), d, 0),
    "silu_backward": lambda d, u: (
        d * _apply("sigmoid", u) * (1 + u * (1 - _apply("sigmoid", u)))
    ),
    "gelu_backward": lambda d, u: (
        d
        * (
            0.5 * (1 + _apply("erf", u * math.sqrt(0.5)))
            + u * (_apply("exp", -0.5 * (u * u)) / math.sqrt(2 * math.pi))
        )
    ),
}
"""Adjoints that backends may know as one operation, and what they stand for."""
