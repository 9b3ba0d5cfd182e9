"""A stack as it is read: its inputs, and the lines on top of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rnndsl.analysis.model import Embedding, ModelInput, OneHot, TokenInput, VectorInput
from rnndsl.analysis.model_layers import (
    FeedBack,
    Layer,
    RecurrentLayer,
    StateFromEncoder,
)
from rnndsl.analysis.models.clauses import FRONTS, Clauses, two_fronts
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.convolutions import Extent, not_a_vector
from rnndsl.analysis.models.embeddings import Table
from rnndsl.analysis.models.encoding import read_attend, started
from rnndsl.analysis.models.feeding import (
    UNKNOWN_FED,
    depends,
    feeds_itself,
    read_feed,
)
from rnndsl.analysis.models.images import check_extent, fed_image, image_on_top
from rnndsl.analysis.models.inputs import (
    read_front,
    read_inputs,
    tokens_alone,
    width_of,
)
from rnndsl.analysis.models.layers import LayerLine
from rnndsl.analysis.models.maps import Maps, read_dropout
from rnndsl.analysis.models.options import MAX_LAYERS, read_layer, wrong_count
from rnndsl.analysis.models.sharing import sharing
from rnndsl.analysis.program import Cell
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Report, Span
from rnndsl.syntax import tree


class Stack:
    """The parts of a model, from its inputs up; what is wrong is reported.

    ``width`` is that of the features on top, None where an error has made it unknown;
    ``inputs`` has None for one that is wrong.
    """

    def __init__(self, clauses: Clauses, context: ModelContext) -> None:
        self.lines: list[LayerLine] = []
        self.layers: list[Layer] = []
        self.width: Width | None = None
        # The axes of the features behind their channels; nothing for vectors.
        self._extent: Extent = ()
        self._context = context
        self._resets = "reset" in clauses.once
        self.inputs = read_inputs(clauses.inputs, context)
        context.further.update(
            {item.name: item for item in self.inputs[1:] if item is not None}
        )
        self.front = self._front(clauses, self.inputs[0] if self.inputs else None)
        # What the first recurrent layer reads besides, of the step before.
        self._fed: Width | None = None
        self._feeds = [line for line in clauses.stack if line.word.text == "feed"]
        if self._feeds:
            self._read_fed(clauses.stack, self._feeds)
        else:
            self._read(clauses.stack)

    def _read(self, lines: Sequence[tree.Clause]) -> None:
        for clause in lines:
            self._add(clause)

    def _read_fed(
        self, lines: Sequence[tree.Clause], feeds: Sequence[tree.Clause]
    ) -> None:
        """Reads lines of which one is fed back, first to see what width that has."""
        context, width, extent = self._context, self.width, self._extent
        trial = Report()
        self._context = replace(context, report=trial)
        self._fed = UNKNOWN_FED
        self._read(lines)
        self._context = context
        fed = next(
            (layer for layer in self.layers if isinstance(layer, FeedBack)), None
        )
        if trial.has_errors or fed is None or depends(fed.width):
            for diagnostic in trial.diagnostics:
                context.add(diagnostic)
            if not trial.has_errors and fed is not None:
                context.add(feeds_itself(feeds[0].span, fed.width))
            self.width = None
            return
        self.lines, self.layers = [], []
        self.width, self._extent, self._fed = width, extent, fed.width
        self._read(lines)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of all layers, each once."""
        known = self._known_cells()
        uses = dict.fromkeys(
            use.cell
            for layer in self.layers
            if isinstance(layer, RecurrentLayer)
            for branch in layer.branches
            for use in (branch.forward, branch.backward)
            if use is not None
        )
        return tuple(known[name] for name in uses)

    def _known_cells(self) -> dict[str, Cell]:
        known = {
            cell.cell.name: cell.cell for line in self.lines for cell in line.all_cells
        }
        return known | {cell.name: cell for cell in self._context.variants.cells}

    def check_top(self, name: Span) -> None:
        """What is on top are vectors; ``name`` is that of the model."""
        if self.width is not None and self._extent:
            self._context.add(image_on_top(name, self.width, self._extent))

    def head(self, clause: tree.Clause | None) -> tuple[Layer, ...]:
        """What ``head`` puts on top."""
        if clause is None:
            return ()
        maps = Maps(self.width, self._context, table=self._table)
        maps.read(clause)
        self.width = maps.width
        return tuple(maps.layers)

    @property
    def _table(self) -> Table | None:
        """That of the embedding, which a head can be tied to."""
        first = self.inputs[0] if self.inputs else None
        if isinstance(self.front, Embedding) and isinstance(first, TokenInput):
            return Table(self.front, first.vocabulary)
        return None

    def _front(
        self, clauses: Clauses, first: ModelInput | None
    ) -> Embedding | OneHot | None:
        """What makes vectors of tokens; sets the width above it."""
        given = [clauses.once[word] for word in FRONTS if word in clauses.once]
        read = [read_front(clause, first, self._context) for clause in given]
        if len(given) == 2:
            self._context.add(two_fronts(*given))
        if isinstance(first, TokenInput) and not given:
            self._context.add(tokens_alone(first))
        front = read[0] if read else None
        if first is not None:
            self.width = width_of(first, front)
        if isinstance(first, VectorInput):
            self._extent = first.shape[1:]
        return front

    def _add(self, clause: tree.Clause) -> None:
        """Adds what one line says to the stack."""
        if clause.word.text == "layer":
            line = read_layer(clause, self._context)
            if line is None or self.width is None:
                self.width, self._extent = None, ()
                return
            wrong = list(check_extent(line, self.width, self._extent))
            if self._extent and self._feeds:
                wrong.append(fed_image(self._feeds[0], line))
            for diagnostic in wrong:
                self._context.add(diagnostic)
            if wrong:
                self.width, self._extent = None, ()
                return
            if self._fed is not None and not self.lines:
                self.width += self._fed
            self.lines.append(line)
            line.options.variant.resets = self._resets
            self._recurrent(line)
            return
        if clause.word.text in ("attend", "feed"):
            self._of_decoder(clause)
            return
        maps = Maps(self.width, self._context, extent=self._extent)
        if clause.word.text == "dropout":
            read_dropout(clause, maps, self._context)
        else:
            maps.read(clause)
        self.layers.extend(maps.layers)
        self.width, self._extent = maps.width, maps.extent

    def _of_decoder(self, clause: tree.Clause) -> None:
        """Takes a line ``attend`` or ``feed``."""
        context = self._context
        if self.width is None:
            return
        if self._extent:
            context.add(not_a_vector(clause.span, self.width, self._extent))
            self.width, self._extent = None, ()
            return
        if clause.word.text == "feed":
            feed = read_feed(clause, self.width, self.layers, context)
            if feed is not None:
                self.layers.append(feed)
            return
        attend = read_attend(clause, self.width, context)
        if attend is None:
            self.width = None
            return
        self.layers.append(attend)
        self.width += attend.memory_width

    def _recurrent(self, line: LayerLine) -> None:
        first: RecurrentLayer | None = None
        for _ in range(line.count):
            count = sum(isinstance(layer, RecurrentLayer) for layer in self.layers) + 1
            if count > MAX_LAYERS:
                self._context.add(wrong_count(line.clause.span, count))
                return
            if self.width is None:
                return
            name = f"layer_{count}"
            is_first = not self.layers
            line.options.variant.one_hot = is_first and isinstance(self.front, OneHot)
            layer = line.layer(name, self.width, self._context, self._extent)
            if line.options.has("shared") and layer is not None:
                first = first or layer
                layer = sharing(layer, first, line, self._context)
            if layer is not None and isinstance(layer.initial_state, StateFromEncoder):
                start = started(layer, self._known_cells(), self._context)
                layer = None if start is None else replace(layer, initial_state=start)
            if layer is not None:
                self.layers.append(layer)
            self.width = None if layer is None else layer.output_width
