"""What the lines that add recurrent layers say: the cells, and options behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from rnndsl.analysis.findings import did_you_mean, error, quoted
from rnndsl.analysis.model_layers import InitialState, Merge
from rnndsl.analysis.models.cells import SizedCell, sized_cell
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.layers import LayerLine, LayerOptions
from rnndsl.analysis.models.states import read_state
from rnndsl.analysis.models.terms import (
    LAYER_OPTIONS,
    PARALLEL,
    arguments_of,
    check_plain,
    excluded,
    given_twice,
    share_of,
    unknown_choice,
    values_of,
    word_of,
    wrong_arguments,
)
from rnndsl.analysis.models.variants.reading import (
    read_emit,
    read_recurrent_dropout,
    read_weight_drop,
    read_zoneout,
)
from rnndsl.analysis.models.variants.rules import misplaced_options
from rnndsl.diagnostics import Diagnostic, Span
from rnndsl.diagnostics.suggest import suggest
from rnndsl.syntax import tree

MAX_LAYERS = 256
_BRANCH_MERGES = (Merge.CONCAT, Merge.SUM, Merge.MEAN, Merge.PRODUCT)
_MERGE = "merge"


def read_layer(clause: tree.Clause, context: ModelContext) -> LayerLine | None:
    """What a ``layer`` line says; None, and reported, if it is wrong."""
    if not clause.terms:
        form = "layer LSTM(64)"
        context.add(wrong_arguments(clause.word.span, "layer", form, "lacks its cell"))
        return None
    first, *options = clause.terms
    count = _count(first, context)
    branches = _branches(first, context)
    read = _options(options, context)
    if branches is None or count is None or read is None:
        return None
    if read.has("shared") and count == 1:
        form = "layer GRU(64) x 3, shared"
        label = "there is one layer, so nothing to share"
        context.add(wrong_arguments(read.places["shared"], "shared", form, label))
        return None
    cells, merge = branches
    line = LayerLine(clause=clause, cells=cells, merge=merge, count=count, options=read)
    misplaced = list(misplaced_options([c.cell for c in line.all_cells], read))
    for diagnostic in misplaced:
        context.add(diagnostic)
    return None if misplaced else line


def _count(first: tree.ClauseTerm, context: ModelContext) -> int | None:
    if isinstance(first, tree.NumberLiteral) or first.repetition is None:
        return 1
    number = first.repetition
    if not 1 <= number.value <= MAX_LAYERS:
        context.add(wrong_count(number.span, int(number.value)))
        return None
    return int(number.value)


def _branches(
    first: tree.ClauseTerm, context: ModelContext
) -> tuple[list[SizedCell], Merge] | None:
    """The cells side by side, and how their outputs are joined."""
    if isinstance(first, tree.NumberLiteral) or first.name.text != PARALLEL:
        cell = sized_cell(first, context, repeats=True)
        return None if cell is None else ([cell], Merge.CONCAT)
    is_plain = check_plain(first, context.report, repeats=True)
    cells: list[SizedCell | None] = []
    merges: list[Merge | None] = []
    for argument in arguments_of(first):
        if argument.name is None:
            cells.append(sized_cell(argument.value, context))
        elif argument.name.text != _MERGE:
            word = argument.name
            known = [_MERGE]
            context.add(unknown_choice(word.span, word.text, "option", known))
            merges.append(None)
        else:
            merges.append(_merge(argument.value, context, _BRANCH_MERGES))
    if len(cells) < 2 or len(merges) > 1:
        form = "parallel(LSTM(64), GRU(64), merge = sum)"
        label = "needs at least two cells" if len(cells) < 2 else "merged twice"
        context.add(wrong_arguments(first.span, PARALLEL, form, label))
        return None
    found = [cell for cell in cells if cell is not None]
    merge = merges[0] if merges else Merge.CONCAT
    if not is_plain or len(found) < len(cells) or merge is None:
        return None
    return found, merge


def _merge(
    term: tree.ClauseTerm, context: ModelContext, merges: Sequence[Merge]
) -> Merge | None:
    word = word_of(term)
    known = [merge.value for merge in merges]
    if word in known:
        return Merge(word)
    context.add(unknown_choice(term.span, term.span.text, "merge", known))
    return None


def _options(
    terms: list[tree.ClauseTerm], context: ModelContext
) -> LayerOptions | None:
    """The options of a layer; None, and reported, if one is wrong."""
    options = LayerOptions()
    is_sound = True
    for term in terms:
        word = term.name.text if isinstance(term, tree.Term) else term.text
        if isinstance(term, tree.NumberLiteral) or word not in _READERS:
            context.add(unknown_option(term, word, context))
            is_sound = False
        elif word in options.places:
            context.add(given_twice(term.name.span, word, options.places[word]))
            is_sound = False
        else:
            options.places[word] = term.name.span
            is_sound = _READERS[word](term, options, context) and is_sound
    for one, other, reason in _EXCLUDE:
        if options.has(one) and options.has(other):
            span, place = options.places[other], options.places[one]
            context.add(excluded(span, other, one, place, reason))
            is_sound = False
    if options.merge is Merge.SEPARATE:
        for word in ("residual", "skip"):
            if options.has(word):
                reason = "the input of the layer has no directions"
                span, place = options.places[word], options.places["bidirectional"]
                other = "bidirectional(separate)"
                context.add(excluded(span, word, other, place, reason))
                is_sound = False
    return options if is_sound else None


_EXCLUDE = (
    ("bidirectional", "reverse", "both directions run already"),
    ("residual", "skip", "the input is joined to the output once"),
)


def _bidirectional(
    term: tree.Term, options: LayerOptions, context: ModelContext
) -> bool:
    form = "bidirectional(sum, GRU(64))"
    values = values_of(term, form, (0, 1, 2), context.report)
    if values is None or not check_plain(term, context.report):
        return False
    cells = [value for value in values if _is_cell(value, context)]
    merges = [value for value in values if not _is_cell(value, context)]
    if len(cells) > 1 or len(merges) > 1:
        label = "one merge and one cell at most"
        context.add(wrong_arguments(term.span, "bidirectional", form, label))
        return False
    for value in cells:
        options.backward = sized_cell(value, context)
    found = [_merge(value, context, tuple(Merge)) for value in merges]
    for merge in found:
        options.merge = merge or options.merge
    return None not in found and not (cells and options.backward is None)


def _is_cell(term: tree.ClauseTerm, context: ModelContext) -> bool:
    """Whether a term is meant to be a cell and not a merge."""
    if isinstance(term, tree.NumberLiteral):
        return False
    return term.arguments is not None or term.name.text in context.cells


def _bare(form: str) -> Callable[[tree.Term, LayerOptions, ModelContext], bool]:
    def read(term: tree.Term, options: LayerOptions, context: ModelContext) -> bool:
        values = values_of(term, form, (0,), context.report)
        return values is not None and check_plain(term, context.report)

    return read


def _dropout(term: tree.Term, options: LayerOptions, context: ModelContext) -> bool:
    share = share_of(term, "dropout", context)
    options.dropout = share or 0.0
    return share is not None


def _variational(term: tree.Term, options: LayerOptions, context: ModelContext) -> bool:
    share = share_of(term, "variational", context)
    options.variational = share or 0.0
    return share is not None


def _project(term: tree.Term, options: LayerOptions, context: ModelContext) -> bool:
    values = values_of(term, "project(64)", (1,), context.report)
    if values is None or not check_plain(term, context.report):
        return False
    options.project = context.size(values[0])
    return options.project is not None


def _state(term: tree.Term, options: LayerOptions, context: ModelContext) -> bool:
    found = read_state(term, context)
    options.initial_state = found or InitialState.ZERO
    return found is not None


_Reader: TypeAlias = Callable[[tree.Term, LayerOptions, ModelContext], bool]
_READERS: dict[str, _Reader] = {
    "bidirectional": _bidirectional,
    "reverse": _bare("reverse"),
    "residual": _bare("residual"),
    "skip": _bare("skip"),
    "shared": _bare("shared"),
    "dropout": _dropout,
    "variational": _variational,
    "project": _project,
    "state": _state,
    "zoneout": read_zoneout,
    "recurrent_dropout": read_recurrent_dropout,
    "weight_drop": read_weight_drop,
    "emit": read_emit,
}


def unknown_option(
    term: tree.ClauseTerm, word: str, context: ModelContext
) -> Diagnostic:
    """Something behind the cell of a layer that is no option."""
    advice = did_you_mean(suggest(word, LAYER_OPTIONS))
    if word in context.cells:
        advice = "write each layer on a line of its own, or `parallel(...)`"
    listed = ", ".join(f"`{option}`" for option in LAYER_OPTIONS)
    return error(
        "RNN083",
        f"a layer has no option {quoted(word)}",
        term.span if isinstance(term, tree.NumberLiteral) else term.name.span,
        label="not known",
        help=advice or f"the options are {listed}",
    )


def wrong_count(span: Span, count: int) -> Diagnostic:
    """No layer, or more than a module can be made of."""
    return error(
        "RNN093",
        f"a model has from 1 to {MAX_LAYERS} layers",
        span,
        label=f"{count} layers",
    )
