"""Docstrings of the methods that compare outputs with targets and read them."""

from __future__ import annotations

from typing import assert_never

from rnndsl.analysis.model import Exchange, Loss, LossKind, Model, Reduction
from rnndsl.backends.torch.describe import shape_text
from rnndsl.backends.torch.docstring import docstring
from rnndsl.backends.torch.models.stage import INDENT
from rnndsl.backends.torch.models.text import filled, leading_axes, output_shape

_ORDER = "; batch before time with ``batch_first``"
_NAMES = {
    LossKind.CROSS_ENTROPY: "cross-entropy",
    LossKind.ADAPTIVE_SOFTMAX: "cross-entropy",
    LossKind.BINARY: "binary cross-entropy",
    LossKind.SQUARED_ERROR: "squared error",
    LossKind.ABSOLUTE_ERROR: "absolute error",
    LossKind.CRF: "negative log-likelihood of the tags",
    LossKind.CTC: "negative log-likelihood of the target",
}


def loss_docstring(model: Model, loss: Loss) -> tuple[str, ...]:
    """What is averaged, or added up, over what."""
    output = output_shape(model, "T", "B")
    has_steps = model.exchange.has_steps
    over = "steps that count" if has_steps else "rows"
    if loss.kind in (LossKind.CRF, LossKind.CTC):
        over = "rows"
    kind = "mean" if loss.reduction is Reduction.MEAN else "summed"
    first = f"The {kind} {_NAMES[loss.kind]} over all {over}."
    order = _ORDER if has_steps else ""
    target = _target(model, loss, output)
    parts = [f"output {output}, of ``forward``; {target}{order}."]
    if loss.kind is LossKind.CTC:
        parts.append(
            "lengths: (B,), mask: (T, B), as for ``forward``; target_lengths: (B,)."
        )
    elif has_steps:
        parts.append("lengths: (B,), mask: (T, B), as for ``forward``.")
    elif model.exchange is Exchange.MANY_TO_ONE:
        parts.append("Neither lengths nor mask is needed: each row has one output.")
    return docstring(first, "\n".join(filled(part, INDENT) for part in parts))


def _target(model: Model, loss: Loss, output: str) -> str:
    """What the target is, with its shape."""
    leading = shape_text((), *leading_axes(model, "T", "B", pooled=True))
    match loss.kind:
        case LossKind.CROSS_ENTROPY | LossKind.ADAPTIVE_SOFTMAX:
            ignored = -100 if loss.ignore is None else loss.ignore
            return f"target {leading}, the class of each, {ignored} where none counts"
        case LossKind.BINARY:
            return f"target {output}, 0 or 1"
        case LossKind.SQUARED_ERROR | LossKind.ABSOLUTE_ERROR:
            return f"target {output}"
        case LossKind.CRF:
            return f"target {leading}, the tag of each step"
        case LossKind.CTC:
            return f"target (S, B), symbols other than the blank, {loss.blank}"
        case _:
            assert_never(loss.kind)


def predict_docstring(model: Model, loss: Loss) -> tuple[str, ...]:
    """What is read from the output."""
    match loss.kind:
        case LossKind.CROSS_ENTROPY | LossKind.ADAPTIVE_SOFTMAX:
            return docstring(_read("The probability of each class"))
        case LossKind.BINARY:
            return docstring(_read("The probability of each label"))
        case LossKind.SQUARED_ERROR | LossKind.ABSOLUTE_ERROR:
            return docstring(_read("The values"))
        case LossKind.CRF:
            first, result = (
                "The best path of tags",
                "(T, B), zero at steps that do not count",
            )
        case LossKind.CTC:
            first = "The symbols of the best path"
            result = (
                f"symbols (T, B), {loss.blank} behind the last of a row, and how many "
                "each row has, (B,)"
            )
        case _:
            assert_never(loss.kind)
    output = output_shape(model, "T", "B")
    part = (
        f"output {output}; lengths: (B,), mask: (T, B), as for ``forward``. Returns "
        f"{result}"
    )
    return docstring(_read(first), filled(f"{part}{_ORDER}.", INDENT))


def _read(what: str) -> str:
    return f"{what}, from what ``forward`` returns."
