"""How torch spells functions over features, forward and backward."""

from __future__ import annotations

from collections.abc import Mapping

from rnndsl.analysis.program import Cell
from rnndsl.backends.torch.printer import Binding, Code, number
from rnndsl.backends.torch.shapes import size
from rnndsl.plan.statements import AcrossBackward

_SPELLING = {
    "sum": "{}.sum(-1)",
    "mean": "{}.mean(-1)",
    "largest": "{}.amax(-1)",
    "smallest": "{}.amin(-1)",
    "softmax": "torch.softmax({}, -1)",
    "log_softmax": "torch.log_softmax({}, -1)",
    "layer_norm": "layer_norm({}, {})",
    "rms_norm": "rms_norm({}, {})",
}
_METHODS = ("sum", "mean", "largest", "smallest")

RUNTIME = (
    "extreme_backward",
    "layer_norm",
    "layer_norm_backward",
    "log_softmax_backward",
    "mean_backward",
    "rms_norm",
    "rms_norm_backward",
    "softmax_backward",
    "sum_backward",
)
"""The functions of the runtime that generated code calls for these."""


def across(function: str, operand: Code, constants: tuple[float, ...]) -> str:
    """A function over the features of ``operand``."""
    is_method = function in _METHODS
    value = operand.within(Binding.ATOM) if is_method else operand.text
    settings = [number(constant).text for constant in constants]
    return _SPELLING[function].format(value, *settings)


def across_backward(
    statement: AcrossBackward, codes: Mapping[str, str], cell: Cell
) -> str:
    """The gradient at the operand; ``codes`` has what the statement reads."""
    d = codes[statement.arriving]
    y = codes.get(statement.result or "", "")
    u = codes.get(statement.operand or "", "")
    settings = "".join(f", {number(value).text}" for value in statement.constants)
    match statement.function:
        case "sum" | "mean" as name:
            return f"{name}_backward({d}, {size(cell, statement.features)})"
        case "softmax" | "log_softmax" as name:
            return f"{name}_backward({d}, {y})"
        case "largest" | "smallest":
            return f"extreme_backward({d}, {y}, {u})"
        case "layer_norm" | "rms_norm" as name:
            return f"{name}_backward({d}, {y}, {u}{settings})"
        case other:
            raise ValueError(f"torch has no gradient for {other!r}")
