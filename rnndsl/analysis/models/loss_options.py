"""What stands in the parentheses of a loss: options by name, and sizes."""

from __future__ import annotations

from rnndsl.analysis.findings import error, quoted
from rnndsl.analysis.model import Loss, LossKind, Reduction
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.terms import (
    arguments_of,
    given_twice,
    not_a_number,
    probability,
    unknown_choice,
    word_of,
    wrong_arguments,
)
from rnndsl.analysis.program import Dim
from rnndsl.diagnostics import Diagnostic, Span
from rnndsl.syntax import tree
from rnndsl.syntax.literals import is_whole_number

_IGNORE, _SMOOTHING, _REDUCTION, _BLANK = "ignore", "smoothing", "reduction", "blank"
_ZERO_INFINITY = "zero_infinity"
_OPTIONS = {
    LossKind.CROSS_ENTROPY: (_IGNORE, _SMOOTHING, _REDUCTION),
    LossKind.BINARY: (_REDUCTION,),
    LossKind.SQUARED_ERROR: (_REDUCTION,),
    LossKind.ABSOLUTE_ERROR: (_REDUCTION,),
    LossKind.CRF: (_REDUCTION,),
    LossKind.CTC: (_BLANK, _REDUCTION),
    LossKind.ADAPTIVE_SOFTMAX: (_IGNORE, _REDUCTION),
}
_FORMS = {
    LossKind.CROSS_ENTROPY: "cross_entropy(ignore = -100, smoothing = 0.1)",
    LossKind.CTC: "ctc(blank = 0, zero_infinity)",
    LossKind.ADAPTIVE_SOFTMAX: "adaptive_softmax(V, 2000, 10000)",
}


class LossReader:
    """Reads the parentheses of one loss; what is wrong is reported."""

    def __init__(self, span: Span, term: tree.Term, context: ModelContext) -> None:
        self._span = span
        self._term = term
        self._context = context
        self._kind = LossKind(term.name.text)
        name = self._kind.value
        self._form = _FORMS.get(self._kind, f"{name}({_REDUCTION} = sum)")

    def loss(self) -> Loss | None:
        """The loss; None if anything in its parentheses is wrong."""
        values: list[tree.ClauseTerm] = []
        words: list[tree.ClauseTerm] = []
        given: dict[str, tree.Argument] = {}
        for argument in arguments_of(self._term):
            if argument.name is None and self._is_zero_infinity(argument.value):
                words.append(argument.value)
            elif argument.name is None:
                values.append(argument.value)
            elif not self._take(argument.name, argument, given):
                return None
        sizes = self._sizes(values)
        for again in words[1:]:
            first = words[0].span
            self._context.add(given_twice(again.span, _ZERO_INFINITY, first))
        options = {name: a.value for name, a in given.items()}
        smoothing: float | None = 0.0
        if _SMOOTHING in options:
            form = "smoothing = 0.1"
            report = self._context.report
            smoothing = probability(options[_SMOOTHING], _SMOOTHING, form, report)
        ignore = self._whole(options, _IGNORE, "ignore = -100", signed=True)
        blank = self._whole(options, _BLANK, "blank = 0", signed=False)
        reduction = self._reduction(options.get(_REDUCTION))
        if sizes is None or smoothing is None or reduction is None:
            return None
        return Loss(
            span=self._span,
            kind=self._kind,
            ignore=ignore,
            smoothing=smoothing,
            reduction=reduction,
            blank=blank or 0,
            zero_infinity=bool(words),
            classes=sizes[0],
            cutoffs=sizes[1],
        )

    def _take(
        self, word: tree.Name, argument: tree.Argument, given: dict[str, tree.Argument]
    ) -> bool:
        """Whether the option is one of this loss, and the first of its name."""
        known = _OPTIONS[self._kind]
        if word.text not in known:
            what = f"option of {quoted(self._kind.value)}"
            self._context.add(unknown_choice(word.span, word.text, what, known))
            return False
        if word.text in given:
            first = given[word.text].span
            self._context.add(given_twice(word.span, word.text, first))
            return False
        given[word.text] = argument
        return True

    def _is_zero_infinity(self, term: tree.ClauseTerm) -> bool:
        return self._kind is LossKind.CTC and word_of(term) == _ZERO_INFINITY

    def _sizes(
        self, values: list[tree.ClauseTerm]
    ) -> tuple[Dim | None, tuple[int, ...]] | None:
        """The classes and the cutoffs of an adaptive softmax; nothing for others."""
        term, context = self._term, self._context
        if self._kind is not LossKind.ADAPTIVE_SOFTMAX:
            for value in values:
                place, label = value.span, "needs a name"
                context.add(wrong_arguments(place, term.name.text, self._form, label))
            return None if values else (None, ())
        if len(values) < 2:
            place = term.name.span if term.arguments is None else term.arguments.span
            label = "needs the number of classes and a cutoff"
            context.add(wrong_arguments(place, term.name.text, self._form, label))
            return None
        classes, *others = values
        size = context.size(classes)
        cutoffs: list[int] = []
        for value in others:
            if not isinstance(value, tree.NumberLiteral):
                context.add(not_a_number(value.span, term.name.text, self._form))
                return None
            cutoff = context.size(value)
            if not isinstance(cutoff, int):
                return None
            if cutoffs and cutoff <= cutoffs[-1]:
                label = f"not above {cutoffs[-1]}, the one before it"
                context.add(cutoff_out_of_order(value.span, label))
                return None
            if isinstance(size, int) and cutoff >= size:
                label = f"not below {size}, the number of classes"
                context.add(cutoff_out_of_order(value.span, label))
                return None
            cutoffs.append(cutoff)
        return None if size is None else (size, tuple(cutoffs))

    def _whole(
        self, options: dict[str, tree.ClauseTerm], name: str, form: str, *, signed: bool
    ) -> int | None:
        """The whole number that an option gives, if it is given."""
        if name not in options:
            return None
        term = options[name]
        if isinstance(term, tree.NumberLiteral):
            digits = term.text.removeprefix("-") if signed else term.text
            if is_whole_number(digits):
                return int(term.text)
        self._context.add(not_a_number(term.span, name, form))
        return None

    def _reduction(self, term: tree.ClauseTerm | None) -> Reduction | None:
        if term is None:
            return Reduction.MEAN
        known = tuple(reduction.value for reduction in Reduction)
        word = word_of(term)
        if word in known:
            return Reduction(word)
        self._context.add(unknown_choice(term.span, term.span.text, _REDUCTION, known))
        return None


def cutoff_out_of_order(span: Span, label: str) -> Diagnostic:
    """A cluster of an adaptive softmax that would have no class."""
    return error(
        "RNN130",
        "the cutoffs of `adaptive_softmax` do not grow",
        span,
        label=label,
        help="each is the first class of a cluster of rarer ones: "
        "`adaptive_softmax(V, 2000, 10000)`",
    )
