"""Maps at each step: linear maps, functions of the table, dropout; and heads, which are
made of them."""

from __future__ import annotations

from collections.abc import Iterable

from rnndsl.analysis.functions import argument_counts
from rnndsl.analysis.model_layers import (
    Activation,
    Dropout,
    Join,
    Layer,
    LinearMap,
    Softmax,
    TiedMap,
)
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.convolutions import (
    ON_EXTENTS,
    Extent,
    Reader,
    not_a_vector,
    time_convolution,
)
from rnndsl.analysis.models.embeddings import Table, tied_map
from rnndsl.analysis.models.joins import JOIN, read_join
from rnndsl.analysis.models.terms import (
    check_plain,
    given_twice,
    not_a_number,
    probability,
    unknown_choice,
    values_of,
    word_of,
    wrong_arguments,
)
from rnndsl.analysis.program import Dim
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Diagnostic, Span
from rnndsl.formulas.functions import FUNCTIONS, Function
from rnndsl.syntax import tree

_VARIATIONAL = "variational"
_UNARY = {name: f for name, f in FUNCTIONS.items() if len(f.operands) == 1}
_ON_VECTORS = ("linear", "mlp", "tied", "softmax", "log_softmax", "conv_time", JOIN)
_MAPS = (*_ON_VECTORS, *ON_EXTENTS, "dropout", *_UNARY)


class Maps:
    """Maps as they are read, on vectors of a width that may not be known; what is wrong
    is reported and left out."""

    def __init__(
        self,
        below: Width | None,
        context: ModelContext,
        *,
        extent: Extent = (),
        table: Table | None = None,
    ) -> None:
        """``extent`` is that of what comes from below, ``table`` what a map may be tied
        to."""
        self.width = below
        self.extent = extent
        self._table = table
        self.layers: list[Layer] = []
        self._context = context

    def read(self, clause: tree.Clause) -> None:
        """Takes a line: ``map linear(64), tanh``."""
        word = clause.word
        if not clause.terms:
            form = f"{word.text} linear(64), tanh"
            label = "lacks what follows"
            self._context.add(wrong_arguments(word.span, word.text, form, label))
        for term in clause.terms:
            self._term(term)

    def _term(self, term: tree.ClauseTerm) -> None:
        report = self._context.report
        if isinstance(term, tree.NumberLiteral):
            self._context.add(unknown_choice(term.span, term.text, "map", _MAPS))
            return
        if not check_plain(term, report):
            return
        name = term.name.text
        if name in _ON_VECTORS and not self._is_on_vectors(term):
            return
        match name:
            case "linear":
                for size in values_of(term, "linear(64)", (1,), report) or ():
                    self._linear(term.span, self._context.size(size))
            case "mlp":
                self._mlp(term)
            case "tied":
                self._tied(term)
            case "dropout":
                self._dropout(term)
            case "conv_time":
                self._mapped(term, time_convolution)
            case name if name in ON_EXTENTS:
                self._mapped(term, ON_EXTENTS[name])
            case "join":
                self._join(read_join(term, self._context))
            case name if name in _UNARY:
                self._activation(term, _UNARY[name])
            case "softmax" | "log_softmax" as name:
                if values_of(term, name, (0,), report) is not None:
                    is_log = name == "log_softmax"
                    self.layers.append(Softmax(span=term.span, is_log=is_log))
            case name:
                self._context.add(self._unknown(term.name, name))

    def _is_on_vectors(self, term: tree.Term) -> bool:
        """Whether there are vectors, as a map needs; reported if not."""
        if self.width is None or not self.extent:
            return True
        self._context.add(not_a_vector(term.span, self.width, self.extent))
        self.width, self.extent = None, ()
        return False

    def _mapped(self, term: tree.Term, read: Reader) -> None:
        """Takes a convolution, a pool, or what makes vectors of channels."""
        if self.width is None:
            return
        mapped = read(term, self.width, self.extent, self._context)
        if mapped is None:
            self.width, self.extent = None, ()
            return
        layer, self.width, self.extent = mapped
        self.layers.append(layer)

    def _linear(self, span: Span, width: Dim | None) -> None:
        if width is None:
            self.width = None
            return
        if self.width is not None:
            linear = LinearMap(span=span, input_width=self.width, width=width)
            self.layers.append(linear)
        self.width = Width.of(width)

    def _mlp(self, term: tree.Term) -> None:
        """``mlp(128, relu, K)``: linear maps of these sizes and functions."""
        form = "mlp(128, relu, K)"
        report = self._context.report
        values = values_of(term, form, range(1, 64), report)
        if values is None:
            return
        for value in values:
            if isinstance(value, tree.Term) and value.name.text in _UNARY:
                if check_plain(value, report):
                    self._activation(value, _UNARY[value.name.text])
            else:
                self._linear(value.span, self._context.size(value, _UNARY))
        if isinstance(values[-1], tree.Term) and values[-1].name.text in _UNARY:
            label = "ends with a size"
            self._context.add(wrong_arguments(values[-1].span, "mlp", form, label))

    def _tied(self, term: tree.Term) -> None:
        context = self._context
        former = [layer for layer in self.layers if isinstance(layer, TiedMap)]
        if former:
            context.add(given_twice(term.span, term.name.text, former[0].span))
            return
        if values_of(term, "tied", (0,), context.report) is None:
            return
        tied = tied_map(term, self.width, self._table, context)
        self.width = None if tied is None else Width.of(tied.width)
        if tied is not None:
            self.layers.append(tied)

    def _join(self, join: Join | None) -> None:
        if join is None:
            self.width = None
        elif self.width is not None:
            self.layers.append(join)
            self.width += join.width

    def _dropout(self, term: tree.Term) -> None:
        form = "dropout(0.3)"
        values = values_of(term, form, (1, 2), self._context.report)
        if values is not None:
            self.dropout(term.span, values, form)

    def dropout(self, span: Span, values: Iterable[tree.ClauseTerm], form: str) -> None:
        """Takes a probability, and perhaps a word that makes it variational."""
        first, *words = values
        for word in words:
            if word_of(word) != _VARIATIONAL:
                what, known = "option of dropout", (_VARIATIONAL,)
                text = word.span.text
                self._context.add(unknown_choice(word.span, text, what, known))
                return
        share = probability(first, "dropout", form, self._context.report)
        if share is not None:
            self.layers.append(
                Dropout(span=span, probability=share, variational=bool(words))
            )

    def _activation(self, term: tree.Term, function: Function) -> None:
        least, most = argument_counts(function)
        defaults = [f"{default:g}" for _, default in function.constants if default]
        shown = defaults or [name for name, _ in function.constants]
        form = f"{function.name}({', '.join(shown)})" if shown else function.name
        counts = range(least - 1, most)
        values = values_of(term, form, counts, self._context.report)
        if values is None:
            return
        constants: list[float] = []
        for value in values:
            if not isinstance(value, tree.NumberLiteral):
                self._context.add(not_a_number(value.span, function.name, form))
                return
            constants.append(value.value)
        for _, default in function.constants[len(constants) :]:
            assert default is not None, "a constant without default is counted"
            constants.append(default)
        self.layers.append(
            Activation(
                span=term.span, function=function.name, constants=tuple(constants)
            )
        )

    def _unknown(self, name: tree.Name, word: str) -> Diagnostic:
        advice = ""
        if word in FUNCTIONS:
            advice = f"`{word}` takes more than one value; a map takes one"
        elif word in self._context.cells:
            advice = f"a cell is a layer: `layer {word}(...)`"
        elif word in self._context.others:
            advice = "a map is a function of the language; write yours into a cell"
        return unknown_choice(name.span, word, "map", _MAPS, advice)


def read_dropout(clause: tree.Clause, maps: Maps, context: ModelContext) -> None:
    """Takes a line: ``dropout 0.3, variational``."""
    form = "dropout 0.3"
    word = clause.word
    if not clause.terms:
        label = "lacks its probability"
        context.add(wrong_arguments(word.span, word.text, form, label))
        return
    for surplus in clause.terms[2:]:
        context.add(wrong_arguments(surplus.span, word.text, form, "too much"))
    maps.dropout(clause.span, clause.terms[:2], form)
