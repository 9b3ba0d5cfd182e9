"""How torch spells the functions of the table and the adjoints it knows as one call."""

from __future__ import annotations

SPELLING: dict[str, str] = {
    "sigmoid": "torch.sigmoid({0})",
    "tanh": "torch.tanh({0})",
    "relu": "torch.relu({0})",
    "softplus": "F.logsigmoid(-{0}).neg()",
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
    # F.hardsigmoid has its slope, 1/6, in single precision only.
    "hard_sigmoid": "F.hardtanh({0} / 6 + 0.5, 0.0, 1.0)",
    "hard_tanh": "F.hardtanh({0})",
    "log_sigmoid": "F.logsigmoid({0})",
    "min": "torch.minimum({0}, {1})",
    "max": "torch.maximum({0}, {1})",
    "clamp": "torch.clamp({0}, {1}, {2})",
    "where": "torch.where({0}, {1}, {2})",
    "sigmoid_backward": "torch.ops.aten.sigmoid_backward({0}, {1})",
    "tanh_backward": "torch.ops.aten.tanh_backward({0}, {1})",
    "relu_backward": "torch.ops.aten.threshold_backward({0}, {1}, 0)",
    "silu_backward": "torch.ops.aten.silu_backward({0}, {1})",
    "gelu_backward": "torch.ops.aten.gelu_backward({0}, {1})",
}
"""Arguments are the operands, then the constants."""

TIGHT = ("hard_sigmoid", "softplus")
"""Functions whose spelling binds the argument more tightly than a call would."""

NEEDS_TENSORS = ("min", "max", "where")
"""Functions that take no number where a tensor is expected."""
