"""Evaluates a resolved model directly: the reference for what it compiles to.

One batch row at a time, layer by layer and step by step, each vector by itself. A row
has the steps that count and no others. Recurrences are run by the
interpreter of cells. Dropout does nothing, or in training what stands in for it.
Nothing here is shared with the stages that produce code, nor with the runtime.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import assert_never

import torch
from torch import Tensor

from rnndsl.analysis.model import Embedding, Exchange, Model, OneHot, TokenInput
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
from rnndsl.verify.case import STEPS
from rnndsl.verify.interpreter import Sizes, Values, shape_of
from rnndsl.verify.models.beginnings import Encoded
from rnndsl.verify.models.case import Rows
from rnndsl.verify.models.feeding import run_stack
from rnndsl.verify.models.layers import EMBEDDING, NAMED, apply_layer
from rnndsl.verify.models.parameters import Parameters
from rnndsl.verify.models.pooling import pooled
from rnndsl.verify.models.recurrent import Recurrences
from rnndsl.verify.models.values import ModelValues


def run_model(
    model: Model,
    sizes: Sizes,
    parameters: Parameters,
    inputs: Values,
    counted: Rows | None,
    states: Values | None,
    *,
    training: bool = False,
    hold: bool = False,
    truncation: int | None = None,
    marks: Tensor | None = None,
    source_counted: Rows | None = None,
    repeat: int = STEPS,
) -> ModelValues:
    """The model on a batch, of which the steps ``counted`` count, None if all do.

    inputs: (T, B, ...) each, or (B, ...) where there is no time, as in contexts, which
    are among them; those of an encoder, too, of which the steps ``source_counted``
    count. states: by ``layer_1.h``, (directions, B, ...). Where a step does not count
    the output is zero, or with ``hold`` what it was at the last step before that does.
    Gradients are cut every ``truncation`` steps. Before a step with one of ``marks``
    (T, B) all layers start anew. ``repeat``: so many steps read an input without time.
    """
    given = inputs
    contexts = {item.name: inputs[item.name] for item in model.contexts}
    inputs = {item.name: inputs[item.name] for item in model.inputs}
    if model.exchange in (Exchange.ONE_TO_ONE, Exchange.REPEAT):
        times = repeat if model.exchange is Exchange.REPEAT else 1
        inputs = {
            name: value.unsqueeze(0).expand(times, *value.shape)
            for name, value in inputs.items()
        }
    steps, batch = next(iter(inputs.values())).shape[:2]
    cuts = range(truncation, steps, truncation) if truncation else ()
    rows: list[Tensor | None] = []
    emitted: list[dict[str, Tensor | None]] = []
    finals: list[dict[str, Tensor]] = []
    for row in range(batch):
        own_steps = tuple(range(steps)) if counted is None else counted[row]
        own = {n: [value[t, row] for t in own_steps] for n, value in inputs.items()}
        begin = states and {name: value[:, row] for name, value in states.items()}
        encoded = None
        if model.encoder is not None:
            source = None if source_counted is None else source_counted[row]
            encoded = _encoded(
                model.encoder,
                sizes,
                parameters,
                given,
                row,
                source,
                training,
                truncation,
            )
        recurrences = Recurrences(
            cells={cell.name: cell for cell in model.cells},
            sizes=sizes,
            parameters=parameters,
            inputs=own,
            contexts={name: value[row] for name, value in contexts.items()},
            sources={item.name: item for item in (*model.contexts, *model.inputs)},
            states=begin,
            training=training,
            cuts=cuts,
            marks=_marks_of_row(marks, row, own_steps),
            settling=model.settling,
            encoded=encoded,
        )
        output = _run_row(model, recurrences)
        finals.append(recurrences.last)
        beside = recurrences.emitted
        emitted.append(
            {n: _spread(v, own_steps, steps, hold=False) for n, v in beside.items()}
        )
        if model.exchange.has_steps:
            rows.append(_spread(output, own_steps, steps, hold=hold))
        else:
            (only,) = output
            rows.append(only)
    axis = 1 if model.exchange.has_steps else 0
    beside_outputs = {n: _joined([e[n] for e in emitted], 1) for n in emitted[0]}
    if model.exchange is Exchange.ONE_TO_ONE:
        beside_outputs = {n: value.squeeze(0) for n, value in beside_outputs.items()}
    return ModelValues(
        output=_joined(rows, axis),
        last={name: _joined([f[name] for f in finals], 1) for name in finals[0]},
        emitted=beside_outputs,
    )


def _encoded(
    encoder: Model,
    sizes: Sizes,
    parameters: Parameters,
    given: Values,
    row: int,
    counted: Sequence[int] | None,
    training: bool,
    truncation: int | None,
) -> Encoded:
    """What an encoder makes of a row, of which the steps ``counted`` count."""
    inputs = {item.name: given[item.name] for item in encoder.inputs}
    steps = range(len(next(iter(inputs.values()))))
    places = steps if counted is None else counted
    recurrences = Recurrences(
        cells={cell.name: cell for cell in encoder.cells},
        sizes=sizes,
        parameters=parameters.within("encoder."),
        inputs={n: [value[t, row] for t in places] for n, value in inputs.items()},
        contexts={item.name: given[item.name][row] for item in encoder.contexts},
        sources={item.name: item for item in (*encoder.contexts, *encoder.inputs)},
        states=None,
        training=training,
        cuts=range(truncation, len(steps), truncation) if truncation else (),
        marks=[False] * len(places),
        settling=None,
    )
    outputs = _run_row(encoder, recurrences)
    return Encoded(encoder, outputs, recurrences.last)


def _marks_of_row(marks: Tensor | None, row: int, counted: Sequence[int]) -> list[bool]:
    """For each step of a row that counts, whether it is marked, or one that does not
    count behind the one before."""
    if marks is None:
        return [False] * len(counted)
    starts = (0, *(t + 1 for t in counted))
    pairs = zip(starts, counted, strict=False)
    return [bool(marks[start : t + 1, row].any()) for start, t in pairs]


def _spread(
    values: Sequence[Tensor], places: Sequence[int], steps: int, *, hold: bool
) -> Tensor | None:
    """The values of a row at their steps, (T, ...); None if there is none."""
    if not values:
        return None
    by_step = dict(zip(places, values, strict=True))
    now = torch.zeros_like(values[0])
    every = []
    for t in range(steps):
        value = by_step.get(t, now)
        now = value if hold else now
        every.append(value)
    return torch.stack(every)


def _joined(rows: Sequence[Tensor | None], axis: int) -> Tensor:
    """The rows of a batch; one of no steps is zero."""
    like = next(row for row in rows if row is not None)
    filled = [torch.zeros_like(like) if row is None else row for row in rows]
    return torch.stack(filled, axis)


def _run_row(model: Model, recurrences: Recurrences) -> list[Tensor]:
    """One row: an output for each step, or a single one."""
    sizes, parameters = recurrences.sizes, recurrences.parameters
    inputs = recurrences.inputs
    has_time = model.exchange is not Exchange.ONE_TO_ONE
    flow = _front(model, sizes, parameters, inputs[model.inputs[0].name])
    joins = (f"join_{index}" for index in count(1))
    attentions = (f"attention_{index}" for index in count(1))
    names = (f"map_{index}" for index in count(1))
    layers = [(layer, _name(layer, names, joins, attentions)) for layer in model.layers]
    flow = run_stack(layers, recurrences, flow, has_time)
    if model.last_state is not None:
        has_time = False
        top = model.layers[-1]
        assert isinstance(top, RecurrentLayer), "it has a state"
        flow = [recurrences.last_state(top, model.last_state)]
    elif model.pooling is not None:
        has_time = False
        shape = (2,) if model.is_separate else ()
        shape = (*shape, _width(model, sizes))
        flow = [pooled(model.pooling, flow, shape, parameters)]
    maps = sum(isinstance(layer, NAMED) for layer in model.head)
    names = (f"head_{index}" if maps > 1 else "head" for index in count(1))
    for layer in model.head:
        name = _name(layer, names, joins, attentions)
        flow = apply_layer(layer, name, recurrences, flow, has_time)
    return flow


def _name(
    layer: Layer, maps: Iterator[str], joins: Iterator[str], attentions: Iterator[str]
) -> str:
    """What the module of a layer is called, if it takes the next of these names."""
    if isinstance(layer, NAMED):
        return next(maps)
    if isinstance(layer, Attend):
        return next(attentions)
    is_table = isinstance(layer, Join) and layer.embedding_width is not None
    return next(joins) if is_table else ""


def _front(
    model: Model, sizes: Sizes, parameters: Parameters, given: Sequence[Tensor]
) -> list[Tensor]:
    """What the first input becomes before the first layer, at each step."""
    first, front = model.inputs[0], model.front
    if not isinstance(first, TokenInput):
        return list(given)
    (rows,) = shape_of((first.vocabulary,), sizes)
    match front:
        case Embedding(width=width, frozen=frozen, padding=padding):
            (columns,) = shape_of((width,), sizes)
            table = parameters.table(
                EMBEDDING, rows, columns, trained=not frozen, padding=padding
            )
            vectors = list(table[torch.stack(list(given))]) if given else []
            # Not trained, whatever else reads the table.
            zero = table.new_zeros(columns)
            return [
                zero if int(token) == padding else vector
                for token, vector in zip(given, vectors, strict=True)
            ]
        case OneHot():
            like = parameters.like
            return [like.new_tensor(_unit(int(token), rows)) for token in given]
        case None:
            raise AssertionError("tokens become vectors")
        case _:
            assert_never(front)


def _width(model: Model, sizes: Sizes) -> int:
    """Of what is pooled."""
    joined = 0
    for layer in reversed(model.layers):
        match layer:
            case RecurrentLayer(output_width=width) | Flatten(width=width):
                return joined + width.value(sizes)
            case LinearMap(width=dim) | Convolution(width=dim):
                return joined + shape_of((dim,), sizes)[0]
            case TimeConvolution(width=dim):
                return joined + shape_of((dim,), sizes)[0]
            case Join(width=width) | Attend(memory_width=width):
                joined += width.value(sizes)
            case FeedBack(width=width):
                return joined + width.value(sizes)
            case Activation() | Dropout() | Softmax() | TiedMap() | SpatialPool():
                continue
            case _:
                assert_never(layer)
    raise AssertionError("a model has a recurrent layer")


def _unit(index: int, size: int) -> list[float]:
    return [float(entry == index) for entry in range(size)]
