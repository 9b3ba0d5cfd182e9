"""Lines that add recurrent layers: cells, branches and options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rnndsl.analysis.findings import quoted
from rnndsl.analysis.model_layers import (
    CellUse,
    FirstState,
    InitialState,
    Merge,
    Recurrence,
    RecurrentLayer,
)
from rnndsl.analysis.models.cells import SizedCell, widths_differ
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.variants.options import VariantOptions
from rnndsl.analysis.program import Dim
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Label, Span
from rnndsl.syntax import tree


@dataclass(slots=True, kw_only=True)
class LayerOptions:
    """What stands behind the cells of a layer, as far as it could be read.

    ``places`` has the word of each option that is given, and where.
    """

    places: dict[str, Span] = field(default_factory=dict)
    backward: SizedCell | None = None
    merge: Merge = Merge.CONCAT
    dropout: float = 0.0
    variational: float = 0.0
    project: Dim | None = None
    initial_state: FirstState = InitialState.ZERO
    variant: VariantOptions = field(default_factory=VariantOptions)

    def has(self, word: str) -> bool:
        return word in self.places


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerLine:
    """A line that adds ``count`` layers, each on top of the one before."""

    clause: tree.Clause
    cells: Sequence[SizedCell]
    merge: Merge
    count: int
    options: LayerOptions

    @property
    def all_cells(self) -> Sequence[SizedCell]:
        """Those of every branch, and another one for the backward direction."""
        backward = self.options.backward
        return self.cells if backward is None else (*self.cells, backward)

    def layer(
        self,
        name: str,
        below: Width,
        context: ModelContext,
        extent: tuple[Dim, ...] = (),
    ) -> RecurrentLayer | None:
        """A layer on vectors of this width, or on as many channels of this extent;
        None, and reported, if they do not fit."""
        branches = []
        for cell in self.cells:
            branch = self._recurrence(cell, below, context)
            if branch is None:
                return None
            branches.append(branch)
        uses = [(branch.span, _width(branch)) for branch in branches]
        merged = joined(self.merge, uses, "branches", context)
        if merged is None:
            return None
        options = self.options
        width = merged if options.project is None else Width.of(options.project)
        if options.has("residual") and width != below:
            place = options.places["residual"]
            context.add(
                widths_differ(
                    "the input of a layer can be added to an output of its width only",
                    place,
                    f"the input has width {below}, the output {width}",
                    advice=_residual_advice(below, options.project, extent),
                )
            )
            return None
        return RecurrentLayer(
            span=self.clause.span,
            branches=tuple(branches),
            merge=self.merge,
            residual=options.has("residual"),
            skip=options.has("skip"),
            dropout=options.dropout,
            variational=options.variational,
            weight_drop=options.variant.weight_drop or 0.0,
            project=options.project,
            initial_state=self._initial_state(),
            name=name,
            input_width=below,
            output_width=below + width if options.has("skip") else width,
            extent=extent,
        )

    def _initial_state(self) -> FirstState:
        """Where the layer starts; a cell that starts anew at learned values has them
        among its own parameters."""
        options = self.options
        if options.variant.resets and options.initial_state is InitialState.LEARNED:
            return InitialState.ZERO
        return options.initial_state

    def _recurrence(
        self, cell: SizedCell, below: Width, context: ModelContext
    ) -> Recurrence | None:
        options = self.options
        use = self._use(cell, below, context)
        if use is None:
            return None
        if not options.has("bidirectional"):
            is_reverse = options.has("reverse")
            return Recurrence(
                span=use.span,
                forward=None if is_reverse else use,
                backward=use if is_reverse else None,
                merge=None,
            )
        other = use
        if options.backward is not None:
            found = self._use(options.backward, below, context)
            if found is None:
                return None
            other = found
        pair = [(u.span, u.output_width) for u in (use, other)]
        if joined(options.merge, pair, "directions", context) is None:
            return None
        return Recurrence(
            span=use.span, forward=use, backward=other, merge=options.merge
        )

    def _use(
        self, cell: SizedCell, below: Width, context: ModelContext
    ) -> CellUse | None:
        """The cell, or the variant of it that the options make."""
        use = cell.use(below, context)
        if use is None:
            return None
        options = self.options
        is_learned = options.initial_state is InitialState.LEARNED
        options.variant.learns_start = is_learned
        return self.options.variant.applied(use, cell, below, context.variants)


def _width(recurrence: Recurrence) -> Width:
    uses = [u for u in (recurrence.forward, recurrence.backward) if u is not None]
    if recurrence.merge is Merge.CONCAT:
        return _total(uses)
    return uses[0].output_width


def _total(uses: Sequence[CellUse]) -> Width:
    return sum((use.output_width for use in uses), start=Width())


def joined(
    merge: Merge,
    parts: Sequence[tuple[Span, Width]],
    what: str,
    context: ModelContext,
) -> Width | None:
    """The width of outputs that are merged; None, and reported, if they do not fit."""
    if merge is Merge.CONCAT:
        return sum((width for _, width in parts), start=Width())
    (place, first), *others = parts
    for span, width in others:
        if width != first:
            context.add(
                widths_differ(
                    _needs_equal(merge, what),
                    span,
                    f"has width {width}",
                    (Label(place, f"has width {first}"),),
                    "use the same sizes, or put the outputs beside each other: "
                    "`concat`",
                )
            )
            return None
    return first


def _needs_equal(merge: Merge, what: str) -> str:
    if merge is Merge.SEPARATE:
        return f"separate {what} need equal widths"
    return f"the {quoted(merge.value)} of {what} needs equal widths"


def _residual_advice(below: Width, project: Dim | None, extent: tuple[Dim, ...]) -> str:
    if below.dim is not None and not extent:
        verb = "add" if project is None else "write"
        return f"{verb} `project({below})`, or write `skip` to put it beside the output"
    return "write `skip` to put it beside the output"
