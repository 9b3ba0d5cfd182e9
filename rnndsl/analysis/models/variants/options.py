"""The options of a layer that change its cells."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import assert_never

from rnndsl.analysis.model_layers import CellUse, FedInput, Feed
from rnndsl.analysis.models.cells import SizedCell
from rnndsl.analysis.models.variants.emission import emittable
from rnndsl.analysis.models.variants.one_hot import reads_columns
from rnndsl.analysis.models.variants.recurrent import recurrent_members
from rnndsl.analysis.models.variants.variant import Changes, Variants
from rnndsl.analysis.program import Cell
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Span


@dataclass(slots=True, kw_only=True)
class VariantOptions:
    """What a line says about the cells of its layer.

    ``zoneout`` is the share for all states, ``zoneout_of`` that of some, which
    ``zoneout_places`` name; the other numbers are probabilities. None: not given.
    ``emitted`` has the locals and states to put out, and where they are named.
    ``resets``: the model starts anew where a call says so, ``learns_start``: at values
    that are learned. ``one_hot``: unit vectors come from below.
    """

    zoneout: float | None = None
    zoneout_of: dict[str, float] = field(default_factory=dict)
    zoneout_places: dict[str, Span] = field(default_factory=dict)
    recurrent_dropout: float | None = None
    weight_drop: float | None = None
    emitted: dict[str, Span] = field(default_factory=dict)
    resets: bool = False
    learns_start: bool = False
    one_hot: bool = False

    def zoned(self, cell: Cell) -> dict[str, float]:
        """The states of a cell with zoneout, and their shares."""
        if self.zoneout is not None:
            kept = (state.name for state in cell.states if state.delay is None)
            return dict.fromkeys(kept, self.zoneout)
        names = [state.name for state in cell.states if state.name in self.zoneout_of]
        return {name: self.zoneout_of[name] for name in names}

    def applied(
        self, use: CellUse, sized: SizedCell, below: Width, variants: Variants
    ) -> CellUse:
        """The use of a cell as the options want it: of the cell, or of a variant."""
        cell, shares = sized.cell, self.zoned(sized.cell)
        stored = recurrent_stored(cell) if self.weight_drop is not None else ()
        changes = Changes(
            drops=self.recurrent_dropout is not None,
            zoned=tuple(shares),
            resets=self.resets,
            learned=self.resets and self.learns_start,
            emitted=tuple(name for name in self.emitted if name in emittable(cell)),
        )
        # What draws masks for a layer draws them like its input, which must be floats.
        is_plain = not (changes.drops or changes.zoned or changes.resets)
        if self.one_hot and is_plain and reads_columns(cell):
            changes = replace(changes, one_hot=True)
        if changes == Changes():
            return replace(use, recurrent=stored)
        variant = variants.of(cell, changes)
        shapes = {state.name: state.shape for state in cell.states}
        fed = tuple(
            FedInput(
                name=name,
                feed=feed,
                share=self._share(feed, shares.get(state, 0.0)),
                widths=sized.widths(shapes.get(state, ()), below),
            )
            for name, feed, state in variant.feeds
        )
        return replace(
            use,
            cell=variant.cell.name,
            fed=fed,
            recurrent=stored,
            emitted=changes.emitted,
        )

    def _share(self, feed: Feed, zoned: float) -> float:
        """The probability of what a feed does; ``zoned`` is that of zoneout."""
        match feed:
            case Feed.ZONEOUT:
                return zoned
            case Feed.RECURRENT_DROPOUT:
                return self.recurrent_dropout or 0.0
            case Feed.RESET:
                return 0.0
            case _:
                assert_never(feed)


def recurrent_stored(cell: Cell) -> tuple[str, ...]:
    """The stored tensors of a cell's recurrent matrices."""
    members = recurrent_members(cell)
    return tuple(
        parameter.name
        for parameter in cell.parameters
        if any(member.name in members for member in parameter.members)
    )
