"""The lines of a model, sorted by the words that open them."""

from __future__ import annotations

from dataclasses import dataclass

from rnndsl.analysis.findings import did_you_mean, error, quoted
from rnndsl.analysis.models.terms import excluded, given_twice
from rnndsl.diagnostics import Diagnostic, Report
from rnndsl.diagnostics.suggest import suggest
from rnndsl.syntax import tree
from rnndsl.syntax.clauses import CLAUSE_WORDS

FRONTS = ("embed", "one_hot")
_STACK = ("layer", "map", "dropout")


@dataclass(frozen=True, slots=True)
class Clauses:
    """``contexts`` and ``inputs`` are what they declare. ``stack`` are the lines that
    add something to the stack, in order; ``once`` has the others by their words."""

    contexts: tuple[tree.ModelInput, ...]
    inputs: tuple[tree.ModelInput, ...]
    stack: tuple[tree.Clause, ...]
    once: dict[str, tree.Clause]


def clauses_of(model: tree.ModelDefinition, report: Report) -> Clauses:
    """The lines of a model; what is unknown, repeated or missing is reported."""
    contexts: list[tree.ModelInput] = []
    inputs: list[tree.ModelInput] = []
    stack: list[tree.Clause] = []
    once: dict[str, tree.Clause] = {}
    is_whole = True
    for clause in model.clauses:
        if isinstance(clause, tree.ModelInputs):
            inputs.extend(clause.inputs)
        elif isinstance(clause, tree.ContextInputs):
            contexts.extend(clause.inputs)
        elif isinstance(clause, tree.Block):
            report.add(unknown_clause(clause.word))
            is_whole = False
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
        report.add(incomplete_model(model, "input", "input x: [I]"))
    if is_whole and not any(clause.word.text == "layer" for clause in stack):
        report.add(incomplete_model(model, "layer", "layer LSTM(64)"))
    return Clauses(tuple(contexts), tuple(inputs), tuple(stack), once)


def unknown_clause(name: tree.Name) -> Diagnostic:
    """A line that opens with a word that opens none."""
    word = name.text
    listed = ", ".join(f"`{known}`" for known in CLAUSE_WORDS)
    return error(
        "RNN080",
        f"no line of a model starts with {quoted(word)}",
        name.span,
        label="not known",
        help=did_you_mean(suggest(word, CLAUSE_WORDS)) or f"lines start with {listed}",
    )


def incomplete_model(
    model: tree.ModelDefinition, missing: str, example: str
) -> Diagnostic:
    """A model without what every model has."""
    return error(
        "RNN082",
        f"the model {quoted(model.name.text)} has no {missing}",
        model.name.span,
        label="nothing to run" if missing == "layer" else "nothing to run on",
        help=f"add a line `{example}`",
    )


def two_fronts(first: tree.Clause, second: tree.Clause) -> Diagnostic:
    """Tokens that become vectors in two ways."""
    one, other = first.word, second.word
    reason = "tokens become vectors in one way"
    return excluded(other.span, other.text, one.text, one.span, reason)
