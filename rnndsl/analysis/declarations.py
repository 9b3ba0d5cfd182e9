"""What a cell declares: dimensions, inputs, states, parameters, constants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rnndsl.analysis.dimensions import shape_of
from rnndsl.analysis.findings import error, quoted, shape_text
from rnndsl.analysis.functions import Functions
from rnndsl.analysis.name_rules import duplicate_name
from rnndsl.analysis.program import Shape
from rnndsl.analysis.reserved import INPUT_NAMES, reserved_name
from rnndsl.analysis.scope import Declared, Kind, Scope
from rnndsl.diagnostics import Diagnostic, Report, Span
from rnndsl.syntax import tree

_KINDS = {
    tree.DeclarationKind.INPUT: Kind.INPUT,
    tree.DeclarationKind.STATE: Kind.STATE,
    tree.DeclarationKind.PARAMETER: Kind.PARAMETER,
    tree.DeclarationKind.BIAS: Kind.BIAS,
    tree.DeclarationKind.CONSTANT: Kind.CONSTANT,
}
_MOST_DIMENSIONS = {
    Kind.INPUT: 3,
    Kind.STATE: 3,
    Kind.PARAMETER: 4,
    Kind.BIAS: 1,
}
_EXAMPLES = {
    Kind.INPUT: "[I]",
    Kind.STATE: "[H]",
    Kind.PARAMETER: "[H, I]",
    Kind.BIAS: "[H]",
}


@dataclass(frozen=True, slots=True)
class DeclaredTensor:
    """A declarator with its kind and its shape, None if that is wrong."""

    kind: Kind
    declarator: tree.Declarator
    shape: Shape | None


def declare_all(
    cell: tree.CellDefinition, scope: Scope, functions: Functions, report: Report
) -> tuple[DeclaredTensor, ...]:
    """Declares the members of a cell, in order, and checks each declaration."""
    tensors = []
    for kind, declarator in _declarators(cell):
        for wrong in _wrong_parts(kind, declarator):
            report.add(wrong)
        shape: Shape | None = None
        if declarator.shape is not None:
            shape = shape_of(declarator.shape, scope, report)
            if shape is not None and len(shape) > _MOST_DIMENSIONS.get(kind, 2):
                report.add(too_many_dimensions(kind, declarator.shape, shape))
                shape = None
        if kind is Kind.CONSTANT:
            shape = ()
        tensors.append(DeclaredTensor(kind, declarator, shape))
        for name in declarator.names:
            declare(name, kind, shape, scope, functions, report)
        if declarator.stem is not None:
            stem = declarator.stem.text.rstrip("_")
            scope.groups[stem] = tuple(name.text for name in declarator.names)
    return tuple(tensors)


def _declarators(cell: tree.CellDefinition) -> Iterator[tuple[Kind, tree.Declarator]]:
    for member in cell.members:
        if isinstance(member, tree.Declaration):
            for declarator in member.declarators:
                yield _KINDS[member.kind], declarator


def declare(
    name: tree.Name,
    kind: Kind,
    shape: Shape | None,
    scope: Scope,
    functions: Functions,
    report: Report,
) -> None:
    """Declares one name, if it can be given and is not taken."""
    others = INPUT_NAMES if kind is Kind.INPUT else ()
    wrong = reserved_name(name, *others)
    if wrong is not None:
        report.add(wrong)
    taken = scope.get(name.text)
    if taken is not None:
        report.add(duplicate_name(name, taken.span))
    elif (function := functions.get(name.text)) is not None:
        report.add(duplicate_name(name, function.definition.name.span))
    scope.declare(Declared(name=name.text, kind=kind, span=name.span, shape=shape))


def _wrong_parts(kind: Kind, declarator: tree.Declarator) -> Iterator[Diagnostic]:
    name = declarator.names[0].text
    if kind is Kind.CONSTANT:
        if not isinstance(declarator.initial, tree.InitialValue):
            what = f"the constant {quoted(name)} needs a value"
            yield incomplete(declarator, what, f"{name} = 1.0")
    elif declarator.shape is None:
        what = f"the {kind.value} {quoted(name)} needs a shape"
        yield incomplete(declarator, what, f"{name}: {_EXAMPLES[kind]}")
    is_weight = kind in (Kind.PARAMETER, Kind.BIAS)
    if declarator.stem is not None and not is_weight:
        yield not_taken(kind, declarator.stem.span, "brace group")
    if declarator.stored_name is not None and not is_weight:
        yield not_taken(kind, declarator.stored_name.span, "stored name")
    if declarator.shape is not None and kind is Kind.CONSTANT:
        yield not_taken(kind, declarator.shape.span, "shape")
    if declarator.structures and not is_weight:
        yield not_taken(kind, declarator.structures[0].span, "structure")
    match declarator.initial:
        case tree.InitialValue() as initial if kind is Kind.INPUT:
            yield not_taken(kind, initial.span, "value")
        case tree.Initialiser() | tree.Initialisers() as initial if not is_weight:
            yield not_taken(kind, initial.span, "initialiser")


def incomplete(declarator: tree.Declarator, what: str, example: str) -> Diagnostic:
    """A declaration that lacks its shape, or a constant its value."""
    return error(
        "RNN069",
        what,
        declarator.names[0].span,
        label="has none",
        help=f"write `{example}`",
    )


def not_taken(kind: Kind, span: Span, part: str) -> Diagnostic:
    """A part of a declaration that its kind does not have."""
    reason = {
        "brace group": "only parameters and biases are stored together",
        "stored name": "only parameters and biases are stored",
        "shape": "a constant is one number",
        "structure": "only parameters and biases have one",
        "value": "an input is given by the caller",
        "initialiser": "a state starts at a number or at a parameter"
        if kind is Kind.STATE
        else "only parameters and biases are initialised",
    }[part]
    article = "an" if kind is Kind.INPUT else "a"
    return error(
        "RNN070",
        f"{article} {kind.value} takes no {part}",
        span,
        label=reason,
        help="remove it",
    )


def too_many_dimensions(kind: Kind, shape: tree.Shape, resolved: Shape) -> Diagnostic:
    """A shape with more dimensions than its kind may have."""
    most = _MOST_DIMENSIONS[kind]
    article = "an" if kind is Kind.INPUT else "a"
    what = {
        1: "a vector or a scalar",
        3: "an image, a vector or a scalar",
        4: "a kernel, a matrix, a vector or a scalar",
    }[most]
    return error(
        "RNN072",
        f"{article} {kind.value} is {what}",
        shape.span,
        label=f"{shape_text(resolved)} has {len(resolved)} dimensions",
    )
