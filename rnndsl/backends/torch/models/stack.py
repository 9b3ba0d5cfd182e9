"""The stages of a generated model, from its inputs to its head."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import assert_never

from rnndsl.analysis.model import (
    Embedding,
    Exchange,
    Model,
    OneHot,
    Pooling,
    TokenInput,
    VectorInput,
)
from rnndsl.analysis.model_layers import (
    Activation,
    Attend,
    AttentionKind,
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
from rnndsl.backends.torch.layout import Nest, call, nested
from rnndsl.backends.torch.models.conditioning import fed_back, is_conditioned
from rnndsl.backends.torch.models.convolutions import Convolutions
from rnndsl.backends.torch.models.first_states import EncoderStates
from rnndsl.backends.torch.models.names import ModelNames
from rnndsl.backends.torch.models.recurrent import Recurrent
from rnndsl.backends.torch.models.stage import INDENT, Stage
from rnndsl.backends.torch.printer import Code, expression, number
from rnndsl.diagnostics import Span
from rnndsl.formulas.formula import Apply, Symbol

_SINGULAR = ("exp", "log", "sqrt")
"""Functions that can be infinite, or have an infinite slope, where their operand is
finite: in the padding they are given what the data has."""

_ATTENTIONS = {
    AttentionKind.DOT: "DotAttention",
    AttentionKind.GENERAL: "GeneralAttention",
    AttentionKind.ADDITIVE: "AdditiveAttention",
}

_POOLED = {
    Pooling.LAST: "last_step",
    Pooling.MEAN: "mean_over_time",
    Pooling.MAX: "max_over_time",
}


_NAMED = LinearMap | Convolution | TimeConvolution
"""Maps that have parameters, and so names of their own."""


class ModelStack:
    """Builds the stages of a model.

    ``modules`` has the recurrent submodules in the order of their states; ``emitted``
    what they emit, by labels; ``runtime`` the names needed of the runtime; ``result``
    is what holds the output in the end. ``loop`` are the first stage and the one behind
    the last that run step by step, None if all run at once, ``fed_operand`` what they
    read, ``loop_modules`` how many submodules they have; ``memories`` the names of
    what the model attends to, by those of the submodules.
    """

    def __init__(self, model: Model, names: ModelNames) -> None:
        self._names = names
        self._arguments = {d.name: d.argument for d in model.dimensions}
        has_time = model.exchange is not Exchange.ONE_TO_ONE
        self._recurrent = Recurrent(
            cells={cell.name: cell for cell in model.cells},
            arguments=self._arguments,
            names=names,
            lengths="lengths" if has_time else None,
            contexts={item.name: item for item in model.contexts},
            is_conditioned=is_conditioned(model),
            settling=model.settling,
            encoder=None if model.encoder is None else _encoder_states(model.encoder),
        )
        self.runtime = self._recurrent.runtime
        self._convolutions = Convolutions(
            arguments=self._arguments, flow=names.flow, runtime=self.runtime
        )
        self.modules = self._recurrent.modules
        self.emitted = self._recurrent.emitted
        self.stages: list[Stage] = []
        self.loop: tuple[int, int] | None = None
        self.fed_operand = ""
        self.loop_modules = 0
        self.memories: dict[str, str] = {}
        self._feed = fed_back(model)
        self._has_time = has_time
        self._is_separate = False
        self._dropouts = count(1)
        self._joins = count(1)
        self._given = {item.name: item for item in (*model.contexts, *model.inputs)}
        self._maps: Iterator[str] = (f"map_{index}" for index in count(1))
        # What the next stage reads, and its width.
        self.result = names.inputs[model.inputs[0].name]
        self._width = _input_width(model)
        self._extent = _input_extent(model)
        # Unit vectors are never made: a linear map, and nothing else, reads the tokens.
        self._is_one_hot = isinstance(model.front, OneHot)
        self._build(model)

    def _build(self, model: Model) -> None:
        if isinstance(model.front, Embedding):
            self._embedding(model.front, model.inputs[0])
        for layer in model.layers:
            self._layer(layer)
        if model.pooling is not None:
            self._pooling(model)
        self._maps = iter(_head_names(model.head))
        for layer in model.head:
            self._layer(layer)

    def _layer(self, layer: Layer) -> None:
        match layer:
            case RecurrentLayer():
                if self._feed is not None and self.loop is None:
                    self._begin_loop(self._feed)
                self._is_one_hot = False
                self._append(self._recurrent.stage(layer, self.result))
            case LinearMap():
                self._linear(layer)
            case Activation():
                self._activation(layer)
            case Dropout():
                self._dropout(layer)
            case Softmax():
                self._softmax(layer)
            case TiedMap():
                self._tied(layer)
            case Convolution() | SpatialPool() | Flatten() | TimeConvolution():
                stage = self._stage(layer.span, self._width)
                operand, names = self.result, self._maps
                self._append(self._convolutions.stage(layer, stage, operand, names))
            case Join():
                self._join(layer)
            case Attend():
                self._attend(layer)
            case FeedBack():
                assert self.loop is not None, "it stands behind a layer"
                self._append(self._stage(layer.span, self._width))
                self.loop = (self.loop[0], len(self.stages))
                self.loop_modules = len(self.modules)
            case _:
                assert_never(layer)

    def _embedding(self, front: Embedding, tokens: TokenInput | VectorInput) -> None:
        assert isinstance(tokens, TokenInput), "only tokens are embedded"
        stage = self._stage(front.span, Width.of(front.width))
        arguments = [self._size(tokens.vocabulary), self._size(front.width)]
        function = "nn.Embedding"
        if front.given:
            function = "given_embedding"
            self.runtime[function] = None
            arguments.insert(0, "embedding")
        if front.padding is not None:
            arguments.append(f"padding_idx={front.padding}")
        stage.build += call(
            f"self.embedding = {function}", [*arguments, "**factory"], indent=INDENT
        )
        if front.frozen:
            stage.build.append("self.embedding.weight.requires_grad_(False)")
        stage.run.append(f"{self._names.flow} = self.embedding({self.result})")
        self._append(stage)

    def _linear(self, layer: LinearMap) -> None:
        name = next(self._maps)
        kind = "nn.Linear"
        if self._is_one_hot:
            kind = "OneHotLinear"
            self.runtime[kind] = None
            self._is_one_hot = False
        stage = self._stage(layer.span, Width.of(layer.width))
        below = layer.input_width.text(self._arguments)
        stage.build += call(
            f"self.{name} = {kind}",
            [below, self._size(layer.width), "**factory"],
            indent=INDENT,
        )
        stage.run.append(f"{self._names.flow} = self.{name}({self.result})")
        self._append(stage)

    def _tied(self, layer: TiedMap) -> None:
        stage = self._stage(layer.span, Width.of(layer.width))
        zeros = f"torch.zeros({self._size(layer.width)}, **factory)"
        stage.build.append(f"self.head_bias = nn.Parameter({zeros})")
        operands = f"{self.result}, self.embedding.weight, self.head_bias"
        stage.run.append(f"{self._names.flow} = F.linear({operands})")
        self._append(stage)

    def _activation(self, layer: Activation) -> None:
        stage = self._stage(layer.span, self._width)
        operand = self.result
        if self._has_time and layer.function in _SINGULAR:
            self.runtime["repeat_last"] = None
            operand = f"repeat_last({operand}, lengths)"
        applied = Apply(layer.function, (Symbol("u"),), layer.constants)
        text = expression(applied, {"u": Code(operand)}).text
        stage.run.append(f"{self._names.flow} = {text}")
        self._append(stage)

    def _softmax(self, layer: Softmax) -> None:
        stage = self._stage(layer.span, self._width)
        function = "log_softmax" if layer.is_log else "softmax"
        stage.run.append(f"{self._names.flow} = {self.result}.{function}(-1)")
        self._append(stage)

    def _join(self, layer: Join) -> None:
        stage = self._stage(layer.span, self._width + layer.width)
        given, names = self._given[layer.source], self._names
        is_context = layer.source in names.contexts
        value = (names.contexts if is_context else names.inputs)[layer.source]
        if isinstance(given, TokenInput):
            assert layer.embedding_width is not None, "tokens are joined as vectors"
            name = f"join_{next(self._joins)}"
            sizes = [self._size(given.vocabulary), self._size(layer.embedding_width)]
            stage.build += call(
                f"self.{name} = nn.Embedding", [*sizes, "**factory"], indent=INDENT
            )
            value = f"self.{name}({value})"
        elif not given.shape:
            value = f"{value}.unsqueeze(-1)"
        if is_context:
            self.runtime["at_each_step"] = None
            value = f"at_each_step({value}, {self.result})"
        pair = Nest("", (self.result, value))
        joined = Nest(f"{names.flow} = torch.cat", (pair, "-1"))
        stage.run += nested(joined, indent=INDENT)
        self._append(stage)

    def _attend(self, layer: Attend) -> None:
        stage = self._stage(layer.span, self._width + layer.memory_width)
        names = self._names
        index = len(self.memories) + 1
        name, memory = f"attention_{index}", names.numbered("memory", index)
        kind = _ATTENTIONS[layer.kind]
        self.runtime[kind] = None
        widths = [layer.query_width, layer.memory_width]
        more = [] if layer.kind is AttentionKind.DOT else ["**factory"]
        if layer.kind is AttentionKind.ADDITIVE:
            widths.append(layer.size)
        sizes = [width.text(self._arguments) for width in widths]
        stage.build += call(f"self.{name} = {kind}", [*sizes, *more], indent=INDENT)
        stage.begin += call(
            f"{memory} = self.{name}.prepare",
            [names.encoded, names.counted],
            indent=INDENT,
        )
        stage.run.append(f"{names.attended}, _ = self.{name}({self.result}, {memory})")
        pair = f"{self.result}, {names.attended}"
        stage.run.append(f"{names.flow} = torch.cat(({pair}), -1)")
        self.memories[name] = memory
        self._append(stage)

    def _begin_loop(self, feed: FeedBack) -> None:
        """From here on one step runs after the other: each reads the one before."""
        self.loop = (len(self.stages), len(self.stages))
        self.fed_operand = self.result
        names = self._names
        stage = self._stage(feed.span, self._width + feed.width)
        stage.build.append(f"self.fed_size = {feed.width.text(self._arguments)}")
        stage.run.append(f"{names.flow} = torch.cat(({names.flow}, {names.fed}), -1)")
        self._append(stage)

    def _dropout(self, layer: Dropout) -> None:
        stage = self._stage(layer.span, self._width)
        name = f"dropout_{next(self._dropouts)}"
        kind = "nn.Dropout"
        if layer.variational and self._has_time:
            kind = "VariationalDropout"
            self.runtime[kind] = None
        stage.build.append(f"self.{name} = {kind}({number(layer.probability).text})")
        stage.run.append(f"{self._names.flow} = self.{name}({self.result})")
        self._append(stage)

    def _pooling(self, model: Model) -> None:
        assert model.exchange_span is not None, "a pooling is written"
        self._has_time = False
        stage = self._stage(model.exchange_span, self._width)
        if model.last_state is not None:
            stage.width = model.last_state.width
            stage.run += self._recurrent.last_states(model.last_state)
            self._append(stage)
            return
        if model.pooling is Pooling.ATTENTION:
            self.runtime["AttentionPooling"] = None
            width = self._width.text(self._arguments)
            stage.build += call(
                "self.pooling = AttentionPooling", [width, "**factory"], indent=INDENT
            )
            pooled = "self.pooling"
        else:
            assert model.pooling is not None, "asked by the caller"
            pooled = _POOLED[model.pooling]
            self.runtime[pooled] = None
        stage.run.append(f"{self._names.flow} = {pooled}({self.result}, lengths)")
        self._append(stage)

    def _stage(self, span: Span, width: Width) -> Stage:
        return Stage(
            span=span,
            width=width,
            has_time=self._has_time,
            is_separate=self._is_separate,
            extent=self._extent,
        )

    def _append(self, stage: Stage) -> None:
        self.stages.append(stage)
        self.result = self._names.flow
        self._width, self._extent = stage.width, stage.extent
        self._is_separate = stage.is_separate

    def _size(self, dim: Dim) -> str:
        return str(dim) if isinstance(dim, int) else self._arguments[dim]


def _encoder_states(encoder: Model) -> EncoderStates:
    stack = ModelStack(encoder, ModelNames(encoder))
    return EncoderStates(encoder, tuple(module.name for module in stack.modules))


def _input_width(model: Model) -> Width:
    match model.inputs[0]:
        case TokenInput(vocabulary=vocabulary):
            return Width.of(vocabulary)
        case VectorInput(shape=shape):
            return Width.of(shape[0])
        case _:
            assert_never(model.inputs[0])


def _input_extent(model: Model) -> tuple[Dim, ...]:
    first = model.inputs[0]
    return first.shape[1:] if isinstance(first, VectorInput) else ()


def _head_names(head: Sequence[Layer]) -> list[str]:
    """``head``, or ``head_1`` and so on where there are several linear maps."""
    number_of_maps = sum(isinstance(layer, _NAMED) for layer in head)
    if number_of_maps == 1:
        return ["head"]
    return [f"head_{index + 1}" for index in range(number_of_maps)]
