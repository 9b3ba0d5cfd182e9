"""Layers that share their weights, and directions that stay apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rnndsl.analysis.findings import error
from rnndsl.analysis.model import LossKind, Model
from rnndsl.analysis.model_layers import (
    Activation,
    Dropout,
    LinearMap,
    RecurrentLayer,
    Softmax,
    TiedMap,
)
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.layers import LayerLine
from rnndsl.analysis.models.terms import excluded
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Diagnostic, Label, Report, Span

_OF_SEQUENCES = (LossKind.CRF, LossKind.CTC)


def sharing(
    layer: RecurrentLayer,
    first: RecurrentLayer,
    line: LayerLine,
    context: ModelContext,
) -> RecurrentLayer | None:
    """A layer with the weights of the first of its line; None, and reported, if it
    reads vectors of another width."""
    if layer is first:
        return layer
    if layer.input_width != first.input_width:
        place = line.options.places["shared"]
        context.add(not_shareable(place, first.input_width, layer.input_width))
        return None
    return replace(layer, shares=first.name)


def check_separate(lines: Sequence[LayerLine], model: Model, report: Report) -> None:
    """Directions that stay apart are read by what is the same for each of them."""
    place: Span | None = None
    for layer in (*model.layers, *model.head):
        if isinstance(layer, LinearMap | TiedMap | Activation | Softmax | Dropout):
            continue
        if place is not None:
            report.add(reads_separate(layer.span, place))
            return
        if isinstance(layer, RecurrentLayer) and layer.is_separate:
            place = next(
                line.options.places["bidirectional"]
                for line in lines
                if line.clause.span == layer.span
            )
    loss = model.loss
    if place is not None and loss is not None and loss.kind in _OF_SEQUENCES:
        other, reason = "bidirectional(separate)", "reads one output at each step"
        report.add(excluded(loss.span, loss.kind.value, other, place, reason))


def not_shareable(span: Span, first: Width, other: Width) -> Diagnostic:
    """Layers of one line that read vectors of different widths."""
    return error(
        "RNN150",
        "layers that share their weights read vectors of one width",
        span,
        label=f"the first reads {first}, the next {other}",
        help="put `map linear(...)` before them, or give them the width of their input",
    )


def reads_separate(span: Span, place: Span) -> Diagnostic:
    """A layer on top of directions that are kept apart."""
    return error(
        "RNN151",
        "a layer cannot read directions that are kept apart",
        span,
        label="reads one vector at each step",
        labels=[Label(place, "gives two")],
        help="join them, as `bidirectional(concat)` does, or keep only the last apart",
    )
