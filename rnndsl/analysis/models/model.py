"""One model: from its definition to the resolved model."""

from __future__ import annotations

from collections.abc import Mapping

from rnndsl.analysis.declarations import declare
from rnndsl.analysis.dimensions import dimensions_of
from rnndsl.analysis.model import (
    Embedding,
    Exchange,
    Layer,
    Masking,
    Model,
    ModelInput,
    OneHot,
    RecurrentLayer,
    TokenInput,
    VectorInput,
)
from rnndsl.analysis.models.clauses import FRONTS, Clauses, clauses_of, two_fronts
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.convolutions import Extent, not_a_vector
from rnndsl.analysis.models.embeddings import Table
from rnndsl.analysis.models.inputs import (
    read_front,
    read_inputs,
    tokens_alone,
    width_of,
)
from rnndsl.analysis.models.layers import LayerLine
from rnndsl.analysis.models.loss_rules import check_loss
from rnndsl.analysis.models.losses import read_exchange, read_loss
from rnndsl.analysis.models.maps import Maps, read_dropout
from rnndsl.analysis.models.options import MAX_LAYERS, read_layer, wrong_count
from rnndsl.analysis.models.running import (
    check_running,
    read_stateful,
    read_truncation,
)
from rnndsl.analysis.models.sharing import check_separate, sharing
from rnndsl.analysis.models.usage import (
    check_directions,
    check_model_usage,
    check_one_hot,
    check_steps,
)
from rnndsl.analysis.models.variants.variant import Variants
from rnndsl.analysis.program import Cell
from rnndsl.analysis.reserved import MODEL_ARGUMENTS, MODEL_ATTRIBUTES
from rnndsl.analysis.scope import Kind, Scope
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Report
from rnndsl.syntax import tree


def resolve_model(
    model: tree.ModelDefinition,
    cells: Mapping[str, Cell | None],
    others: Mapping[str, str],
    variants: Variants,
    report: Report,
) -> Model | None:
    """The resolved model; None if anything in it is wrong, or if a cell of it is.

    ``cells`` are those of the file, None for one that has been reported; ``others`` are
    the file's names that are no cells, with what they are. ``variants`` fills with the
    variants of cells that the model is made of.
    """
    own = Report()
    context = ModelContext(Scope(), cells, others, own, variants)
    resolved = _Resolution(model, context).model()
    for diagnostic in own.diagnostics:
        report.add(diagnostic)
    return None if own.has_errors else resolved


class _Resolution:
    """The parts of one model, from its inputs up."""

    def __init__(self, model: tree.ModelDefinition, context: ModelContext) -> None:
        self._definition = model
        self._context = context
        self._lines: list[LayerLine] = []
        self._layers: list[Layer] = []
        # That of what comes from below; None where an error has made it unknown.
        self._width: Width | None = None
        # Its axes behind the channels; nothing for vectors.
        self._extent: Extent = ()

    def model(self) -> Model | None:
        definition, context = self._definition, self._context
        report = context.report
        dimensions = dimensions_of(
            definition.dimensions, MODEL_ARGUMENTS, report, attributes=MODEL_ATTRIBUTES
        )
        for declared in definition.dimensions:
            declare(declared.name, Kind.DIMENSION, (), context.scope, {}, report)
        clauses = clauses_of(definition, report)
        inputs = read_inputs(clauses.inputs, context)
        front = self._front(clauses, inputs[0] if inputs else None)
        further = {item.name: item for item in inputs[1:] if item is not None}
        for clause in clauses.stack:
            self._add(clause, further)
        io = clauses.once.get("io")
        exchange = (
            (Exchange.MANY_TO_MANY, None, Masking.ZERO)
            if io is None
            else read_exchange(io, context)
        )
        table = None
        if (
            inputs
            and isinstance(front, Embedding)
            and isinstance(inputs[0], TokenInput)
        ):
            table = Table(front, inputs[0].vocabulary)
        head = self._head(clauses.once.get("head"), table)
        end = clauses.once.get("loss")
        loss = None if end is None else read_loss(end, context)
        stateful = read_stateful(clauses.once.get("stateful"), context)
        truncation = read_truncation(clauses.once.get("truncate"), context)
        if report.has_errors or self._width is None or exchange is None:
            return None
        docstring = definition.docstring
        resolved = Model(
            span=definition.name.span,
            name=definition.name.text,
            docstring="" if docstring is None else docstring.text,
            dimensions=dimensions,
            inputs=tuple(item for item in inputs if item is not None),
            front=front,
            layers=tuple(self._layers),
            exchange=exchange[0],
            exchange_span=None if io is None else io.span,
            pooling=exchange[1],
            masking=exchange[2],
            stateful=stateful,
            truncation=truncation,
            head=head,
            loss=loss,
            cells=self._cells(),
            output_width=self._width,
        )
        check_directions(self._lines, io, resolved, report)
        running = (stateful, truncation)
        check_running(self._lines, resolved.exchange, io, running, report)
        check_steps(resolved, io, report)
        check_separate(self._lines, resolved, report)
        check_loss(resolved, io, report)
        check_one_hot(resolved, report)
        check_model_usage(resolved, context)
        return resolved

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
            self._width = width_of(first, front)
        if isinstance(first, VectorInput):
            self._extent = first.shape[1:]
        return front

    def _add(self, clause: tree.Clause, further: Mapping[str, ModelInput]) -> None:
        """Adds what one line says to the stack."""
        if clause.word.text == "layer":
            line = read_layer(clause, self._context)
            if line is None or self._width is None:
                self._width, self._extent = None, ()
                return
            if self._extent:
                place = clause.terms[0].span
                self._context.add(not_a_vector(place, self._width, self._extent))
                self._width, self._extent = None, ()
                return
            self._lines.append(line)
            self._recurrent(line, further)
            return
        maps = Maps(self._width, self._context, extent=self._extent)
        if clause.word.text == "dropout":
            read_dropout(clause, maps, self._context)
        else:
            maps.read(clause)
        self._layers.extend(maps.layers)
        self._width, self._extent = maps.width, maps.extent

    def _recurrent(self, line: LayerLine, further: Mapping[str, ModelInput]) -> None:
        first: RecurrentLayer | None = None
        for _ in range(line.count):
            count = sum(isinstance(layer, RecurrentLayer) for layer in self._layers) + 1
            if count > MAX_LAYERS:
                self._context.add(wrong_count(line.clause.span, count))
                return
            if self._width is None:
                return
            name = f"layer_{count}"
            layer = line.layer(name, self._width, further, self._context)
            if line.options.has("shared") and layer is not None:
                first = first or layer
                layer = sharing(layer, first, line, self._context)
            if layer is not None:
                self._layers.append(layer)
            self._width = None if layer is None else layer.output_width

    def _head(
        self, clause: tree.Clause | None, table: Table | None
    ) -> tuple[Layer, ...]:
        if clause is None:
            return ()
        maps = Maps(self._width, self._context, table=table)
        maps.read(clause)
        self._width = maps.width
        return tuple(maps.layers)

    def _cells(self) -> tuple[Cell, ...]:
        """The cells of all layers, each once."""
        known = {
            cell.cell.name: cell.cell for line in self._lines for cell in line.all_cells
        }
        known |= {cell.name: cell for cell in self._context.variants.cells}
        uses = dict.fromkeys(
            use.cell
            for layer in self._layers
            if isinstance(layer, RecurrentLayer)
            for branch in layer.branches
            for use in (branch.forward, branch.backward)
            if use is not None
        )
        return tuple(known[name] for name in uses)
