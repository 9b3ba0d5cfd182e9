"""The outline of a resolved model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
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
    Attend,
    Convolution,
    FeedBack,
    Flatten,
    InitialState,
    Join,
    Layer,
    LinearMap,
    Merge,
    Recurrence,
    RecurrentLayer,
    SpatialPool,
    StateFromContext,
    StateFromEncoder,
    TiedMap,
    TimeConvolution,
)
from rnndsl.analysis.program import Dim
from rnndsl.analysis.width import Width
from rnndsl.formulas.text import written_number
from rnndsl.ir.models.outline import Arrow, Block, Form, Loop, Outline
from rnndsl.ir.models.words import (
    input_words,
    loss_words,
    map_words,
    pooling_words,
    shape_words,
    use_words,
)

_MERGED = {
    Merge.CONCAT: "concat",
    Merge.SUM: "+",
    Merge.MEAN: "mean",
    Merge.PRODUCT: "*",
    Merge.SEPARATE: "both",
}


def outline_of(model: Model) -> Outline:
    """The blocks of a model, from what is given to its loss."""
    outliner = _Outliner(model)
    outliner.draw()
    return Outline(
        blocks=tuple(outliner.blocks),
        arrows=tuple(outliner.arrows),
        loops=tuple(outliner.loops),
    )


@dataclass(slots=True)
class _Outliner:
    """``flow`` is the block that the next one reads, with ``width`` and ``extent``;
    ``on_top`` are the cells of the last recurrent layer, ``first`` is the first one of
    all, ``encoded`` the block of an encoder's outputs."""

    model: Model
    blocks: list[Block] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    flow: str = ""
    width: Width = field(default_factory=Width)
    extent: tuple[Dim, ...] = ()
    has_time: bool = True
    is_separate: bool = False
    on_top: list[str] = field(default_factory=list)
    first: str = ""
    encoded: str = ""
    encoder_cells: list[str] = field(default_factory=list)
    _attentions: Iterator[int] = field(default_factory=lambda: count(1))
    _joins: Iterator[int] = field(default_factory=lambda: count(1))
    _drops: Iterator[int] = field(default_factory=lambda: count(1))
    _pools: Iterator[int] = field(default_factory=lambda: count(1))

    def draw(self) -> None:
        model = self.model
        self.has_time = model.exchange is not Exchange.ONE_TO_ONE
        for context in model.contexts:
            text = input_words(context)
            self._block(f"context_{context.name}", text, form=Form.END, has_time=False)
        if model.encoder is not None:
            self._encoder(model.encoder)
        reads_steps = self.has_time and model.exchange is not Exchange.REPEAT
        for item in model.inputs:
            name, text = f"input_{item.name}", input_words(item)
            self._block(name, text, form=Form.END, has_time=reads_steps)
        self._front()
        maps: Iterator[str] = (f"map_{index}" for index in count(1))
        for layer in model.layers:
            self._layer(layer, maps)
        if model.pooling is not None:
            self._pooling()
        named = sum(
            isinstance(layer, LinearMap | Convolution | TimeConvolution)
            for layer in model.head
        )
        maps = (f"head_{index}" if named > 1 else "head" for index in count(1))
        for layer in model.head:
            self._layer(layer, maps)
        self._block("output", "output", shape=self._shape(), form=Form.END)
        self._arrow(self.flow, "output")
        if model.generation is not None:
            given = f"input_{model.inputs[0].name}"
            self.loops.append(Loop(source="output", target=given, generates=True))
        if model.loss is not None:
            self._block("target", "target", form=Form.END)
            self._block("loss", loss_words(model.loss), form=Form.END, has_time=False)
            self._arrow("output", "loss")
            self._arrow("target", "loss")

    def _encoder(self, encoder: Model) -> None:
        """The blocks of an encoder, under names of their own."""
        inner = _Outliner(encoder)
        inner.draw()
        kept = [block for block in inner.blocks if block.name != "output"]
        for block in kept:
            if block.name.startswith("context_"):
                continue
            name = _of_encoder(block.name)
            self.blocks.append(replace(block, name=name, of_source=block.has_time))
        for arrow in inner.arrows:
            if arrow.target != "output":
                ends = _of_encoder(arrow.source), _of_encoder(arrow.target)
                self.arrows.append(replace(arrow, source=ends[0], target=ends[1]))
        for loop in inner.loops:
            ends = _of_encoder(loop.source), _of_encoder(loop.target)
            self.loops.append(replace(loop, source=ends[0], target=ends[1]))
            self.encoder_cells.append(ends[0])
        self.encoded = _of_encoder(inner.flow)

    def _front(self) -> None:
        first, front = self.model.inputs[0], self.model.front
        self.flow = f"input_{first.name}"
        match first:
            case TokenInput(vocabulary=vocabulary):
                self.width = Width.of(vocabulary)
            case VectorInput(shape=shape):
                self.width, self.extent = Width.of(shape[0]), shape[1:]
            case _:
                assert_never(first)
        match front:
            case Embedding(width=width, frozen=frozen):
                self.width = Width.of(width)
                text = f"embed {width}, frozen" if frozen else f"embed {width}"
                self._next("embedding", text)
            case OneHot():
                self._next("one_hot", "one_hot")
            case None:
                return
            case _:
                assert_never(front)

    def _layer(self, layer: Layer, maps: Iterator[str]) -> None:
        name = ""
        match layer:
            case RecurrentLayer():
                self._recurrent(layer)
                return
            case Join():
                self._join(layer)
                return
            case Attend():
                self.width = self.width + layer.memory_width
                name = f"attention_{next(self._attentions)}"
                text = f"attend, {layer.kind.value}"
                self._meet(name, text, [self.flow, self.encoded])
                return
            case FeedBack():
                self._next("feed", map_words(layer))
                self.loops.append(Loop(source="feed", target=self.first))
                return
            case LinearMap(width=width) | TimeConvolution(width=width):
                self.width, name = Width.of(width), next(maps)
            case Convolution(width=width, extent=extent):
                self.width, self.extent, name = Width.of(width), extent, next(maps)
            case SpatialPool(extent=extent):
                self.extent, name = extent, f"pool_{next(self._pools)}"
            case Flatten(width=width):
                self.width, self.extent, name = width, (), "flatten"
            case TiedMap(width=width):
                self.width, name = Width.of(width), "tied"
            case _:
                # Functions and dropout, which are no modules to be found again.
                name = f"function_{next(self._drops)}"
        self._next(name, map_words(layer))

    def _recurrent(self, layer: RecurrentLayer) -> None:
        below = self.flow
        if layer.variational:
            share = written_number(layer.variational).text
            self._next(f"{layer.name}_variational", f"dropout({share}, variational)")
        source = self.flow
        self.on_top = []
        results: list[str] = []
        widths: list[Width] = []
        for index, branch in enumerate(layer.branches, start=1):
            name = layer.name if len(layer.branches) == 1 else f"{layer.name}_{index}"
            results.append(self._recurrence(layer, branch, name, source))
            widths.append(self.width)
        self.flow = results[0]
        if len(results) > 1:
            is_joined = layer.merge is Merge.CONCAT
            self.width = sum(widths, start=Width()) if is_joined else widths[0]
            self._meet(f"{layer.name}_merge", _MERGED[layer.merge], results)
        if layer.project is not None:
            self.width = Width.of(layer.project)
            self._next(f"{layer.name}_projection", f"linear({layer.project})")
        if layer.dropout:
            share = written_number(layer.dropout).text
            self._next(f"{layer.name}_dropout", f"dropout({share})")
        self.width = layer.output_width
        if layer.residual:
            self._meet(f"{layer.name}_residual", "+", [below, self.flow], "residual")
        if layer.skip:
            self._meet(f"{layer.name}_skip", "concat", [below, self.flow], "skip")

    def _recurrence(
        self, layer: RecurrentLayer, recurrence: Recurrence, name: str, source: str
    ) -> str:
        """The cells of one branch; returns the block of its result."""
        directions = [(recurrence.forward, False), (recurrence.backward, True)]
        uses = [(use, backward) for use, backward in directions if use is not None]
        results: list[str] = []
        for use, is_backward in uses:
            end = ("_backward" if is_backward else "_forward") if len(uses) > 1 else ""
            text = use_words(use)
            if layer.shares is not None:
                text += f", weights of {layer.shares}"
            if layer.weight_drop:
                text += f", weight_drop({written_number(layer.weight_drop).text})"
            block = f"{name}{end}"
            self.first = self.first or block
            begin = self._first_state(layer, block)
            shape = shape_words(use.output_width, *self.extent)
            self._block(block, text, shape=shape)
            self._arrow(source, block)
            for extra in use.extra_inputs:
                self._arrow(self._given(extra), block)
            self.arrows += begin
            loop = Loop(source=block, target=block, is_backward=is_backward)
            self.loops.append(loop)
            results.append(block)
            self.on_top.append(block)
        widths = [use.output_width for use, _ in uses]
        is_joined = recurrence.merge is Merge.CONCAT
        self.width = sum(widths, start=Width()) if is_joined else widths[0]
        if len(results) == 1:
            return results[0]
        assert recurrence.merge is not None, "two directions are merged"
        self.is_separate = recurrence.merge is Merge.SEPARATE
        self._meet(f"{name}_directions", _MERGED[recurrence.merge], results)
        return self.flow

    def _first_state(self, layer: RecurrentLayer, block: str) -> list[Arrow]:
        """The block that a layer starts from, if there is one; returns its arrow."""
        match layer.initial_state:
            case InitialState.ZERO:
                return []
            case InitialState.LEARNED:
                source = f"{block}_state"
                self._block(source, "learned", form=Form.END, has_time=False)
            case StateFromContext(context=context, activation=activation):
                source = f"{block}_state"
                given = next(c for c in self.model.contexts if c.name == context)
                text = "table" if isinstance(given, TokenInput) else "linear"
                text = text if activation is None else f"{text}, {activation}"
                self._block(source, text, has_time=False)
                self._arrow(self._given(context), source)
            case StateFromEncoder():
                return self._from_encoder(layer, layer.initial_state, block)
            case _:
                assert_never(layer.initial_state)
        return [Arrow(source=source, target=block, label="first state", to_first=True)]

    def _from_encoder(
        self, layer: RecurrentLayer, start: StateFromEncoder, block: str
    ) -> list[Arrow]:
        """From the cells of the encoder's layer, by way of a map if there is one."""
        own = f"encoder_{start.layer}"
        end = "" if start.bridge else block.removeprefix(layer.name)
        names = (f"{own}{end}", f"{own}{end}_forward", f"{own}{end}_backward")
        cells = [
            cell
            for cell in self.encoder_cells
            if cell in names or (start.bridge and cell.startswith(f"{own}_"))
        ]
        if not start.bridge:
            return [
                Arrow(c, block, label="first state", to_first=True, of_last=True)
                for c in cells
            ]
        source = f"{block}_state"
        text = "linear" if start.activation is None else f"linear, {start.activation}"
        self._block(source, text, has_time=False)
        self.arrows += [Arrow(cell, source, of_last=True) for cell in cells]
        return [Arrow(source, block, label="first state", to_first=True)]

    def _join(self, layer: Join) -> None:
        source = self._given(layer.source)
        index = next(self._joins)
        if layer.embedding_width is not None:
            name = f"join_{index}_embedding"
            is_context = source.startswith("context_")
            self._block(
                name,
                f"embed {layer.embedding_width}",
                shape=shape_words(layer.width),
                has_time=self.has_time and not is_context,
            )
            self._arrow(source, name)
            source = name
        self.width = self.width + layer.width
        self._meet(f"join_{index}", "concat", [self.flow, source])

    def _pooling(self) -> None:
        self.has_time = False
        pooling, sources = self.model.pooling, [self.flow]
        if self.model.last_state is not None:
            # What the cells of the layer on top remember, and not what they put out.
            self.width = self.model.last_state.width
            sources = self.on_top
        self._block("pooling", pooling_words(self.model), shape=self._shape())
        is_last = pooling in (Pooling.LAST, Pooling.STATE)
        for source in sources:
            arrow = Arrow(source=source, target="pooling", of_last=is_last)
            self.arrows.append(arrow)
        self.flow = "pooling"

    def _given(self, name: str) -> str:
        """The block of an input or a context."""
        is_context = any(item.name == name for item in self.model.contexts)
        return f"context_{name}" if is_context else f"input_{name}"

    def _next(self, name: str, text: str) -> None:
        """A module on what flows."""
        self._block(name, text, shape=self._shape())
        self._arrow(self.flow, name)
        self.flow = name

    def _meet(
        self, name: str, text: str, sources: Sequence[str], label: str = ""
    ) -> None:
        """Where values meet; ``label`` is that of the arrow from the first."""
        self._block(name, text, shape=self._shape(), form=Form.MEETING)
        for index, source in enumerate(sources):
            self._arrow(source, name, "" if index else label)
        self.flow = name

    def _block(
        self,
        name: str,
        text: str,
        *,
        shape: str = "",
        form: Form = Form.MODULE,
        has_time: bool | None = None,
    ) -> None:
        time = self.has_time if has_time is None else has_time
        block = Block(name=name, text=text, shape=shape, form=form, has_time=time)
        self.blocks.append(block)

    def _arrow(self, source: str, target: str, label: str = "") -> None:
        self.arrows.append(Arrow(source=source, target=target, label=label))

    def _shape(self) -> str:
        if self.is_separate:
            return f"2 of {shape_words(self.width, *self.extent)}"
        return shape_words(self.width, *self.extent)


def _of_encoder(name: str) -> str:
    """What a block of an encoder is called beside those of its decoder."""
    is_given = name.startswith(("context_", "input_"))
    return name if is_given else f"encoder_{name}"
