"""The lines of a model, sorted by the words that open them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import assert_never

from rnndsl.analysis.findings import did_you_mean, error, quoted
from rnndsl.analysis.models.terms import excluded, given_twice
from rnndsl.diagnostics import Diagnostic, Report
from rnndsl.diagnostics.suggest import suggest
from rnndsl.syntax import tree
from rnndsl.syntax.clauses import BLOCK_WORDS, CLAUSE_WORDS, DECODER, ENCODER

FRONTS = ("embed", "one_hot")
_STACK = ("layer", "map", "dropout", "attend", "feed")
_OF_DECODERS = ("attend", "feed", "head")
_IN_BLOCKS = ("input", *FRONTS, *_STACK, "head")


@dataclass(frozen=True, slots=True)
class Clauses:
    """``contexts`` and ``inputs`` are what they declare. ``stack`` are the lines that
    add something to the stack, in order; ``once`` has the others by their words.
    ``encoder`` are the lines of that block and its word; the others are then those of
    the decoder, and those that are in no block."""

    contexts: tuple[tree.ModelInput, ...]
    inputs: tuple[tree.ModelInput, ...]
    stack: tuple[tree.Clause, ...]
    once: dict[str, tree.Clause]
    encoder: tuple[Clauses, tree.Name] | None = None


def clauses_of(model: tree.ModelDefinition, report: Report) -> Clauses:
    """The lines of a model; what is unknown, repeated, missing or in a wrong place is
    reported."""
    blocks: dict[str, tree.Block] = {}
    lines: list[tree.Line] = []
    for part in model.clauses:
        if not isinstance(part, tree.Block):
            lines.append(part)
        elif part.word.text not in BLOCK_WORDS:
            report.add(unknown_clause(part.word))
        elif part.word.text in blocks:
            first = blocks[part.word.text].word.span
            report.add(given_twice(part.word.span, part.word.text, first))
        else:
            blocks[part.word.text] = part
    if not blocks:
        return _sorted(model.name, f"model {quoted(model.name.text)}", lines, report)
    encoder, decoder = blocks.get(ENCODER), blocks.get(DECODER)
    for line in lines:
        if _word(line).text in _IN_BLOCKS:
            report.add(misplaced_line(_word(line), "write it in one of the blocks"))
    for block in (encoder, decoder):
        for line in () if block is None else block.lines:
            _check_place(line, block is encoder, report)
    if encoder is None or decoder is None:
        missing = ENCODER if encoder is None else DECODER
        what = f"model {quoted(model.name.text)}"
        report.add(incomplete_model(model.name, what, missing, f"{missing}:"))
        return Clauses((), (), (), {})
    own = [line for line in encoder.lines if _word(line).text not in _OF_DECODERS]
    inner = _sorted(encoder.word, ENCODER, own, report)
    outer = [line for line in lines if _word(line).text not in _IN_BLOCKS]
    outer += decoder.lines
    rest = _sorted(decoder.word, DECODER, outer, report)
    return replace(rest, encoder=(inner, encoder.word))


def _check_place(line: tree.Line, in_encoder: bool, report: Report) -> None:
    """Whether a line may stand in a block."""
    word = _word(line)
    if word.text not in _IN_BLOCKS and word.text in CLAUSE_WORDS:
        report.add(misplaced_line(word, "write it below the blocks"))
    elif in_encoder and word.text in _OF_DECODERS:
        report.add(misplaced_line(word, "it belongs to the decoder"))


def _word(line: tree.Line) -> tree.Name:
    match line:
        case tree.ModelInputs(span=span):
            return tree.Name(span=span, text="input")
        case tree.ContextInputs(word=word) | tree.Clause(word=word):
            return word
        case _:
            assert_never(line)


def _sorted(
    name: tree.Name, what: str, lines: Iterable[tree.Line], report: Report
) -> Clauses:
    """Lines sorted by their words; ``what`` is the model or block that has them."""
    contexts: list[tree.ModelInput] = []
    inputs: list[tree.ModelInput] = []
    stack: list[tree.Clause] = []
    once: dict[str, tree.Clause] = {}
    is_whole = True
    for clause in lines:
        if isinstance(clause, tree.ModelInputs):
            inputs.extend(clause.inputs)
        elif isinstance(clause, tree.ContextInputs):
            contexts.extend(clause.inputs)
        elif clause.word.text in _STACK:
            stack.append(clause)
        elif clause.word.text not in CLAUSE_WORDS:
            report.add(unknown_clause(clause.word))
            is_whole = False
        elif clause.word.text in once:
            first = once[clause.word.text].word.span
            report.add(given_twice(clause.word.span, clause.word.text, first))
        else:
            once[clause.word.text] = clause
    # An unknown line may be the missing one, misspelt.
    if is_whole and not inputs:
        report.add(incomplete_model(name, what, "input", "input x: [I]"))
    if is_whole and not any(clause.word.text == "layer" for clause in stack):
        report.add(incomplete_model(name, what, "layer", "layer LSTM(64)"))
    return Clauses(tuple(contexts), tuple(inputs), tuple(stack), once)


def unknown_clause(name: tree.Name) -> Diagnostic:
    """A line that opens with a word that opens none."""
    word = name.text
    listed = ", ".join(f"`{known}`" for known in CLAUSE_WORDS)
    advice = did_you_mean(suggest(word, (*CLAUSE_WORDS, *BLOCK_WORDS)))
    if word in BLOCK_WORDS:
        advice = f"a block has its lines below it: `{word}:`"
    return error(
        "RNN080",
        f"no line of a model starts with {quoted(word)}",
        name.span,
        label="not known",
        help=advice or f"lines start with {listed}",
    )


def misplaced_line(word: tree.Name, advice: str) -> Diagnostic:
    """A line of a block, or of the whole model, that stands elsewhere."""
    text = word.text
    return error(
        "RNN114",
        f"{quoted(text)} cannot stand here",
        word.span,
        label="in the wrong place",
        help=advice,
    )


def incomplete_model(
    name: tree.Name, what: str, missing: str, example: str
) -> Diagnostic:
    """A model, or a block of one, without what every one has."""
    return error(
        "RNN082",
        f"the {what} has no {missing}",
        name.span,
        label="nothing to run on" if missing == "input" else "nothing to run",
        help=f"add a line `{example}`",
    )


def two_fronts(first: tree.Clause, second: tree.Clause) -> Diagnostic:
    """Tokens that become vectors in two ways."""
    one, other = first.word, second.word
    reason = "tokens become vectors in one way"
    return excluded(other.span, other.text, one.text, one.span, reason)
