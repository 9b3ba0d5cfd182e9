"""The dimensions of a cell, and shapes made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rnndsl.analysis.findings import did_you_mean, error, quoted
from rnndsl.analysis.folding import out_of_range
from rnndsl.analysis.program import Dim, Dimension, Shape
from rnndsl.analysis.reserved import reserved_name
from rnndsl.analysis.scope import Declared, Kind, Scope
from rnndsl.diagnostics import Diagnostic, Label, Report, Span
from rnndsl.diagnostics.suggest import suggest
from rnndsl.syntax import tree

_ARGUMENTS = {
    "I": "input_size",
    "H": "hidden_size",
    "P": "proj_size",
    "O": "output_size",
}
_LARGEST_SIZE = 2**31 - 1


def dimensions_of(
    head: Iterable[tree.DimensionDeclaration],
    others: Sequence[str],
    report: Report,
    *,
    attributes: Sequence[str] = (),
) -> tuple[Dimension, ...]:
    """The dimensions in the head of a cell or a model, with the constructor's arguments
    for them. It has ``others`` besides, and what is built has ``attributes``."""
    given: dict[str, Span] = {}
    dimensions: list[Dimension] = []
    for declared in head:
        name, argument = declared.name, declared.argument
        text = argument.text if argument is not None else default_argument(name.text)
        place = name if argument is None else argument
        if argument is not None:
            wrong = reserved_name(argument, *attributes)
            if wrong is not None:
                report.add(wrong)
        # A dimension listed twice is a duplicate name, which is reported as such.
        is_repeated = argument is None and name.text in (d.name for d in dimensions)
        if not is_repeated and (text in given or text in others):
            report.add(duplicate_argument(place.span, text, given.get(text)))
        given.setdefault(text, place.span)
        dimensions.append(Dimension(span=name.span, name=name.text, argument=text))
    return tuple(dimensions)


def default_argument(dimension: str) -> str:
    """The constructor's argument for a dimension that does not name it."""
    return _ARGUMENTS.get(dimension, f"{dimension.lower()}_size")


def duplicate_argument(span: Span, argument: str, first: Span | None) -> Diagnostic:
    """Two sizes given by one argument of the constructor."""
    labels = [] if first is None else [Label(first, "the first")]
    label = "given twice" if first is not None else "every module has it already"
    return error(
        "RNN058",
        f"the constructor argument {quoted(argument)} is taken",
        span,
        label=label,
        labels=labels,
        help="name another, as in `K as key_size`",
    )


def shape_of(shape: tree.Shape, scope: Scope, report: Report) -> Shape | None:
    """The shape a spec writes; None, and reported, if a dimension is unknown."""
    dims: list[Dim] = []
    for dimension in shape.dimensions:
        match dimension:
            case tree.NumberLiteral(text=text):
                too_large = beyond_sizes(dimension)
                if too_large is not None:
                    report.add(too_large)
                else:
                    dims.append(int(text))
            case tree.Name(text=text):
                declared = scope.get(text)
                if declared is None or declared.kind is not Kind.DIMENSION:
                    report.add(unknown_dimension(dimension, scope))
                else:
                    dims.append(text)
    return tuple(dims) if len(dims) == len(shape.dimensions) else None


def beyond_sizes(number: tree.NumberLiteral) -> Diagnostic | None:
    """A whole number that is larger than any size."""
    if number.value <= _LARGEST_SIZE:
        return None
    return out_of_range(number.span, "too large for a size")


def unknown_dimension(
    name: tree.Name, scope: Scope, others: Iterable[str] = ()
) -> Diagnostic:
    """A dimension that the head of the cell does not list; ``others`` are the words
    that could stand in its place."""
    known = [d.name for d in scope.of_kind(Kind.DIMENSION)]
    advice = did_you_mean(suggest(name.text, (*known, *others)))
    return error(
        "RNN056",
        f"there is no dimension {quoted(name.text)}",
        name.span,
        label=f"the dimensions are {', '.join(known)}" if known else "there is none",
        help=advice or f"add it to the head: `({', '.join([*known, name.text])})`",
    )


def check_dimensions_used(
    dimensions: Iterable[Declared], shapes: Iterable[tree.Shape], report: Report
) -> None:
    """Every dimension is the size of something."""
    used = {
        dimension.text
        for shape in shapes
        for dimension in shape.dimensions
        if isinstance(dimension, tree.Name)
    }
    for declared in dimensions:
        if declared.name not in used:
            report.add(unused_dimension(declared))


def unused_dimension(declared: Declared) -> Diagnostic:
    """A dimension that stands in no shape."""
    return error(
        "RNN057",
        f"the dimension {quoted(declared.name)} is in no shape",
        declared.span,
        label="the size of nothing",
        help="remove it, or declare something of this size",
    )


def hidden_of(dimensions: Sequence[Dimension], states: Iterable[Shape]) -> Dim:
    """The dimension that ``hidden_size`` gives, else that of the first state that is
    a vector, else the first there is."""
    for dimension in dimensions:
        if dimension.argument == "hidden_size":
            return dimension.name
    for shape in states:
        if shape:
            return shape[0]
    return dimensions[0].name if dimensions else 1
