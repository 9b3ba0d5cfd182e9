"""Layers on images: cells whose inputs, states and outputs are channels with places."""

from __future__ import annotations

from collections.abc import Iterator

from rnndsl.analysis.findings import error, quoted
from rnndsl.analysis.model_layers import InitialState, Merge
from rnndsl.analysis.models.cells import SizedCell, widths_differ
from rnndsl.analysis.models.convolutions import Extent, no_extent, not_a_vector
from rnndsl.analysis.models.layers import LayerLine, LayerOptions
from rnndsl.analysis.models.terms import excluded
from rnndsl.analysis.program import Shape
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Diagnostic, Span
from rnndsl.syntax import tree

_OPTIONS = ("residual", "dropout", "reverse", "bidirectional", "state", "zoneout")


def check_extent(line: LayerLine, below: Width, extent: Extent) -> Iterator[Diagnostic]:
    """A layer on what has this extent, nothing for vectors: what is wrong with it."""
    first = line.cells[0]
    for cell in line.all_cells:
        entry = cell.cell.inputs[0].shape
        if len(entry) - 1 != len(extent):
            is_on_vectors = len(entry) == 1
            yield (
                not_a_vector(line.clause.terms[0].span, below, extent)
                if is_on_vectors
                else no_extent(cell.term.name)
            )
            return
        if not extent:
            continue
        for shape in (entry, cell.cell.output.shape):
            if _places(cell, shape) != extent:
                yield _extents_differ(cell, shape, extent)
                return
    if not extent:
        return
    for other in line.cells[1:]:
        names = other.cell.name, first.cell.name
        yield excluded(other.term.span, *names, first.term.span, "works on images")
    yield from _excluded_options(first, line.options)


def _places(cell: SizedCell, shape: Shape) -> tuple[object, ...]:
    """The axes behind the channels, in the sizes of the model."""
    return tuple(
        cell.sizes.get(dim, dim) if isinstance(dim, str) else dim for dim in shape[1:]
    )


def _excluded_options(cell: SizedCell, options: LayerOptions) -> Iterator[Diagnostic]:
    """Options that work on vectors alone."""
    is_mapped = not isinstance(options.initial_state, InitialState)
    for word, place in options.places.items():
        is_merged = word == "bidirectional" and options.merge is not Merge.CONCAT
        mixed = word == "bidirectional" and options.backward is not None
        mapped = word == "state" and is_mapped
        if word not in _OPTIONS or is_merged or mixed or mapped:
            name, reason = cell.cell.name, "works on vectors"
            yield excluded(place, word, name, cell.term.span, reason)


def _extents_differ(cell: SizedCell, shape: Shape, extent: Extent) -> Diagnostic:
    own = " x ".join(map(str, _places(cell, shape)))
    given = " x ".join(map(str, extent))
    return widths_differ(
        f"{quoted(cell.cell.name)} works on places of {own}",
        cell.term.span,
        f"what comes from below has {given}",
        advice=f"give it the sizes {given}",
    )


def fed_image(feed: tree.Clause, line: LayerLine) -> Diagnostic:
    """Features of the step before, which cannot stand beside an image."""
    first = line.cells[0]
    name, reason = first.cell.name, "works on vectors"
    return excluded(feed.word.span, "feed", name, first.term.span, reason)


def image_on_top(span: Span, width: Width, extent: Extent) -> Diagnostic:
    """A model that would put out images."""
    shape = ", ".join(map(str, (width, *extent)))
    return error(
        "RNN186",
        f"the model {quoted(span.text)} puts out vectors",
        span,
        label=f"ends with [{shape}]",
        help="end its stack with `map flatten`, or with `map mean_pool`",
    )
