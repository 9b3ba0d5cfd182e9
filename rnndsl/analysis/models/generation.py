"""Models that read their own outputs: what ``generate`` says, and which models can."""

from __future__ import annotations

from collections.abc import Sequence

from rnndsl.analysis.findings import error, quoted
from rnndsl.analysis.model import (
    Exchange,
    Generation,
    LossKind,
    Model,
    TokenInput,
    VectorInput,
)
from rnndsl.analysis.model_layers import TimeConvolution
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.layers import LayerLine
from rnndsl.analysis.models.terms import (
    given_twice,
    not_a_number,
    unknown_choice,
    values_of,
)
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Diagnostic, Label, Report, Span
from rnndsl.syntax import tree
from rnndsl.syntax.literals import is_whole_number

_SYMBOLS = ("start", "stop")
_BACKWARD = ("bidirectional", "reverse")


def read_generation(clause: tree.Clause, context: ModelContext) -> Generation | None:
    """What ``generate`` says; None, and reported, if it is wrong."""
    found: dict[str, tree.Term] = {}
    symbols: dict[str, int | None] = {}
    for term in clause.terms:
        if isinstance(term, tree.NumberLiteral) or term.name.text not in _SYMBOLS:
            word = term.span.text
            context.add(unknown_choice(term.span, word, "symbol", _SYMBOLS))
            return None
        word = term.name.text
        if word in found:
            context.add(given_twice(term.name.span, word, found[word].name.span))
            return None
        found[word] = term
        symbols[word] = _symbol(term, context)
    if None in symbols.values():
        return None
    start, stop = symbols.get("start"), symbols.get("stop")
    return Generation(span=clause.span, start=start, stop=stop)


def _symbol(term: tree.Term, context: ModelContext) -> int | None:
    form = f"{term.name.text}(1)"
    values = values_of(term, form, (1,), context.report)
    if values is None:
        return None
    value = values[0]
    if not isinstance(value, tree.NumberLiteral) or not is_whole_number(value.text):
        context.add(not_a_number(value.span, term.name.text, form))
        return None
    return int(value.text)


def check_generation(
    model: Model,
    lines: Sequence[LayerLine],
    io: tree.Clause | None,
    report: Report,
) -> None:
    """A model that generates can read what it writes, step by step."""
    if model.generation is None:
        if model.exchange is Exchange.ONE_TO_MANY and io is not None:
            report.add(needs_generate(io.terms[0].span))
        return
    if model.exchange is Exchange.REPEAT:
        return
    place = model.generation.span
    if not model.exchange.has_steps:
        assert io is not None, "it is not the default"
        reason = "there is one output for a whole sequence"
        report.add(cannot_generate(place, reason, io.span, "said here"))
    for further in model.inputs[1:]:
        reason = "nothing says what further inputs are in steps that are generated"
        report.add(cannot_generate(place, reason, further.span, "a further input"))
    for line in lines:
        for word in _BACKWARD:
            if line.options.has(word):
                reason = "a layer reads the sequence from its end"
                where = line.options.places[word]
                report.add(cannot_generate(place, reason, where, "backward in time"))
    for layer in (*model.layers, *model.head):
        if isinstance(layer, TimeConvolution):
            reason = "a convolution over time sees steps before the last"
            report.add(cannot_generate(place, reason, layer.span, "over time"))
    first = model.inputs[0]
    last = (model.head or model.layers)[-1].span
    match first:
        case TokenInput(vocabulary=vocabulary):
            scores = Width.of(vocabulary)
            kinds: tuple[LossKind, ...] = (LossKind.CROSS_ENTROPY,)
        case VectorInput(shape=shape):
            scores = Width.of(shape[0])
            kinds = (LossKind.SQUARED_ERROR, LossKind.ABSOLUTE_ERROR)
            _check_no_symbols(model.generation, first, report)
            if shape[1:]:
                reason = "an output is a vector, the input is none"
                report.add(cannot_generate(place, reason, first.span, "the input"))
    if model.output_width != scores:
        reason = f"the output has width {model.output_width}, the input {scores}"
        report.add(cannot_generate(place, reason, last, "the output"))
    if model.loss is not None and model.loss.kind not in kinds:
        reason = f"{quoted(model.loss.kind.value)} does not make it an input"
        report.add(cannot_generate(place, reason, model.loss.span, "the loss"))
    if isinstance(first, TokenInput):
        _check_vocabulary(model.generation, first, report)


def _check_no_symbols(
    generation: Generation, first: VectorInput, report: Report
) -> None:
    if generation.start is not None or generation.stop is not None:
        reason = "vectors have no symbol to start or to stop with"
        label = "a vector"
        report.add(cannot_generate(generation.span, reason, first.span, label))


def _check_vocabulary(
    generation: Generation, first: TokenInput, report: Report
) -> None:
    vocabulary = first.vocabulary
    for symbol in (generation.start, generation.stop):
        if symbol is not None and isinstance(vocabulary, int) and symbol >= vocabulary:
            report.add(beyond_vocabulary(generation.span, symbol, first))


def needs_generate(span: Span) -> Diagnostic:
    """One thing in, many out, and nothing that makes the many."""
    return error(
        "RNN111",
        "a model with `one_to_many` writes a sequence, which `generate` makes",
        span,
        label="nothing makes the sequence",
        help="add a line `generate start(1), stop(2)`",
    )


def cannot_generate(span: Span, reason: str, place: Span, label: str) -> Diagnostic:
    """A model that cannot read its own outputs."""
    return error(
        "RNN112",
        "the model cannot read its own outputs",
        span,
        label=reason,
        labels=[Label(place, label)],
        help="the output of a step is the input of the next: of the same width, for "
        "tokens a score for each of the vocabulary",
    )


def beyond_vocabulary(span: Span, symbol: int, tokens: TokenInput) -> Diagnostic:
    """A symbol that is no token."""
    return error(
        "RNN113",
        f"the symbol {symbol} is not in the vocabulary",
        span,
        label=f"tokens are below {tokens.vocabulary}",
        labels=[Label(tokens.span, "declared here")],
        help="symbols are whole numbers from 0 on",
    )
