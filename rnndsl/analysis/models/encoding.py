"""What a decoder takes of its encoder: first states, and what it attends to."""

from __future__ import annotations

from collections.abc import Mapping

from rnndsl.analysis.findings import error, quoted
from rnndsl.analysis.model import Model
from rnndsl.analysis.model_layers import (
    Attend,
    AttentionKind,
    CellUse,
    Merge,
    Recurrence,
    RecurrentLayer,
    StateFromEncoder,
)
from rnndsl.analysis.models.cells import widths_differ
from rnndsl.analysis.models.clauses import misplaced_line
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.sharing import reads_separate
from rnndsl.analysis.models.terms import (
    check_plain,
    unknown_choice,
    values_of,
    word_of,
    wrong_arguments,
)
from rnndsl.analysis.program import Cell
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Diagnostic, Span
from rnndsl.syntax import tree
from rnndsl.syntax.clauses import ENCODER

_FORM = "attend encoder, additive"
_KINDS = tuple(kind.value for kind in AttentionKind)
_BRIDGE = "write `state from encoder(linear)`: a map of all its states that is learned"
_StateWidths = dict[str, tuple[Width, ...]]


def started(
    layer: RecurrentLayer, cells: Mapping[str, Cell], context: ModelContext
) -> StateFromEncoder | None:
    """Where a decoder's layer starts: at the states of the encoder's layer of the same
    number; None, and reported, if there is none, or if it does not fit."""
    start, encoder = layer.initial_state, context.encoder
    assert isinstance(start, StateFromEncoder), "asked by the caller"
    assert encoder is not None, "it has been read"
    source = next(
        (
            item
            for item in encoder.layers
            if isinstance(item, RecurrentLayer) and item.name == layer.name
        ),
        None,
    )
    number = layer.name.rpartition("_")[2]
    if source is None:
        reason = f"the encoder has no layer {number}"
        advice = "give the encoder as many layers"
        context.add(no_counterpart(start.span, reason, advice))
        return None
    if source.extent:
        reason, advice = "the encoder's layer works on images", "start it at zero"
        context.add(no_counterpart(start.span, reason, advice))
        return None
    known = {cell.name: cell for cell in encoder.cells}
    if not start.bridge and not _fits(start.span, layer, source, cells, known, context):
        return None
    total = Width()
    for branch in source.branches:
        for use in _uses(branch):
            for widths in _states(use, known[use.cell], source.input_width).values():
                total += widths[0] if widths else Width.of(1)
    return StateFromEncoder(
        span=start.span,
        layer=source.name,
        bridge=start.bridge,
        activation=start.activation,
        width=total,
    )


def _fits(
    span: Span,
    layer: RecurrentLayer,
    source: RecurrentLayer,
    cells: Mapping[str, Cell],
    known: Mapping[str, Cell],
    context: ModelContext,
) -> bool:
    """Whether the states of an encoder's layer are those of the decoder's."""
    if len(layer.branches) != len(source.branches):
        reason = "it has another number of cells side by side"
        context.add(no_counterpart(span, reason))
        return False
    for own, other in zip(layer.branches, source.branches, strict=True):
        if own.forward is None or own.backward is not None:
            reason = "a layer that runs backward starts at the end of its sequence"
            context.add(no_counterpart(span, reason))
            return False
        wanted = _states(own.forward, cells[own.forward.cell], layer.input_width)
        given = _merged(other, known, source.input_width)
        if given is None or list(given) != list(wanted):
            reason = "its states are others, or stay apart"
            context.add(no_counterpart(span, reason))
            return False
        for name, widths in wanted.items():
            if widths != given[name]:
                has, needs = (", ".join(map(str, w)) for w in (given[name], widths))
                message = f"the state {quoted(name)} of the encoder has another width"
                label = f"the encoder has width {has}, this layer {needs}"
                context.add(widths_differ(message, span, label, advice=_BRIDGE))
                return False
    return True


def _uses(branch: Recurrence) -> tuple[CellUse, ...]:
    return tuple(u for u in (branch.forward, branch.backward) if u is not None)


def _states(use: CellUse, cell: Cell, below: Width) -> _StateWidths:
    """The widths of each state of a cell on vectors of the width ``below``."""
    sizes = {name: below if d is None else Width.of(d) for name, d in use.sizes}
    return {
        state.name: tuple(
            Width.of(dim) if isinstance(dim, int) else sizes[dim] for dim in state.shape
        )
        for state in cell.states
    }


def _merged(
    branch: Recurrence, known: Mapping[str, Cell], below: Width
) -> _StateWidths | None:
    """Those of one or two directions, merged as their outputs are; None if they cannot
    be."""
    first, *others = (_states(u, known[u.cell], below) for u in _uses(branch))
    for other in others:
        if branch.merge is Merge.SEPARATE or list(other) != list(first):
            return None
        if branch.merge is Merge.CONCAT:
            if not all(first.values()):
                return None
            return {name: (w[0] + other[name][0],) for name, w in first.items()}
        if other != first:
            return None
    return first


def read_attend(
    clause: tree.Clause, below: Width, context: ModelContext
) -> Attend | None:
    """What ``attend`` says, on features of the width ``below``; None, and reported, if
    it is wrong."""
    encoder = context.encoder
    if encoder is None:
        context.add(misplaced_line(clause.word, "there is no `encoder:` to attend to"))
        return None
    if len(clause.terms) != 2:
        place = clause.word.span if not clause.terms else clause.terms[-1].span
        label = "needs what to attend to, and how"
        context.add(wrong_arguments(place, "attend", _FORM, label))
        return None
    what, how = clause.terms
    if word_of(what) != ENCODER:
        text = what.span.text
        context.add(unknown_choice(what.span, text, "memory", (ENCODER,)))
        return None
    if isinstance(how, tree.NumberLiteral) or how.name.text not in _KINDS:
        context.add(unknown_choice(how.span, how.span.text, "attention", _KINDS))
        return None
    kind, memory = AttentionKind(how.name.text), encoder.output_width
    counts = (0, 1) if kind is AttentionKind.ADDITIVE else (0,)
    values = values_of(how, f"attend encoder, {kind.value}", counts, context.report)
    if values is None or not check_plain(how, context.report):
        return None
    size = context.size(values[0]) if values else None
    if values and size is None:
        return None
    return _attention(clause, kind, encoder, below, memory, size, context)


def _attention(
    clause: tree.Clause,
    kind: AttentionKind,
    encoder: Model,
    below: Width,
    memory: Width,
    size: str | int | None,
    context: ModelContext,
) -> Attend | None:
    last = encoder.layers[-1]
    if isinstance(last, RecurrentLayer) and last.is_separate:
        context.add(reads_separate(clause.span, last.span))
        return None
    if kind is AttentionKind.DOT and below != memory:
        message = "`dot` compares vectors of one width"
        label = f"these features have width {below}, the encoder's outputs {memory}"
        advice = "write `general`, which maps the encoder's outputs first"
        context.add(widths_differ(message, clause.span, label, advice=advice))
        return None
    return Attend(
        span=clause.span,
        kind=kind,
        query_width=below,
        memory_width=memory,
        size=below if size is None else Width.of(size),
    )


def no_counterpart(span: Span, reason: str, advice: str = _BRIDGE) -> Diagnostic:
    """A layer that cannot start at the states of the encoder's as they are."""
    return error(
        "RNN115",
        "there is no layer of the encoder with these states",
        span,
        label=reason,
        help=advice,
    )
