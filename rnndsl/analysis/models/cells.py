"""Cells as a model uses them: which cell, of which sizes, on what input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rnndsl.analysis.findings import counted, did_you_mean, error, quoted, shape_text
from rnndsl.analysis.model import TokenInput
from rnndsl.analysis.model_layers import CellUse
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.terms import (
    LAYER_OPTIONS,
    PARALLEL,
    arguments_of,
    check_plain,
    wrong_arguments,
)
from rnndsl.analysis.program import Cell, Dim, Input, Shape
from rnndsl.analysis.standard_cells import standard_specs
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Diagnostic, Label, Span
from rnndsl.diagnostics.suggest import suggest
from rnndsl.syntax import tree


@dataclass(frozen=True, slots=True)
class SizedCell:
    """A cell with the sizes written behind it; the size of its first input, which comes
    from below, is not among them."""

    cell: Cell
    term: tree.Term
    sizes: Mapping[str, Dim]

    def use(self, below: Width, context: ModelContext) -> CellUse | None:
        """The cell on vectors of this width; None, and reported, if it takes others."""
        cell, first = self.cell, self.cell.inputs[0]
        wanted, *places = first.shape
        if isinstance(wanted, int) and Width.of(wanted) != below:
            what = "images of channels" if places else "vectors of width"
            added = f"conv({wanted}, 1)" if places else f"linear({wanted})"
            context.add(
                widths_differ(
                    f"{quoted(cell.name)} takes {what} {wanted}",
                    self.term.span,
                    f"what comes from below has width {below}",
                    advice=f"put `map {added}` on the line before",
                )
            )
            return None
        extra = [self._extra(item, below, context) for item in cell.inputs[1:]]
        if not all(extra):
            return None
        return CellUse(
            span=self.term.span,
            cell=cell.name,
            sizes=tuple((d.name, self.sizes.get(d.name)) for d in cell.dimensions),
            extra_inputs=tuple(item.name for item in cell.inputs[1:]),
            output_width=self._width(cell.output.shape[0], below),
        )

    def _extra(self, item: Input, below: Width, context: ModelContext) -> bool:
        """Whether the model has what a further input of the cell needs."""
        shape = self.widths(item.shape, below)
        given = context.fed.get(item.name)
        wanted = f"input {item.name}: [{', '.join(map(str, shape))}]"
        if given is None:
            context.add(not_fed(self.term, item, wanted))
            return False
        has = None if isinstance(given, TokenInput) else given.shape
        if has is None or tuple(map(Width.of, has)) != shape:
            context.add(not_fed(self.term, item, wanted, given.span, has))
            return False
        return True

    def widths(self, shape: Shape, below: Width) -> tuple[Width, ...]:
        """A shape of the cell, on vectors of the width ``below``."""
        return tuple(self._width(dim, below) for dim in shape)

    def _width(self, dim: Dim, below: Width) -> Width:
        if isinstance(dim, int):
            return Width.of(dim)
        return Width.of(self.sizes[dim]) if dim in self.sizes else below


def sized_cell(
    term: tree.ClauseTerm, context: ModelContext, *, repeats: bool = False
) -> SizedCell | None:
    """A cell and its sizes; None, and reported, if either is wrong."""
    if isinstance(term, tree.NumberLiteral):
        context.add(wrong_arguments(term.span, "layer", "layer LSTM(64)", "no cell"))
        return None
    cell = _cell(term.name, context)
    if cell is None or not check_plain(term, context.report, repeats=repeats):
        return None
    if not _is_layer(cell):
        context.add(not_a_layer(term.name, cell))
        return None
    below = cell.inputs[0].shape[0]
    wanted = [d.name for d in cell.dimensions if d.name != below]
    arguments = arguments_of(term)
    named = [a for a in arguments if a.name is not None]
    if named or len(arguments) != len(wanted):
        context.add(wrong_sizes(term, cell, wanted, named[0].span if named else None))
        return None
    sizes = [context.size(argument.value) for argument in arguments]
    found = {name: s for name, s in zip(wanted, sizes, strict=True) if s is not None}
    return SizedCell(cell, term, found) if len(found) == len(wanted) else None


def _cell(name: tree.Name, context: ModelContext) -> Cell | None:
    if name.text not in context.cells:
        context.add(unknown_cell(name, context))
        return None
    return context.cells[name.text]


def _is_layer(cell: Cell) -> bool:
    """Whether it makes a vector of a vector, or an image of an image."""
    entry, output = cell.inputs[0].shape, cell.output.shape
    return bool(entry) and len(entry) == len(output) and entry[0] not in entry[1:]


def unknown_cell(name: tree.Name, context: ModelContext) -> Diagnostic:
    """A layer of something that is no cell."""
    standard = standard_specs()
    known = tuple(context.cells)
    near = suggest(name.text, (*known, PARALLEL, *standard))
    if name.text in standard:
        advice = f"import it: `from zoo import {name.text}`"
    elif near in standard and near not in known:
        advice = f"{did_you_mean(near)} Import it: `from zoo import {near}`"
    else:
        advice = did_you_mean(near) or "define it, or import one: `from zoo import GRU`"
    if name.text in context.others or name.text in LAYER_OPTIONS:
        advice = "a layer starts with its cell: `layer GRU(64), dropout(0.3)`"
    return error(
        "RNN085",
        f"there is no cell {quoted(name.text)}",
        name.span,
        label=context.others.get(name.text, "not known here"),
        help=advice,
    )


def not_a_layer(name: tree.Name, cell: Cell) -> Diagnostic:
    """A cell that makes neither a vector of a vector nor an image of an image."""
    first, output = cell.inputs[0], cell.output
    side, shape, place = "first input", first.shape, first.span
    if first.shape and first.shape[0] not in first.shape[1:]:
        side, shape, place = "output", output.shape, output.span
    what = "image" if len(first.shape) > 1 else "vector"
    return error(
        "RNN086",
        f"the cell {quoted(name.text)} cannot be a layer",
        name.span,
        label=f"its {side} is no {what}",
        labels=[Label(place, f"of shape {shape_text(shape)}")],
        help="a layer makes a vector of a vector at each step, or an image of an image",
    )


def wrong_sizes(
    term: tree.Term, cell: Cell, wanted: list[str], named: Span | None
) -> Diagnostic:
    """A cell with too many sizes, or too few, or with names before them."""
    given = counted(len(arguments_of(term)), "size")
    form = f"{cell.name}({', '.join(wanted)})" if wanted else cell.name
    below, *places = cell.inputs[0].shape
    what = "number of channels" if places else "width"
    return error(
        "RNN087",
        f"{quoted(cell.name)} takes {counted(len(wanted), 'size')}",
        named or term.span,
        label="sizes are given in order, without names" if named else f"given {given}",
        notes=[f"the {what} of its input, {quoted(str(below))}, comes from below"],
        help=f"write `{form}`",
    )


def not_fed(
    term: tree.Term,
    item: Input,
    wanted: str,
    given: Span | None = None,
    shape: Shape | None = None,
) -> Diagnostic:
    """A further input of a cell that the model lacks, or has in another shape."""
    label = "the model has no such input"
    labels = [Label(item.span, "declared here")]
    if given is not None:
        has = "tokens" if shape is None else f"the shape {shape_text(shape)}"
        label = f"the model's {quoted(item.name)} has another shape"
        labels.append(Label(given, f"has {has}"))
    return error(
        "RNN089",
        f"the input {quoted(item.name)} of {quoted(term.name.text)} is not given",
        term.name.span,
        label=label,
        labels=labels,
        help=f"declare it in the model: `{wanted}`",
    )


def widths_differ(
    message: str,
    span: Span,
    label: str,
    labels: tuple[Label, ...] = (),
    advice: str = "",
) -> Diagnostic:
    """Two widths that would have to be the same."""
    return error("RNN088", message, span, label=label, labels=labels, help=advice)
