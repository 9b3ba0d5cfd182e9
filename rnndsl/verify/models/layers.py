"""One layer, map or dropout of a model, on the steps of one row."""

from __future__ import annotations

from typing import assert_never

import torch
from torch import Tensor

from rnndsl.analysis.model import TokenInput
from rnndsl.analysis.model_layers import (
    Activation,
    Attend,
    Convolution,
    Dropout,
    FeedBack,
    Flatten,
    Join,
    Layer,
    LinearMap,
    RecurrentLayer,
    Softmax,
    SpatialPool,
    TiedMap,
    TimeConvolution,
)
from rnndsl.analysis.program import Dim
from rnndsl.analysis.width import Width
from rnndsl.verify.convolution import convolution
from rnndsl.verify.definitions import apply_function
from rnndsl.verify.interpreter import shape_of
from rnndsl.verify.models.attention import attended
from rnndsl.verify.models.convolutions import (
    convolved_over_time,
    pooled_windows,
)
from rnndsl.verify.models.recurrent import Recurrences

EMBEDDING = "embedding.weight"
NAMED = LinearMap | Convolution | TimeConvolution
"""Maps that have parameters, and so names."""


def apply_layer(
    layer: Layer,
    name: str,
    recurrences: Recurrences,
    flow: list[Tensor],
    has_time: bool,
) -> list[Tensor]:
    """What comes out at each step, of what goes in; ``name`` is that of a map."""
    parameters, sizes = recurrences.parameters, recurrences.sizes
    match layer:
        case RecurrentLayer():
            return recurrences.layer(layer, flow)
        case LinearMap(input_width=below, width=width):
            return recurrences.linear(name, below, width, flow)
        case TiedMap(width=width):
            bias = parameters.tensor("head_bias", *shape_of((width,), sizes))
            columns = layer.input_width.value(sizes)
            table = parameters.tensor(EMBEDDING, len(bias), columns)
            return [(table * v.unsqueeze(-2)).sum(-1) + bias for v in flow]
        case Convolution(input_width=below, width=width, kernel=kernel, extent=extent):
            window = (kernel,) * len(extent)
            weight, bias = _kernel(recurrences, name, below, width, window)
            return [convolution(weight, value, bias) for value in flow]
        case TimeConvolution(input_width=below, width=width, kernel=kernel):
            weight, bias = _kernel(recurrences, name, below, width, (kernel,))
            return convolved_over_time(flow, weight, bias)
        case SpatialPool(is_max=is_max, window=size):
            return [pooled_windows(value, size, is_max=is_max) for value in flow]
        case Flatten():
            return [value.flatten() for value in flow]
        case Join():
            return _joined(layer, name, recurrences, flow)
        case Activation(function=function, constants=constants):
            return [apply_function(function, (value,), constants) for value in flow]
        case Softmax(is_log=is_log):
            sums = [torch.exp(value).sum(-1, keepdim=True) for value in flow]
            logs = [v - torch.log(s) for v, s in zip(flow, sums, strict=True)]
            return logs if is_log else [torch.exp(value) for value in logs]
        case Dropout(probability=probability, variational=variational):
            # Without time there is one mask for each row either way.
            variational = variational and has_time
            return recurrences.dropped(flow, probability, variational=variational)
        case Attend():
            encoded = recurrences.encoded
            assert encoded is not None, "there is an encoder"
            contexts = (
                attended(layer, name, query, encoded.outputs, sizes, parameters)
                for query in flow
            )
            return [torch.cat(pair) for pair in zip(flow, contexts, strict=True)]
        case FeedBack():
            return flow
        case _:
            assert_never(layer)


def _joined(
    layer: Join, name: str, recurrences: Recurrences, flow: list[Tensor]
) -> list[Tensor]:
    """The features of each step with an input or a context behind them."""
    behind = recurrences.source(layer.source, len(flow))
    source = recurrences.sources[layer.source]
    if isinstance(source, TokenInput):
        assert layer.embedding_width is not None, "tokens become vectors"
        sizes = (source.vocabulary, layer.embedding_width)
        shape = shape_of(sizes, recurrences.sizes)
        table = recurrences.parameters.tensor(f"{name}.weight", *shape)
        behind = [table[int(token)] for token in behind]
    pairs = zip(flow, behind, strict=True)
    return [torch.cat((features, value.reshape(-1))) for features, value in pairs]


def _kernel(
    recurrences: Recurrences,
    name: str,
    below: Width,
    width: Dim,
    window: tuple[int, ...],
) -> tuple[Tensor, Tensor]:
    """The weight (D, C, *window) and the bias (D,) of a convolution."""
    (rows,) = shape_of((width,), recurrences.sizes)
    columns = below.value(recurrences.sizes)
    parameters = recurrences.parameters
    weight = parameters.tensor(f"{name}.weight", rows, columns, *window)
    return weight, parameters.tensor(f"{name}.bias", rows)
