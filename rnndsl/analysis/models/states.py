"""Where a layer starts: at zero, at learned values, or at a map of something."""

from __future__ import annotations

from rnndsl.analysis.findings import error, quoted
from rnndsl.analysis.model import ModelInput, TokenInput
from rnndsl.analysis.model_layers import (
    FirstState,
    InitialState,
    StateFromContext,
    StateFromEncoder,
)
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.terms import (
    arguments_of,
    unknown_choice,
    word_of,
    wrong_arguments,
)
from rnndsl.analysis.width import Width
from rnndsl.diagnostics import Diagnostic, Label, Span
from rnndsl.diagnostics.suggest import suggest
from rnndsl.syntax import tree
from rnndsl.syntax.clauses import ENCODER

BRIDGES = ("linear", "tanh", "sigmoid", "relu")
"""What a learned map of a vector can end with."""


def read_state(term: tree.Term, context: ModelContext) -> FirstState | None:
    """What ``state`` says; None, and reported, if it is wrong."""
    if term.origin is not None and term.arguments is None:
        return _from(term.origin, context)
    known = [start.value for start in InitialState]
    if term.option is None or term.arguments is not None:
        form = "state learned"
        context.add(wrong_arguments(term.span, "state", form, "how does it start?"))
        return None
    if term.option.text not in known:
        span, word = term.option.span, term.option.text
        context.add(unknown_choice(span, word, "initial state", known))
        return None
    return InitialState(term.option.text)


def _from(origin: tree.Origin, context: ModelContext) -> FirstState | None:
    given = context.contexts.get(origin.name.text)
    is_encoder = origin.name.text == ENCODER and context.encoder is not None
    if given is None and not is_encoder:
        context.add(unknown_origin(origin.name, context))
        return None
    bridge = _bridge(origin, given, context)
    if bridge is None:
        return None
    activation = None if bridge == "linear" else bridge
    if given is not None:
        return StateFromContext(
            span=origin.span, context=given.name, activation=activation
        )
    # Which layer of the encoder it is, is known where the layers are counted.
    return StateFromEncoder(
        span=origin.span,
        layer="",
        bridge=origin.arguments is not None,
        activation=activation,
        width=Width(),
    )


def _bridge(
    origin: tree.Origin, given: ModelInput | None, context: ModelContext
) -> str | None:
    """The word in the parentheses, ``linear`` without any."""
    name = origin.name.text
    if origin.arguments is None:
        return "linear"
    if isinstance(given, TokenInput):
        form, label = f"state from {name}", "a table of states has no map"
        context.add(wrong_arguments(origin.arguments.span, "state", form, label))
        return None
    form = f"state from {name}(tanh)"
    values = arguments_of(origin)
    if len(values) != 1 or values[0].name is not None:
        label = "takes one word"
        context.add(wrong_arguments(origin.arguments.span, "state", form, label))
        return None
    word = word_of(values[0].value)
    if word not in BRIDGES:
        place = values[0].span
        context.add(unknown_choice(place, place.text, "map of a state", BRIDGES))
        return None
    return word


def unknown_origin(name: tree.Name, context: ModelContext) -> Diagnostic:
    """A state, or something put beside the features, that comes from nothing there."""
    known = (*context.fed, *(() if context.encoder is None else (ENCODER,)))
    near = suggest(name.text, known)
    labels: list[Label] = []
    declared = context.scope.get(name.text)
    advice = f"declare it: `context {name.text}: [64]`"
    if name.text == ENCODER:
        advice = "a model has one in a block: `encoder:`"
    elif near is not None:
        advice = f"did you mean `{near}`?"
    elif declared is not None:
        labels.append(_declared_as(declared.span))
        advice = "it is read at each step; declare a `context` for the whole sequence"
    return error(
        "RNN110",
        f"{quoted(name.text)} is no context",
        name.span,
        label="not given once a sequence",
        labels=labels,
        help=advice,
    )


def _declared_as(span: Span) -> Label:
    return Label(span, "declared here")
