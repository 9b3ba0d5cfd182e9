"""The cases a model is verified on: the ways to build and call it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

import torch

from rnndsl.analysis.model import Embedding, Exchange, Model, Pooling, TokenInput
from rnndsl.analysis.model_layers import Join, RecurrentLayer, TimeConvolution
from rnndsl.analysis.program import Cell
from rnndsl.verify.case import STEPS, distinct_sizes, fitting, normalises

SOURCE_STEPS = STEPS - 1
"""Of the sequences that an encoder reads."""
# For each row of a batch, the steps that count.
Rows: TypeAlias = tuple[tuple[int, ...], ...]


class Form(Enum):
    """How a model is told which steps count."""

    LENGTHS = "lengths"
    MASK = "mask"
    PACKED = "packed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCase:
    """One way to build and call a model.

    ``rows`` are the steps that count, None if all do, and ``form`` how that is told.
    ``given_state``: the call passes a first state, rather than leaving it out.
    ``training``: in training mode, with something definite in place of dropout.
    ``spoilt``: what stands at steps that do not count is no number and no token.
    ``truncation``: gradients are cut every so many steps. ``source_rows`` are the steps
    of an encoder's inputs that count.
    """

    name: str
    rows: Rows | None = None
    form: Form = Form.LENGTHS
    batch_first: bool = False
    given_state: bool = True
    training: bool = False
    spoilt: bool = False
    truncation: int | None = None
    source_rows: Rows | None = None


def cases_of(model: Model) -> tuple[ModelCase, ...]:
    """The cases that this model can be built for."""
    cases = _every_case(model)
    if model.encoder is not None:
        # The state that a decoder starts from holds what the encoder has read.
        cases = tuple(map(_with_source, cases))
    if model.exchange is Exchange.REPEAT:
        cases = tuple(case for case in cases if case.form is not Form.PACKED)
    if convolves_over_time(model):
        # It sees the steps before: there is no state to go on from.
        cases = tuple(replace(case, given_state=False) for case in cases)
    if model.truncation is None:
        return cases
    steps = model.truncation.steps
    cases = tuple(replace(case, truncation=steps) for case in cases)
    return (*cases, replace(cases[0], name="gradients cut", truncation=2))


def _every_case(model: Model) -> tuple[ModelCase, ...]:
    whole = ModelCase(name="whole sequences")
    if model.exchange is Exchange.ONE_TO_ONE:
        return (
            whole,
            ModelCase(name="declared state", given_state=False),
            ModelCase(name="training", training=True),
        )
    return (
        whole,
        ModelCase(
            name="batch first, declared state", batch_first=True, given_state=False
        ),
        ModelCase(name="training, ragged", training=True, rows=_ragged(2, 5, 1)),
        ModelCase(
            name="padding of NaN, a row of no steps",
            rows=_ragged(5, 0, 3),
            spoilt=True,
        ),
        ModelCase(
            name="batch first, ragged, padding of NaN, declared state",
            rows=_ragged(4, 1, 5),
            batch_first=True,
            given_state=False,
            spoilt=True,
        ),
        ModelCase(
            name="mask, NaN where it is false",
            rows=((1, 2, 4), (0, 1, 2, 3, 4), (0, 3)),
            form=Form.MASK,
            spoilt=True,
        ),
        ModelCase(
            name="packed, batch first, declared state",
            rows=_ragged(3, 5, 1),
            form=Form.PACKED,
            batch_first=True,
            given_state=False,
        ),
    )


def _with_source(case: ModelCase) -> ModelCase:
    """The same with an encoder's inputs, told in the same way and as ragged."""
    source = None
    if case.rows is not None:
        source = _ragged(2, SOURCE_STEPS, 1)
        if case.form is Form.MASK:
            source = ((1,), (0, 1, 3), (0, 2, 3))
        elif case.spoilt and not case.batch_first:
            source = _ragged(3, 1, 0)
    return replace(case, given_state=False, source_rows=source)


def _ragged(*lengths: int) -> Rows:
    """Rows of which only the first steps count."""
    return tuple(tuple(range(length)) for length in lengths)


def draw_model_sizes(model: Model, generator: torch.Generator) -> dict[str, int]:
    """A size for each dimension, all different, and as large as the spec needs: classes
    behind the last cutoff, and the blank and other symbols in the vocabulary."""
    cells = cells_of(model)
    least = 4 if any(map(normalises, cells)) else 2
    names = [dimension.name for dimension in model.dimensions]
    sizes = distinct_sizes(names, generator, least=least)
    sizes = {name: fitting(cells, size) for name, size in sizes.items()}
    loss, generation = model.loss, model.generation
    if loss is not None and isinstance(loss.classes, str):
        sizes[loss.classes] += loss.cutoffs[-1]
    symbols = model.output_width.dim
    if loss is not None and isinstance(symbols, str):
        sizes[symbols] += loss.blank
    first, front = model.inputs[0], model.front
    if isinstance(first, TokenInput) and isinstance(first.vocabulary, str):
        named = [0]
        if isinstance(front, Embedding) and front.padding is not None:
            named.append(front.padding)
        if generation is not None:
            ends = (generation.start, generation.stop)
            named += [end for end in ends if end is not None]
        sizes[first.vocabulary] += max(named)
    return sizes


def runs_step_by_step(model: Model) -> bool:
    """Whether no output has to wait for later steps."""
    if model.pooling not in (None, Pooling.LAST, Pooling.STATE) or convolves_over_time(
        model
    ):
        return False
    return all(
        branch.backward is None
        for layer in model.layers
        if isinstance(layer, RecurrentLayer)
        for branch in layer.branches
    )


def convolves_over_time(model: Model) -> bool:
    """Whether a step sees others by a convolution."""
    parts = (*model.layers, *model.head)
    return any(isinstance(part, TimeConvolution) for part in parts)


def read_at_steps(model: Model) -> tuple[str, ...]:
    """The contexts that are read at each step, by a join or by a cell."""
    names: list[str] = []
    for part in (*model.layers, *model.head):
        if isinstance(part, Join):
            names.append(part.source)
        elif isinstance(part, RecurrentLayer):
            pairs = [(b.forward, b.backward) for b in part.branches]
            uses = [use for pair in pairs for use in pair if use is not None]
            names += [name for use in uses for name in use.extra_inputs]
    return tuple(item.name for item in model.contexts if item.name in names)


def cells_of(model: Model) -> tuple[Cell, ...]:
    """Those of an encoder among them."""
    return (*(() if model.encoder is None else model.encoder.cells), *model.cells)
