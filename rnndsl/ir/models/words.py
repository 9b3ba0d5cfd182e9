"""How the parts of a model are called in views: close to what a spec writes."""

from __future__ import annotations

from typing import assert_never

from rnndsl.analysis.model import (
    Loss,
    Model,
    ModelInput,
    Pooling,
    Reduction,
    TokenInput,
    VectorInput,
)
from rnndsl.analysis.model_layers import (
    Activation,
    Attend,
    CellUse,
    Convolution,
    Dropout,
    FeedBack,
    Flatten,
    Layer,
    LinearMap,
    RecurrentLayer,
    Softmax,
    SpatialPool,
    TiedMap,
    TimeConvolution,
)
from rnndsl.analysis.model_layers import Join as JoinedInput
from rnndsl.analysis.program import Dim
from rnndsl.analysis.width import Width
from rnndsl.formulas.text import written_number


def shape_words(width: Width, *extent: Dim) -> str:
    """``[2 * H]``, ``[16, 7, 7]``."""
    return f"[{', '.join(map(str, (width, *extent)))}]"


def input_words(item: ModelInput) -> str:
    """``words: tokens(V)``."""
    match item:
        case TokenInput(name=name, vocabulary=vocabulary):
            return f"{name}: tokens({vocabulary})"
        case VectorInput(name=name, shape=shape):
            return f"{name}: [{', '.join(map(str, shape))}]"
        case _:
            assert_never(item)


def use_words(use: CellUse) -> str:
    """``LSTM(128)``, with what it emits."""
    sizes = [str(dim) for _, dim in use.sizes if dim is not None]
    text = f"{use.cell}({', '.join(sizes)})"
    return f"{text}, emits {', '.join(use.emitted)}" if use.emitted else text


def map_words(layer: Layer) -> str:
    """``linear(64)``, ``tanh``; a recurrent layer has several."""
    match layer:
        case LinearMap(width=width):
            return f"linear({width})"
        case TiedMap():
            return "tied to the embedding"
        case Convolution(width=width, kernel=kernel):
            return f"conv({width}, {kernel})"
        case TimeConvolution(width=width, kernel=kernel):
            return f"conv_time({width}, {kernel})"
        case SpatialPool(is_max=is_max, window=window):
            kind = "max_pool" if is_max else "mean_pool"
            return kind if window is None else f"{kind}({window})"
        case Flatten():
            return "flatten"
        case Activation(function=function, constants=constants):
            settings = ", ".join(written_number(value).text for value in constants)
            return f"{function}({settings})" if settings else function
        case Softmax(is_log=is_log):
            return "log_softmax" if is_log else "softmax"
        case Dropout(probability=probability, variational=variational):
            kind = ", variational" if variational else ""
            return f"dropout({written_number(probability).text}{kind})"
        case JoinedInput(source=source):
            return f"join({source})"
        case Attend(kind=kind):
            return f"attend encoder, {kind.value}"
        case FeedBack():
            return "feed"
        case RecurrentLayer(name=name):
            return name
        case _:
            assert_never(layer)


def pooling_words(model: Model) -> str:
    """``mean over time``."""
    match model.pooling:
        case Pooling.LAST:
            return "last step"
        case Pooling.MEAN:
            return "mean over time"
        case Pooling.MAX:
            return "largest over time"
        case Pooling.ATTENTION:
            return "attention over time"
        case Pooling.STATE:
            assert model.last_state is not None, "it says which state"
            return f"last {model.last_state.name or 'state'}"
        case None:
            raise ValueError("an output at every step is not pooled")
        case _:
            assert_never(model.pooling)


def loss_words(loss: Loss) -> str:
    """``cross_entropy(ignore = 0)``, with what is not at its default."""
    options = [] if loss.classes is None else [str(loss.classes)]
    options += map(str, loss.cutoffs)
    if loss.ignore is not None:
        options.append(f"ignore = {loss.ignore}")
    if loss.smoothing:
        options.append(f"smoothing = {written_number(loss.smoothing).text}")
    if loss.blank:
        options.append(f"blank = {loss.blank}")
    if loss.reduction is not Reduction.MEAN:
        options.append(f"reduction = {loss.reduction.value}")
    name = loss.kind.value
    return f"{name}({', '.join(options)})" if options else name
