"""The loss of a generated model: what it owns, how it is computed, ``predict``."""

from __future__ import annotations

from typing import assert_never

from rnndsl.analysis.model import Exchange, Loss, LossKind, Model, Reduction
from rnndsl.backends.torch.layout import call
from rnndsl.backends.torch.models.loss_text import loss_docstring, predict_docstring
from rnndsl.backends.torch.models.methods import LENGTHS, MASK, signature
from rnndsl.backends.torch.models.stage import INDENT, Stage, commented
from rnndsl.backends.torch.printer import number
from rnndsl.backends.torch.view import LossView

_LOSSES = {
    LossKind.CROSS_ENTROPY: "cross_entropy_loss",
    LossKind.BINARY: "binary_loss",
    LossKind.SQUARED_ERROR: "squared_error_loss",
    LossKind.ABSOLUTE_ERROR: "absolute_error_loss",
    LossKind.CRF: "crf_loss",
    LossKind.CTC: "ctc_loss",
    LossKind.ADAPTIVE_SOFTMAX: "adaptive_softmax_loss",
}
_LAID_OUT = "output, lengths, layout = self.laid_out(output, lengths, mask)"
_TARGET_LENGTHS = "target_lengths: Tensor | None = None"


def loss_runtime(loss: Loss) -> tuple[str, ...]:
    """The names that a loss needs of the runtime."""
    match loss.kind:
        case LossKind.CRF:
            others: tuple[str, ...] = ("LinearChainCRF",)
        case LossKind.CTC:
            others = ("ctc_best_path",)
        case LossKind.ADAPTIVE_SOFTMAX:
            others = ("adaptive_probabilities",)
        case _:
            others = ()
    return (_LOSSES[loss.kind], *others)


def loss_stage(model: Model) -> tuple[Stage, ...]:
    """What builds the submodule of a loss that has parameters; nothing for others."""
    loss = model.loss
    if loss is None:
        return ()
    arguments = {d.name: d.argument for d in model.dimensions}
    width = model.output_width.text(arguments)
    match loss.kind:
        case LossKind.CRF:
            head, sizes = "self.crf = LinearChainCRF", [width]
        case LossKind.ADAPTIVE_SOFTMAX:
            assert loss.classes is not None, "it has classes"
            head = "self.adaptive_softmax = nn.AdaptiveLogSoftmaxWithLoss"
            classes = loss.classes
            count = str(classes) if isinstance(classes, int) else arguments[classes]
            sizes = [width, count, f"[{', '.join(map(str, loss.cutoffs))}]"]
        case _:
            return ()
    build = call(head, [*sizes, "**factory"], indent=INDENT)
    return (
        Stage(
            span=loss.span,
            width=model.output_width,
            has_time=model.exchange.has_steps,
            build=build,
        ),
    )


def loss_view(model: Model, loss: Loss) -> LossView:
    """The methods ``loss`` and ``predict``."""
    lengths = [] if model.exchange is Exchange.ONE_TO_ONE else [LENGTHS, MASK]
    if loss.kind is LossKind.CTC:
        lengths.append(_TARGET_LENGTHS)
    arguments = ["output: Tensor", "target: Tensor", *(["*"] if lengths else [])]
    return LossView(
        signature=signature("loss", [*arguments, *lengths], " -> Tensor:"),
        docstring=loss_docstring(model, loss),
        lines=tuple(commented([(loss.span, _loss_lines(model, loss))])),
        predict_signature=_predict_signature(loss),
        predict_docstring=predict_docstring(model, loss),
        predict_lines=_predict_lines(loss),
    )


def _loss_lines(model: Model, loss: Loss) -> list[str]:
    lines: list[str] = []
    compared = ["output", "target"]
    match loss.kind:
        case LossKind.CRF | LossKind.CTC:
            is_crf = loss.kind is LossKind.CRF
            lines.append(_LAID_OUT)
            way = "arranged" if is_crf else "time_first"
            lines.append(f"target = layout.{way}(target)")
            own = ["self.crf"] if is_crf else []
            compared = [*own, *compared, "lengths"]
            if loss.kind is LossKind.CTC:
                compared.append("target_lengths")
        case _:
            if loss.kind is LossKind.ADAPTIVE_SOFTMAX:
                compared.insert(0, "self.adaptive_softmax")
            mask = "None"
            if model.exchange.has_steps:
                mask = "mask"
                lines.append("mask = self.counted(output, lengths, mask)")
            compared.append(mask)
    compared += _options(loss)
    return [*lines, *call(f"return {_LOSSES[loss.kind]}", compared, indent=INDENT)]


def _options(loss: Loss) -> list[str]:
    """Those that are not at their defaults."""
    options: list[str] = []
    if loss.ignore is not None:
        options.append(f"ignore={loss.ignore}")
    if loss.smoothing:
        options.append(f"smoothing={number(loss.smoothing).text}")
    if loss.blank:
        options.append(f"blank={loss.blank}")
    if loss.zero_infinity:
        options.append("zero_infinity=True")
    if loss.reduction is not Reduction.MEAN:
        options.append(f'reduction="{loss.reduction.value}"')
    return options


def _predict_signature(loss: Loss) -> tuple[str, ...]:
    match loss.kind:
        case LossKind.CRF:
            return signature(
                "predict", ["output: Tensor", LENGTHS, MASK], " -> Tensor:"
            )
        case LossKind.CTC:
            returns = " -> tuple[Tensor, Tensor]:"
            return signature("predict", ["output: Tensor", LENGTHS, MASK], returns)
        case _:
            return signature("predict", ["output: Tensor"], " -> Tensor:")


def _predict_lines(loss: Loss) -> tuple[str, ...]:
    match loss.kind:
        case LossKind.CROSS_ENTROPY:
            return ("return output.softmax(-1)",)
        case LossKind.BINARY:
            return ("return output.sigmoid()",)
        case LossKind.SQUARED_ERROR | LossKind.ABSOLUTE_ERROR:
            return ("return output",)
        case LossKind.CRF:
            return (
                _LAID_OUT,
                "tags, _ = self.crf.decode(output, lengths)",
                "return layout.padded(tags, hold=False)",
            )
        case LossKind.CTC:
            options = [] if not loss.blank else [f"blank={loss.blank}"]
            operands = ["output", "lengths", *options]
            return (
                _LAID_OUT,
                *call("symbols, counts = ctc_best_path", operands, indent=INDENT),
                "return layout.as_given(symbols), layout.row(counts)",
            )
        case LossKind.ADAPTIVE_SOFTMAX:
            return ("return adaptive_probabilities(self.adaptive_softmax, output)",)
        case _:
            assert_never(loss.kind)
