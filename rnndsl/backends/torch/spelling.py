"""How torch spells the functions of the table and the adjoints it knows as one call."""

from __future__ import annotations

from collections.abc import Callable

from rnndsl.formulas.formula import Apply, Formula, children, with_children

SPELLING: dict[str, str] = {
    "sigmoid": "torch.sigmoid({0})",
    "tanh": "torch.tanh({0})",
    "relu": "torch.relu({0})",
    "exp": "torch.exp({0})",
    "log": "torch.log({0})",
    "sqrt": "torch.sqrt({0})",
    "abs": "torch.abs({0})",
    "sign": "torch.sign({0})",
    "sin": "torch.sin({0})",
    "cos": "torch.cos({0})",
    "erf": "torch.erf({0})",
    "silu": "F.silu({0})",
    "gelu": "F.gelu({0})",
    "elu": "F.elu({0}, {1})",
    "leaky_relu": "F.leaky_relu({0}, {1})",
    "selu": "F.selu({0})",
    "softsign": "F.softsign({0})",
    "hard_tanh": "F.hardtanh({0})",
    "log_sigmoid": "F.logsigmoid({0})",
    "min": "torch.minimum({0}, {1})",
    "max": "torch.maximum({0}, {1})",
    "unit_clip": "F.hardtanh({0}, 0.0, 1.0)",
    "clamp": "torch.clamp({0}, {1}, {2})",
    "clip_gradient": "clip_gradient({0}, {1})",
    "where": "torch.where({0}, {1}, {2})",
    "sigmoid_backward": "torch.ops.aten.sigmoid_backward({0}, {1})",
    "tanh_backward": "torch.ops.aten.tanh_backward({0}, {1})",
    "relu_backward": "torch.ops.aten.threshold_backward({0}, {1}, 0)",
    "silu_backward": "torch.ops.aten.silu_backward({0}, {1})",
    "gelu_backward": "torch.ops.aten.gelu_backward({0}, {1})",
}
"""One call each. Arguments are the operands, then the constants."""

RUNTIME = ("clip_gradient",)
"""The functions of the runtime among these."""

_COMPOSED: dict[str, Callable[..., Formula]] = {
    # F.softplus is linear above a threshold.
    "softplus": lambda u: -Apply("log_sigmoid", (-u,)),
    # F.hardsigmoid has its slope, 1/6, in single precision only.
    "hard_sigmoid": lambda u: Apply("unit_clip", (u / 6 + 0.5,)),
}

NEEDS_TENSORS = ("min", "max", "where")
"""Functions that take no number where a tensor is expected."""


def torch_form(formula: Formula) -> Formula:
    """The formula with functions that torch lacks composed of those it has."""
    operands = children(formula)
    if not operands:
        return formula
    inside = tuple(torch_form(operand) for operand in operands)
    if isinstance(formula, Apply) and formula.function in _COMPOSED:
        return _COMPOSED[formula.function](*inside)
    return with_children(formula, inside)
