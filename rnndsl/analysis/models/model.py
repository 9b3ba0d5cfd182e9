"""One model: from its definition to the resolved model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rnndsl.analysis.declarations import declare
from rnndsl.analysis.dimensions import dimensions_of
from rnndsl.analysis.model import Exchange, Masking, Model, Pooling
from rnndsl.analysis.models.clauses import Clauses, clauses_of
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.feeding import check_fed
from rnndsl.analysis.models.generation import check_generation, read_generation
from rnndsl.analysis.models.inputs import read_contexts
from rnndsl.analysis.models.last_state import read_last_state
from rnndsl.analysis.models.layers import LayerLine
from rnndsl.analysis.models.loss_rules import check_loss
from rnndsl.analysis.models.losses import read_exchange, read_loss
from rnndsl.analysis.models.running import (
    check_running,
    read_stateful,
    read_truncation,
)
from rnndsl.analysis.models.settling import check_settling, read_settling
from rnndsl.analysis.models.sharing import check_separate
from rnndsl.analysis.models.stack import Stack
from rnndsl.analysis.models.usage import (
    check_directions,
    check_kept,
    check_model_usage,
    check_one_hot,
    check_repeat,
    check_steps,
    check_unequal,
    names_read,
)
from rnndsl.analysis.models.variants.resetting import check_reset, read_reset
from rnndsl.analysis.models.variants.variant import Variants
from rnndsl.analysis.program import Cell, Dimension
from rnndsl.analysis.reserved import MODEL_ARGUMENTS, MODEL_ATTRIBUTES
from rnndsl.analysis.scope import Kind, Scope
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
    resolved = _resolved(model, ModelContext(Scope(), cells, others, own, variants))
    for diagnostic in own.diagnostics:
        report.add(diagnostic)
    return None if own.has_errors else resolved


def _resolved(definition: tree.ModelDefinition, context: ModelContext) -> Model | None:
    report = context.report
    dimensions = dimensions_of(
        definition.dimensions, MODEL_ARGUMENTS, report, attributes=MODEL_ATTRIBUTES
    )
    for declared in definition.dimensions:
        declare(declared.name, Kind.DIMENSION, (), context.scope, {}, report)
    clauses = clauses_of(definition, report)
    contexts = read_contexts(clauses.contexts, context)
    reset = read_reset(clauses.once.get("reset"), context)
    encoder, encoder_lines = _encoder(definition, dimensions, clauses, context)
    if clauses.encoder is not None and encoder is None:
        return None
    context = replace(context, encoder=encoder)
    stack = Stack(clauses, context)
    stack.check_top(definition.name.span)
    io = clauses.once.get("io")
    exchange = (
        (Exchange.MANY_TO_MANY, None, Masking.ZERO)
        if io is None
        else read_exchange(io, context)
    )
    if exchange is not None and exchange[1] is not None:
        # Behind a pooling there are no steps, and so nothing that is read at each.
        context.further.clear()
    last_state = None
    if io is not None and exchange is not None and exchange[1] is Pooling.STATE:
        last_state = read_last_state(io, stack, context)
    head = stack.head(clauses.once.get("head"))
    end = clauses.once.get("loss")
    loss = None if end is None else read_loss(end, context)
    settling = read_settling(io, context)
    stateful = read_stateful(clauses.once.get("stateful"), context)
    truncation = read_truncation(clauses.once.get("truncate"), context)
    last = clauses.once.get("generate")
    generation = None if last is None else read_generation(last, context)
    if report.has_errors or stack.width is None or exchange is None:
        return None
    docstring = definition.docstring
    resolved = Model(
        span=definition.name.span,
        name=definition.name.text,
        docstring="" if docstring is None else docstring.text,
        dimensions=dimensions,
        contexts=contexts,
        encoder=encoder,
        inputs=tuple(item for item in stack.inputs if item is not None),
        front=stack.front,
        layers=tuple(stack.layers),
        exchange=exchange[0],
        exchange_span=None if io is None else io.span,
        pooling=exchange[1],
        settling=settling,
        last_state=last_state,
        masking=exchange[2],
        reset=reset,
        stateful=stateful,
        truncation=truncation,
        head=head,
        loss=loss,
        generation=generation,
        cells=stack.cells,
        output_width=stack.width,
    )
    check_directions(stack.lines, io, resolved, report)
    check_reset(resolved, io, report)
    running = (stateful, truncation)
    lines = (*encoder_lines, *stack.lines)
    check_running(lines, resolved.exchange, io, running, report)
    check_settling(settling, stack.lines, report)
    check_steps(resolved, io, report)
    check_separate(stack.lines, resolved, report)
    check_loss(resolved, io, report)
    check_unequal(resolved, io, report)
    check_repeat(resolved, io, report)
    check_fed(resolved, io, report)
    check_kept(resolved, report)
    check_one_hot(resolved, report)
    check_generation(resolved, stack.lines, io, report)
    check_model_usage(resolved, context)
    return resolved


def _encoder(
    definition: tree.ModelDefinition,
    dimensions: tuple[Dimension, ...],
    clauses: Clauses,
    context: ModelContext,
) -> tuple[Model | None, Sequence[LayerLine]]:
    """The model that the block ``encoder`` makes, and its lines with layers; None if
    there is no such block, or, reported, if it is wrong."""
    if clauses.encoder is None:
        return None, ()
    own, word = clauses.encoder
    inner = replace(context, further={}, used=set())
    stack = Stack(own, inner)
    stack.check_top(word.span)
    context.used.update(inner.used)
    if context.report.has_errors or stack.width is None:
        return None, stack.lines
    encoder = Model(
        span=word.span,
        name=f"{definition.name.text}Encoder",
        docstring=f"The encoder of {definition.name.text}.",
        dimensions=(),
        contexts=(),
        inputs=tuple(item for item in stack.inputs if item is not None),
        front=stack.front,
        layers=tuple(stack.layers),
        exchange=Exchange.MANY_TO_MANY,
        pooling=None,
        masking=Masking.ZERO,
        stateful=None,
        truncation=None,
        head=(),
        loss=None,
        generation=None,
        cells=stack.cells,
        output_width=stack.width,
    )
    read = tuple(dict.fromkeys(names_read(encoder)))
    contexts = tuple(item for item in context.contexts.values() if item.name in read)
    sizes = {*inner.used, *(size for item in contexts for size in item.sizes)}
    check_separate(stack.lines, encoder, context.report)
    check_one_hot(encoder, context.report)
    own_dimensions = tuple(item for item in dimensions if item.name in sizes)
    encoder = replace(encoder, contexts=contexts, dimensions=own_dimensions)
    return encoder, stack.lines
