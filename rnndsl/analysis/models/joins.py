"""What is put behind the features of each step: inputs, and contexts of a sequence."""

from __future__ import annotations

from rnndsl.analysis.model import TokenInput, VectorInput
from rnndsl.analysis.model_layers import Join
from rnndsl.analysis.models.context import ModelContext
from rnndsl.analysis.models.states import unknown_origin
from rnndsl.analysis.models.terms import values_of, word_of, wrong_arguments
from rnndsl.analysis.width import Width
from rnndsl.syntax import tree

JOIN = "join"
_FORM = "join(image)"
_TOKEN_FORM = "join(genre, 16)"


def read_join(term: tree.Term, context: ModelContext) -> Join | None:
    """What ``join`` says; None, and reported, if it is wrong."""
    values = values_of(term, _FORM, (1, 2), context.report)
    if values is None:
        return None
    first = values[0]
    if word_of(first) is None or isinstance(first, tree.NumberLiteral):
        context.add(wrong_arguments(first.span, JOIN, _FORM, "names no context"))
        return None
    given = context.fed.get(first.name.text)
    match given, values[1:]:
        case None, _:
            context.add(unknown_origin(first.name, context))
            return None
        case VectorInput(name=name, shape=shape), ():
            width = Width.of(shape[0] if shape else 1)
            return Join(span=term.span, source=name, width=width, embedding_width=None)
        case VectorInput(), _:
            label = "a vector has its width"
            context.add(wrong_arguments(values[1].span, JOIN, _FORM, label))
            return None
        case TokenInput(name=name), (size,):
            dim = context.size(size)
            if dim is None:
                return None
            width = Width.of(dim)
            return Join(span=term.span, source=name, width=width, embedding_width=dim)
        case _:
            label = "tokens need the width of their vectors"
            context.add(wrong_arguments(first.span, JOIN, _TOKEN_FORM, label))
            return None
