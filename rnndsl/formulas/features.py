"""The functions over features: from all entries of a vector to a scalar or a vector.

They stand beside the table of elementwise functions. A derivative is an *adjoint* as
there: the gradient that leaves at ``u``, from ``d``, the gradient that arrives at the
result ``y``, written with functions over features. It is what people are shown; a
backend may have one operation for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from rnndsl.formulas.convolutions import CONV, ConvolutionFunction
from rnndsl.formulas.formula import (
    Apply,
    Compare,
    Formula,
    Number,
    Power,
    Symbol,
    symbols,
)
from rnndsl.formulas.functions import FUNCTIONS, Function


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFunction:
    """A function of one vector, followed by ``constants`` as a ``Function`` has them.

    ``is_reduction``: the result is a scalar; else it has the shape of the operand.
    ``adjoint`` is called as ``adjoint(d, y, u, n, *constants)``, n the number of
    features. ``operations`` are those of each feature, forward and backward.
    """

    name: str
    constants: tuple[tuple[str, float | None], ...] = ()
    description: str
    latex: str
    is_reduction: bool = False
    adjoint: Callable[..., Formula] = field(repr=False)
    operations: tuple[int, int]

    @property
    def operands(self) -> tuple[str, ...]:
        return ("u",)

    def gradient(
        self, d: str, y: str, u: str, n: str | int, constants: tuple[float, ...]
    ) -> Formula:
        """The adjoint over values of these names; n is a dimension or a number."""
        size = Symbol(n) if isinstance(n, str) else Number(n)
        return self.adjoint(Symbol(d), Symbol(y), Symbol(u), size, *constants)

    @property
    def kept(self) -> tuple[str, ...]:
        """What the adjoint reads besides the gradient: of ``y`` and ``u``."""
        settings = (0.0,) * len(self.constants)
        read = symbols(self.gradient("d", "y", "u", "n", settings))
        return tuple(name for name in ("y", "u") if name in read)


def _mean(u: Formula) -> Formula:
    return Apply("mean", (u,))


def _sum(u: Formula) -> Formula:
    return Apply("sum", (u,))


def _sqrt(u: Formula) -> Formula:
    return Apply("sqrt", (u,))


def _shared(d: Formula, y: Formula, u: Formula, n: Formula) -> Formula:
    """To the entries that are the extreme one, in equal parts."""
    chosen = Compare("==", u, y)
    count = _sum(Apply("where", (chosen, Number(1), Number(0))))
    return Apply("where", (chosen, d / count, Number(0)))


def _layer_norm(
    d: Formula, y: Formula, u: Formula, n: Formula, epsilon: float
) -> Formula:
    variance = _mean(Power(u - _mean(u), 2))
    return (d - _mean(d) - y * _mean(d * y)) / _sqrt(variance + epsilon)


_EPSILON = (("epsilon", 1e-5),)

_TABLE = (
    FeatureFunction(
        name="sum",
        description="the sum of the entries of u",
        latex=r"\operatorname{sum}\left({0}\right)",
        is_reduction=True,
        adjoint=lambda d, y, u, n: d,
        operations=(1, 0),
    ),
    FeatureFunction(
        name="mean",
        description="the mean of the entries of u",
        latex=r"\operatorname{mean}\left({0}\right)",
        is_reduction=True,
        adjoint=lambda d, y, u, n: d / n,
        operations=(1, 0),
    ),
    FeatureFunction(
        name="largest",
        description="the largest entry of u; equal ones share the gradient",
        latex=r"\max_k \left({0}\right)_k",
        is_reduction=True,
        adjoint=_shared,
        operations=(1, 3),
    ),
    FeatureFunction(
        name="smallest",
        description="the smallest entry of u; equal ones share the gradient",
        latex=r"\min_k \left({0}\right)_k",
        is_reduction=True,
        adjoint=_shared,
        operations=(1, 3),
    ),
    FeatureFunction(
        name="softmax",
        description="exp(u) / sum(exp(u)), without overflow",
        latex=r"\operatorname{softmax}\left({0}\right)",
        adjoint=lambda d, y, u, n: y * (d - _sum(d * y)),
        operations=(4, 4),
    ),
    FeatureFunction(
        name="log_softmax",
        description="u - log(sum(exp(u))), without overflow",
        latex=r"\log\operatorname{softmax}\left({0}\right)",
        adjoint=lambda d, y, u, n: d - Apply("exp", (y,)) * _sum(d),
        operations=(4, 4),
    ),
    FeatureFunction(
        name="layer_norm",
        constants=_EPSILON,
        description="(u - mean(u)) / sqrt(mean((u - mean(u)) ** 2) + epsilon)",
        latex=r"\operatorname{LayerNorm}\left({0}, {1}\right)",
        adjoint=_layer_norm,
        operations=(5, 9),
    ),
    FeatureFunction(
        name="rms_norm",
        constants=_EPSILON,
        description="u / sqrt(mean(u ** 2) + epsilon)",
        latex=r"\operatorname{RMSNorm}\left({0}, {1}\right)",
        adjoint=lambda d, y, u, n, epsilon: (
            (d - y * _mean(d * y)) / _sqrt(_mean(Power(u, 2)) + epsilon)
        ),
        operations=(4, 7),
    ),
)

FEATURE_FUNCTIONS: dict[str, FeatureFunction] = {f.name: f for f in _TABLE}

AnyFunction: TypeAlias = Function | FeatureFunction | ConvolutionFunction

ALL_FUNCTIONS: dict[str, AnyFunction] = {
    **FUNCTIONS,
    **FEATURE_FUNCTIONS,
    CONV.name: CONV,
}
"""What a spec may call, by name: elementwise functions first."""
