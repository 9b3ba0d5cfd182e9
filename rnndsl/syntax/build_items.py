"""Syntax tree of items and declarations: one function for each rule of the grammar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rnndsl.diagnostics.suggest import suggest
from rnndsl.syntax.build_expressions import literal
from rnndsl.syntax.faults import quote
from rnndsl.syntax.literals import dedented, is_whole_number
from rnndsl.syntax.parts import Parts
from rnndsl.syntax.tree import (
    Assignment,
    CellDefinition,
    Declaration,
    DeclarationKind,
    Declarator,
    DimensionDeclaration,
    Docstring,
    FunctionDefinition,
    Import,
    ImportedName,
    Initialiser,
    Initialisers,
    InitialValue,
    Name,
    Node,
    NumberLiteral,
    Output,
    Reference,
    Shape,
    Structure,
)

_ZOO = "zoo"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group(Node):
    """``W_{i,f}``."""

    stem: Name
    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredName(Node):
    """``as weight_ih``."""

    name: Name


def _import(parts: Parts) -> Import:
    path = None
    place = parts.tokens("NAME", "STRING")[0]
    path_span = parts.span_of(place)
    if place.type == "STRING":
        path = str(place[1:-1])
    elif place != _ZOO:
        hint = 'import from `zoo`, or from a file: `from "cells/my.rnn" import A`'
        if suggest(place, [_ZOO]):
            hint = f"did you mean `{_ZOO}`?"
        parts.fault("RNN013", f"cannot import from {quote(place)}", path_span, hint)
    return Import(
        span=parts.span,
        path=path,
        path_span=path_span,
        names=parts.all(ImportedName),
    )


def _imported_name(parts: Parts) -> ImportedName:
    name, *alias = parts.names
    return ImportedName(span=parts.span, name=name, alias=alias[0] if alias else None)


def _function(parts: Parts) -> FunctionDefinition:
    name, *parameters = parts.names
    return FunctionDefinition(
        span=parts.span,
        name=name,
        parameters=tuple(parameters),
        body=parts.expressions[0],
    )


def _cell(parts: Parts) -> CellDefinition:
    return CellDefinition(
        span=parts.span,
        name=parts.names[0],
        dimensions=parts.all(DimensionDeclaration),
        docstring=parts.first(Docstring),
        members=tuple(
            part
            for part in parts.parts
            if isinstance(part, Declaration | Assignment | Output)
        ),
    )


def _dimension_name(parts: Parts) -> DimensionDeclaration:
    name, *argument = parts.names
    return DimensionDeclaration(
        span=parts.span, name=name, argument=argument[0] if argument else None
    )


def _docstring(parts: Parts) -> Docstring:
    return Docstring(span=parts.span, text=dedented(parts.span.text))


def _declaration(parts: Parts) -> Declaration:
    return Declaration(
        span=parts.span,
        kind=DeclarationKind(str(parts.parts[0])),
        declarators=parts.all(Declarator),
    )


def _declarator(parts: Parts) -> Declarator:
    group = parts.first(_Group)
    stored = parts.first(_StoredName)
    return Declarator(
        span=parts.span,
        names=group.names if group else parts.names[:1],
        stem=group.stem if group else None,
        shape=parts.first(Shape),
        structures=parts.all(Structure),
        stored_name=stored.name if stored else None,
        initial=parts.first(InitialValue)
        or parts.first(Initialiser)
        or parts.first(Initialisers),
    )


def _group(parts: Parts) -> _Group:
    stem, *members = (parts.name(token) for token in parts.tokens("NAME", "NUMBER"))
    for member in members:
        if not member.text.isidentifier() and not is_whole_number(member.text):
            parts.fault(
                "RNN006",
                f"{quote(member.text)} cannot be part of a name",
                member.span,
                "the members of a group are names or whole numbers",
            )
    names = tuple(Name(span=m.span, text=stem.text + m.text) for m in members)
    return _Group(span=parts.span, stem=stem, names=names)


def _shape(parts: Parts) -> Shape:
    dimensions: list[Name | NumberLiteral] = []
    for token in parts.tokens("NAME", "NUMBER"):
        if token.type == "NAME":
            dimensions.append(parts.name(token))
            continue
        number = literal(parts, token)
        if not is_whole_number(token) or number.value == 0:
            parts.fault(
                "RNN010",
                f"{quote(token)} is not a dimension",
                number.span,
                "a dimension is a name or a positive whole number",
            )
        dimensions.append(number)
    return Shape(span=parts.span, dimensions=tuple(dimensions))


def _stored_name(parts: Parts) -> _StoredName:
    return _StoredName(span=parts.span, name=parts.names[0])


def _initial_value(parts: Parts) -> InitialValue:
    """Its span leaves the ``=`` out."""
    first, last = parts.span_of(parts.parts[1]), parts.span_of(parts.parts[-1])
    return InitialValue(
        span=first.to(last),
        values=parts.expressions,
        braced=bool(parts.tokens("LBRACE")),
    )


def _structure(parts: Parts) -> Structure:
    return Structure(span=parts.span, word=parts.names[0], arguments=parts.expressions)


def _initialiser(parts: Parts) -> Initialiser | Initialisers:
    """Its span leaves the ``~`` out."""
    first = parts.span_of(parts.parts[1])
    span = first.to(parts.span)
    if parts.tokens("LBRACE"):
        return Initialisers(span=span, members=parts.expressions)
    return Initialiser(span=span, function=parts.names[0], arguments=parts.expressions)


def _assignment(parts: Parts) -> Assignment:
    target, value = parts.expressions
    assert isinstance(target, Reference)
    return Assignment(span=parts.span, target=target, value=value)


def _output(parts: Parts) -> Output:
    return Output(span=parts.span, value=parts.expressions[0])


ITEM_RULES: dict[str, Callable[[Parts], Node]] = {
    "assignment": _assignment,
    "cell": _cell,
    "declaration": _declaration,
    "declarator": _declarator,
    "dimension_name": _dimension_name,
    "docstring": _docstring,
    "function": _function,
    "group": _group,
    "import": _import,
    "imported_name": _imported_name,
    "initial_value": _initial_value,
    "initialiser": _initialiser,
    "output": _output,
    "shape": _shape,
    "stored_name": _stored_name,
    "structure": _structure,
}
