"""Rules about a loss and what it is computed from."""

from __future__ import annotations

from rnndsl.analysis.findings import error, quoted
from rnndsl.analysis.model import Loss, LossKind, Model
from rnndsl.analysis.model_layers import Activation, Layer, Softmax
from rnndsl.analysis.models.terms import excluded
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Diagnostic, Label, Report, Span
from rnndsl.syntax import tree

_CHOOSES = (LossKind.CROSS_ENTROPY, LossKind.CRF, LossKind.CTC)
_NEEDS_STEPS = (LossKind.CRF, LossKind.CTC)
_SCORES = (LossKind.CROSS_ENTROPY, LossKind.BINARY)
_SQUASHED = ("sigmoid", "log_sigmoid")


def check_loss(model: Model, io: tree.Clause | None, report: Report) -> None:
    """The loss takes what the head gives."""
    loss = model.loss
    if loss is None:
        return
    last = (model.head or model.layers)[-1]
    applied = _applied(last, loss.kind)
    if applied is not None:
        report.add(part_of_the_loss(last.span, applied))
    if loss.kind in _CHOOSES and model.output_width == Width.of(1):
        report.add(one_class(loss, last.span))
    if loss.kind is LossKind.CTC:
        classes = model.output_width.dim
        if isinstance(classes, int) and loss.blank >= classes:
            report.add(no_such_blank(loss, classes, last.span))
    if loss.kind in _NEEDS_STEPS and not model.exchange.has_steps:
        assert io is not None, "what is not the default is written"
        reason = "reads an output at every step"
        other, place = model.exchange.value, io.terms[0].span
        advice = (
            "write `io many_to_many`, or a loss of one output: `loss cross_entropy`"
        )
        name = loss.kind.value
        report.add(excluded(loss.span, name, other, place, reason, advice))


def _applied(last: Layer, kind: LossKind) -> str | None:
    """The function at the end of a head that the loss applies itself, if any."""
    match last:
        case Softmax(is_log=is_log) if kind in (*_SCORES, *_NEEDS_STEPS):
            return "log_softmax" if is_log else "softmax"
        case Activation(function=name) if kind in _SCORES and name in _SQUASHED:
            return name
        case _:
            return None


def part_of_the_loss(span: Span, name: str) -> Diagnostic:
    """A function in the head that the loss applies itself."""
    return error(
        "RNN097",
        f"{quoted(name)} is left to the loss",
        span,
        label="the loss and `predict` apply it",
        help="end the head with the linear map: `head linear(K)`",
    )


def one_class(loss: Loss, head: Span) -> Diagnostic:
    """A choice among one."""
    name = loss.kind.value
    said = "the cross entropy" if name == "cross_entropy" else quoted(name)
    return error(
        "RNN098",
        f"{said} of one class is always zero",
        loss.span,
        label="needs two classes or more",
        labels=[Label(head, "of width 1")],
        help="write `loss binary` to tell yes from no, or `loss mse` for a number",
    )


def no_such_blank(loss: Loss, classes: int, head: Span) -> Diagnostic:
    """A blank that is none of the symbols that the head scores."""
    return error(
        "RNN131",
        f"the blank {loss.blank} is none of {classes} symbols",
        loss.span,
        label=f"at least 0, and less than {classes}",
        labels=[Label(head, f"of width {classes}")],
        help="the head scores the blank with the symbols: it has one number more",
    )
