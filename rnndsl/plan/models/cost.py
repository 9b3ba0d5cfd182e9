"""What a model costs, stage by stage, as formulas in its own dimensions.

Cells cost what their plans say. Of other stages a product of a matrix [R, C] with a
vector counts 2 * R * C operations, backward twice that, and other arithmetic one
operation for each entry of its result, backward two. Losses are not counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import assert_never

import sympy

from rnndsl.analysis.model import (
    Embedding,
    Exchange,
    LossKind,
    Model,
    ModelInput,
    Pooling,
    TokenInput,
    VectorInput,
)
from rnndsl.analysis.model_layers import (
    Activation,
    Attend,
    AttentionKind,
    CellUse,
    Convolution,
    Dropout,
    FeedBack,
    Flatten,
    InitialState,
    Join,
    Layer,
    LinearMap,
    Merge,
    Recurrence,
    RecurrentLayer,
    Softmax,
    SpatialPool,
    StateFromContext,
    StateFromEncoder,
    TiedMap,
    TimeConvolution,
)
from rnndsl.analysis.program import Cell, Dim
from rnndsl.analysis.width import Width
from rnndsl.plan.cost import Cost
from rnndsl.plan.sizes import dimension

_ZERO = sympy.Integer(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCost:
    """``forward`` and ``backward`` are operations, ``kept`` numbers that the backward
    pass needs: of each row and step, or, if ``is_once``, of each row."""

    name: str
    parameters: sympy.Expr = _ZERO
    forward: sympy.Expr = _ZERO
    backward: sympy.Expr = _ZERO
    kept: sympy.Expr = _ZERO
    is_once: bool = False


def stages_of(model: Model, costs: Mapping[str, Cost]) -> tuple[StageCost, ...]:
    """The cost of every stage that has one; ``costs`` are those of cells by name."""
    stages = _Stages(model, costs)
    return tuple(stages.every())


@dataclass(slots=True)
class _Stages:
    model: Model
    costs: Mapping[str, Cost]
    width: sympy.Expr = _ZERO
    extent: tuple[Dim, ...] = ()
    attentions: Iterator[int] = field(default_factory=lambda: count(1))

    def every(self) -> Iterator[StageCost]:
        model = self.model
        if model.encoder is not None:
            for stage in stages_of(model.encoder, self.costs):
                yield replace(stage, name=f"encoder.{stage.name}")
        first = model.inputs[0]
        self.width = _width_of(first)
        if isinstance(first, VectorInput):
            self.extent = first.shape[1:]
        if isinstance(model.front, Embedding):
            self.width = _size(model.front.width)
            yield _table("embedding", _width_of(first), self.width)
        maps: Iterator[str] = (f"map_{index}" for index in count(1))
        joins = (f"join_{index}" for index in count(1))
        is_once = model.exchange is Exchange.ONE_TO_ONE
        for layer in model.layers:
            for stage in self._layer(layer, maps, joins):
                yield replace(stage, is_once=stage.is_once or is_once)
        if model.pooling is not None:
            yield self._pooling(model.pooling)
            is_once = True
        named = LinearMap | Convolution | TimeConvolution
        number = sum(isinstance(layer, named) for layer in model.head)
        maps = (f"head_{index}" if number > 1 else "head" for index in count(1))
        for layer in model.head:
            for stage in self._layer(layer, maps, joins):
                yield replace(stage, is_once=stage.is_once or is_once)
        yield from self._loss()

    def _layer(
        self, layer: Layer, maps: Iterator[str], joins: Iterator[str]
    ) -> Iterator[StageCost]:
        match layer:
            case RecurrentLayer():
                yield from self._recurrent(layer)
            case LinearMap(width=width):
                yield self._linear(next(maps), _size(width))
            case TiedMap(width=width):
                rows = _size(width)
                stage = self._linear("tied", rows)
                yield replace(stage, parameters=rows)
            case Convolution(width=width, kernel=kernel, extent=extent):
                self.extent = extent
                places = sympy.Mul(*map(dimension, extent))
                window = kernel ** len(extent)
                yield self._convolution(next(maps), _size(width), window, places)
            case TimeConvolution(width=width, kernel=kernel):
                one = sympy.Integer(1)
                yield self._convolution(next(maps), _size(width), kernel, one)
            case SpatialPool(extent=extent):
                entries = self._entries()
                self.extent = extent
                yield StageCost(
                    name="pool", forward=entries, backward=entries, kept=self._entries()
                )
            case Flatten(width=width):
                self.width, self.extent = _expr(width), ()
            case Activation(function=function):
                yield self._pointwise(function, 1, 2)
            case Softmax(is_log=is_log):
                yield self._pointwise("log_softmax" if is_log else "softmax", 3, 3)
            case Dropout():
                yield self._pointwise("dropout", 1, 1)
            case Join(width=width, embedding_width=embedded):
                if embedded is not None:
                    source = self._source(layer.source)
                    yield _table(next(joins), _width_of(source), _size(embedded))
                self.width += _expr(width)
            case Attend():
                yield self._attention(layer, f"attention_{next(self.attentions)}")
            case FeedBack():
                pass
            case _:
                assert_never(layer)

    def _recurrent(self, layer: RecurrentLayer) -> Iterator[StageCost]:
        # With what is fed back, if this is the first layer.
        below = self.width = _expr(layer.input_width)
        if layer.variational:
            yield self._pointwise(f"{layer.name}_variational", 1, 1)
        outputs = []
        for index, branch in enumerate(layer.branches, start=1):
            name = layer.name if len(layer.branches) == 1 else f"{layer.name}_{index}"
            for use, end in _directions(branch):
                yield self._cell(layer, use, f"{name}{end}", below)
            outputs.append(self._merged_directions(branch))
        total = sympy.Add(*(operations for _, operations in outputs))
        widths = [width for width, _ in outputs]
        self.width = sympy.Add(*widths) if layer.merge is Merge.CONCAT else widths[0]
        total += _merging(layer.merge, len(widths), widths[0])
        if layer.residual:
            total += sympy.expand(below * sympy.Mul(*map(dimension, layer.extent)))
        if total != 0:
            name = f"{layer.name}_merge"
            yield StageCost(name=name, forward=total, backward=total)
        if layer.project is not None:
            yield self._linear(f"{layer.name}_projection", _size(layer.project))
        if layer.dropout:
            yield self._pointwise(f"{layer.name}_dropout", 1, 1)
        self.width = _expr(layer.output_width)

    def _merged_directions(self, branch: Recurrence) -> tuple[sympy.Expr, sympy.Expr]:
        """The width of a branch's output, and the operations that make it one."""
        widths = [_expr(use.output_width) for use, _ in _directions(branch)]
        if branch.merge is None or branch.merge is Merge.CONCAT:
            return sympy.Add(*widths), _ZERO
        return widths[0], _merging(branch.merge, len(widths), widths[0])

    def _cell(
        self, layer: RecurrentLayer, use: CellUse, name: str, below: sympy.Expr
    ) -> StageCost:
        cost = self.costs[use.cell]
        sizes = {
            dimension(dim): below if size is None else _size(size)
            for dim, size in use.sizes
        }

        def here(formula: sympy.Expr) -> sympy.Expr:
            return sympy.expand(formula.subs(sizes, simultaneous=True))

        forward = [w.products + w.elementwise for _, w in cost.forward]
        backward = [w.products + w.elementwise for _, w in cost.backward]
        owned = _ZERO if layer.shares else here(cost.number_of_parameters)
        cell = next(cell for cell in self.model.cells if cell.name == use.cell)
        state = here(_state_size(cell))
        match layer.initial_state:
            case InitialState.ZERO:
                pass
            case InitialState.LEARNED:
                owned += state
            case StateFromContext(context=context):
                source = self._source(context)
                bias = 0 if isinstance(source, TokenInput) else 1
                owned += sympy.expand((_width_of(source) + bias) * state)
            case StateFromEncoder(bridge=bridge, width=width):
                owned += sympy.expand((_expr(width) + 1) * state) if bridge else 0
            case _:
                assert_never(layer.initial_state)
        return StageCost(
            name=name,
            parameters=owned,
            forward=here(sympy.Add(*forward)),
            backward=here(sympy.Add(*backward)),
            kept=here(cost.kept),
        )

    def _attention(self, layer: Attend, name: str) -> StageCost:
        """Only parameters: the rest depends on how long the source is."""
        query, memory = _expr(layer.query_width), _expr(layer.memory_width)
        self.width = query + memory
        match layer.kind:
            case AttentionKind.DOT:
                return StageCost(name=name)
            case AttentionKind.GENERAL:
                owned = query * memory
            case AttentionKind.ADDITIVE:
                owned = _expr(layer.size) * (query + memory + 1)
            case _:
                assert_never(layer.kind)
        return StageCost(name=name, parameters=sympy.expand(owned))

    def _linear(self, name: str, rows: sympy.Expr) -> StageCost:
        columns, self.width = self.width, rows
        weights = sympy.expand(rows * columns)
        return StageCost(
            name=name,
            parameters=weights + rows,
            forward=2 * weights + rows,
            backward=4 * weights + rows,
            kept=columns,
        )

    def _convolution(
        self, name: str, rows: sympy.Expr, window: int, places: sympy.Expr
    ) -> StageCost:
        columns, self.width = self.width, rows
        weights = sympy.expand(rows * columns * window)
        return StageCost(
            name=name,
            parameters=weights + rows,
            forward=sympy.expand(places * (2 * weights + rows)),
            backward=sympy.expand(places * (4 * weights + rows)),
            kept=sympy.expand(places * columns),
        )

    def _pointwise(self, name: str, forward: int, backward: int) -> StageCost:
        entries = self._entries()
        return StageCost(
            name=name,
            forward=forward * entries,
            backward=backward * entries,
            kept=entries,
        )

    def _pooling(self, pooling: Pooling) -> StageCost:
        width = self.width
        match pooling:
            case Pooling.LAST:
                return StageCost(name="pooling", is_once=True)
            case Pooling.STATE:
                assert self.model.last_state is not None, "it says which state"
                self.width = _expr(self.model.last_state.width)
                return StageCost(name="pooling", is_once=True)
            case Pooling.MEAN:
                return StageCost(name="pooling", forward=width, backward=width)
            case Pooling.MAX:
                return StageCost(
                    name="pooling", forward=width, backward=width, kept=width
                )
            case Pooling.ATTENTION:
                weights = sympy.expand(width**2)
                return StageCost(
                    name="pooling",
                    parameters=weights + 2 * width,
                    forward=2 * weights + 6 * width,
                    backward=4 * weights + 12 * width,
                    kept=2 * width,
                )
            case _:
                assert_never(pooling)

    def _loss(self) -> Iterator[StageCost]:
        """The parameters of a loss that has some."""
        loss = self.model.loss
        if loss is None:
            return
        if loss.kind is LossKind.CRF:
            yield StageCost(name="crf", parameters=self.width**2 + 2 * self.width)
        if loss.kind is LossKind.ADAPTIVE_SOFTMAX:
            assert loss.classes is not None, "it has classes"
            first, *_ = loss.cutoffs
            total = self.width * (first + len(loss.cutoffs))
            bounds = [*loss.cutoffs, _size(loss.classes)]
            for index, low in enumerate(loss.cutoffs):
                narrow = sympy.floor(self.width / 4 ** (index + 1))
                total += narrow * (self.width + bounds[index + 1] - low)
            yield StageCost(name="adaptive_softmax", parameters=sympy.expand(total))

    def _source(self, name: str) -> ModelInput:
        every = (*self.model.contexts, *self.model.inputs)
        return next(item for item in every if item.name == name)

    def _entries(self) -> sympy.Expr:
        return sympy.expand(self.width * sympy.Mul(*map(dimension, self.extent)))


def _table(name: str, rows: sympy.Expr, width: sympy.Expr) -> StageCost:
    """Vectors that are looked up; their gradients are added up."""
    return StageCost(name=name, parameters=sympy.expand(rows * width), backward=width)


def _directions(branch: Recurrence) -> list[tuple[CellUse, str]]:
    """The cells of a branch, with the end of their names."""
    ahead, back = branch.forward, branch.backward
    if ahead is not None and back is not None:
        return [(ahead, "_forward"), (back, "_backward")]
    return [(use, "") for use in (ahead, back) if use is not None]


def _merging(merge: Merge, number: int, width: sympy.Expr) -> sympy.Expr:
    """The operations that make one of several outputs of this width."""
    match merge:
        case Merge.CONCAT | Merge.SEPARATE:
            return _ZERO
        case Merge.SUM | Merge.PRODUCT:
            return (number - 1) * width
        case Merge.MEAN:
            return number * width
        case _:
            assert_never(merge)


def _state_size(cell: Cell) -> sympy.Expr:
    """How many numbers the states of a cell are."""
    sizes = [sympy.Mul(*map(dimension, state.shape)) for state in cell.states]
    return sympy.Add(*sizes)


def _width_of(item: ModelInput) -> sympy.Expr:
    """The channels of an input, or the size of its vocabulary."""
    match item:
        case TokenInput(vocabulary=vocabulary):
            return _size(vocabulary)
        case VectorInput(shape=shape):
            return _size(shape[0]) if shape else sympy.Integer(1)
        case _:
            assert_never(item)


def _size(dim: Dim) -> sympy.Expr:
    return dimension(dim)


def _expr(width: Width) -> sympy.Expr:
    terms = [times * sympy.Mul(*map(dimension, names)) for names, times in width.counts]
    return sympy.Add(*terms, sympy.Integer(width.number))
