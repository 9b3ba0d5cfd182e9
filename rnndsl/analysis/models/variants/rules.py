"""Rules about options that change the cells of a layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnndsl.analysis.findings import did_you_mean, error, quoted
from rnndsl.analysis.models.layers import LayerOptions
from rnndsl.analysis.models.variants.emission import emittable
from rnndsl.analysis.models.variants.options import recurrent_stored
from rnndsl.analysis.models.variants.recurrent import recurrent_members
from rnndsl.analysis.program import Cell, StoredParameter
from rnndsl.diagnostics import Diagnostic, Label, Span
from rnndsl.diagnostics.suggest import suggest


def misplaced_options(
    cells: Sequence[Cell], options: LayerOptions
) -> Iterator[Diagnostic]:
    """What the options ask of cells that do not have it."""
    states = {state.name: state.span for cell in cells for state in cell.states}
    for name, place in options.variant.zoneout_places.items():
        if name not in states:
            yield no_such_state(place, name, cells)
    names = {name: None for cell in cells for name in emittable(cell)}
    for name, place in options.variant.emitted.items():
        if name not in names:
            yield nothing_to_emit(place, name, tuple(names), cells)
    for word in ("recurrent_dropout", "weight_drop"):
        if word not in options.places:
            continue
        place = options.places[word]
        for cell in dict.fromkeys(cells):
            if not recurrent_members(cell):
                yield nothing_recurrent(place, word, cell)
            elif word == "weight_drop":
                yield from _stored_together(place, cell)


def _stored_together(place: Span, cell: Cell) -> Iterator[Diagnostic]:
    recurrent = recurrent_members(cell)
    for parameter in cell.parameters:
        if parameter.name not in recurrent_stored(cell):
            continue
        others = [m.name for m in parameter.members if m.name not in recurrent]
        if others:
            yield stored_together(place, cell, parameter, others[0])


def no_such_state(place: Span, name: str, cells: Sequence[Cell]) -> Diagnostic:
    """An option that names a state which no cell of the layer has."""
    states = tuple(dict.fromkeys(s.name for cell in cells for s in cell.states))
    has = ", ".join(quoted(state) for state in states)
    return error(
        "RNN140",
        f"there is no state {quoted(name)} in {_named(cells)}",
        place,
        label="not a state",
        help=did_you_mean(suggest(name, states)) or f"the states are {has}",
    )


def nothing_to_emit(
    place: Span, name: str, known: tuple[str, ...], cells: Sequence[Cell]
) -> Diagnostic:
    """A name of no local and no state of the cells of a layer, or none of a vector."""
    has = ", ".join(quoted(one) for one in known)
    listed = (
        f"there are {has}" if known else "vectors and scalars are put out, no images"
    )
    return error(
        "RNN143",
        f"there is nothing called {quoted(name)} to emit in {_named(cells)}",
        place,
        label="cannot be put out",
        help=did_you_mean(suggest(name, known)) or listed,
    )


def _named(cells: Sequence[Cell]) -> str:
    names = dict.fromkeys(cell.name for cell in cells)
    return " and ".join(quoted(name) for name in names)


def nothing_recurrent(place: Span, word: str, cell: Cell) -> Diagnostic:
    """Dropout of what goes from step to step, where no weight is multiplied with it."""
    return error(
        "RNN141",
        f"{quoted(word)} finds nothing to drop in {quoted(cell.name)}",
        place,
        label="acts where a matrix is multiplied with an old state",
        labels=[Label(cell.span, "has no such product")],
        help="write `dropout(0.3)` or `variational(0.3)`, which need none",
    )


def stored_together(
    place: Span, cell: Cell, parameter: StoredParameter, other: str
) -> Diagnostic:
    """A stored tensor of which only some members are recurrent."""
    return error(
        "RNN142",
        f"{quoted(parameter.name)} of {quoted(cell.name)} is not dropped as a whole",
        place,
        label="drops entries of whole stored tensors",
        labels=[
            Label(parameter.span, f"{quoted(other)} is multiplied with no old state")
        ],
        help="store the recurrent matrices apart: `param W_{z,n}: ..., U_{z,n}: ...`",
    )
