"""The functions of the language, each from its definition, for the interpreter alone.

Nothing is taken from the function table: a wrong entry there must show as a difference.
At a kink the derivative is the one torch gives.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


def apply_function(
    name: str, operands: tuple[Tensor, ...], constants: tuple[float, ...]
) -> Tensor:
    """Applies a function of the language elementwise.

    Operands have one shape, or are scalars; the first of ``where`` is a truth value.
    Raises NotImplementedError for a name that no definition here covers.
    """
    match name, operands, constants:
        case "exp", (u,), ():
            return u.exp()
        case "log", (u,), ():
            return u.log()
        case "sqrt", (u,), ():
            return u.sqrt()
        case "abs", (u,), ():
            return u.abs()
        case "sign", (u,), ():
            return u.sign()
        case "sin", (u,), ():
            return u.sin()
        case "cos", (u,), ():
            return u.cos()
        case "erf", (u,), ():
            return u.erf()
        case "tanh", (u,), ():
            return u.tanh()
        case "sigmoid", (u,), ():
            return _logistic(u)
        case "log_sigmoid", (u,), ():
            return -_log_one_plus_exp(-u)
        case "softplus", (u,), ():
            return _log_one_plus_exp(u)
        case "silu", (u,), ():
            return u * _logistic(u)
        case "gelu", (u,), ():
            return 0.5 * u * (1 + torch.erf(u / math.sqrt(2)))
        case "softsign", (u,), ():
            return u / (1 + u.abs())
        case "min", (u, v), ():
            return torch.minimum(u, v)
        case "max", (u, v), ():
            return torch.maximum(u, v)
        case "clip_gradient", (u,), (limit,):
            return _clipped(u, limit)
        case "where", (condition, u, v), ():
            return torch.where(condition, u, v)
        case _:
            return _piecewise(name, operands, constants)


def apply_across(name: str, u: Tensor, constants: tuple[float, ...]) -> Tensor:
    """Applies a function over the features of one row: u is (H,).

    Raises NotImplementedError for a name that no definition here covers.
    """
    match name, constants:
        case "sum", ():
            return u.sum()
        case "mean", ():
            return u.sum() / len(u)
        case "largest", ():
            return u.amax()
        case "smallest", ():
            return -(-u).amax()
        case "softmax", ():
            weights = torch.exp(u - u.amax().detach())
            return weights / weights.sum()
        case "log_softmax", ():
            return u - torch.logsumexp(u, 0)
        case "layer_norm", (epsilon,):
            centred = u - u.sum() / len(u)
            return centred / torch.sqrt((centred**2).sum() / len(u) + epsilon)
        case "rms_norm", (epsilon,):
            return u / torch.sqrt((u**2).sum() / len(u) + epsilon)
        case _:
            raise NotImplementedError(
                f"the interpreter has no definition of {name} over features with "
                f"{len(constants)} constants"
            )


def _clipped(u: Tensor, limit: float) -> Tensor:
    copy = u.clone()
    if copy.requires_grad:
        register: Any = copy.register_hook  # untyped in torch
        register(lambda d: torch.where(d.abs() > limit, limit * d.sign(), d))
    return copy


def _piecewise(
    name: str, operands: tuple[Tensor, ...], constants: tuple[float, ...]
) -> Tensor:
    match name, operands, constants:
        case "relu", (u,), ():
            return torch.where(u > 0, u, 0.0)
        case "leaky_relu", (u,), (slope,):
            return torch.where(u > 0, u, slope * u)
        case "elu", (u,), (alpha,):
            return _exponential_below_zero(u, alpha)
        case "selu", (u,), ():
            # The fixed point of Klambauer et al., arXiv:1706.02515.
            return 1.0507009873554805 * _exponential_below_zero(u, 1.6732632423543772)
        case "clamp", (u,), (low, high):
            return torch.where(u < low, low, torch.where(u > high, high, u))
        case "hard_sigmoid", (u,), ():
            return _between(u / 6 + 0.5, u.abs() < 3, 0.0, 1.0)
        case "hard_tanh", (u,), ():
            return _between(u, u.abs() < 1, -1.0, 1.0)
        case _:
            raise NotImplementedError(
                f"the interpreter has no definition of {name} for {len(operands)} "
                f"operands and {len(constants)} constants"
            )


def _logistic(u: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-u))


def _log_one_plus_exp(u: Tensor) -> Tensor:
    # log(exp(0) + exp(u)), with the larger exponent taken out of the sum.
    larger = torch.where(u > 0, u, 0.0)
    return larger + torch.log1p(torch.exp(u - 2 * larger))


def _exponential_below_zero(u: Tensor, alpha: float) -> Tensor:
    # The branch not taken must be finite too, or its gradient is 0 * inf.
    below = torch.where(u > 0, 0.0, u)
    return torch.where(u > 0, u, alpha * torch.expm1(below))


def _between(line: Tensor, inside: Tensor, low: float, high: float) -> Tensor:
    return torch.where(inside, line, torch.where(line > 0.5 * (low + high), high, low))
