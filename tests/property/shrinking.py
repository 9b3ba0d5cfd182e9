"""Makes a failing spec small: the same failure with less text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from typing import assert_never

from rnndsl.diagnostics import Report, Source, Span
from rnndsl.syntax import tree
from rnndsl.syntax.parse import parse


def shrink(text: str, fails: Callable[[str], bool]) -> str:
    """The smallest spec found that ``fails``, as ``text`` does."""
    before = ""
    while text != before:
        before = text
        index = 0
        while (
            candidate := next(islice(_candidates(text), index, None), None)
        ) is not None:
            if len(candidate) < len(text) and fails(candidate):
                text = candidate
            else:
                index += 1
    return text


def _candidates(text: str) -> Iterator[str]:
    """The spec with something left out: first lines, then all of a name, then parts of
    expressions."""
    lines = text.splitlines(keepends=True)
    for count in (8, 4, 2, 1):
        for start in range(0, len(lines), count):
            yield "".join((*lines[:start], *lines[start + count :]))
    file = parse(Source("shrunk.rnn", text), Report())
    if file is None:
        return
    for cell in file.items:
        if isinstance(cell, tree.CellDefinition):
            yield from (_without(text, spans) for spans in _of_states(cell))
    for span, replacement in _cuts(file):
        yield text[: span.start] + replacement + text[span.end :]
    for index, name in enumerate(dict.fromkeys(re.findall(r"\b\w{3,}\b", text))):
        yield re.sub(rf"\b{name}\b", f"{'abcdefgh'[index % 8]}{index // 8}", text)


def _without(text: str, spans: list[Span]) -> str:
    for span in sorted(spans, key=lambda span: -span.start):
        text = text[: span.start] + text[span.end :]
    return text


def _of_states(cell: tree.CellDefinition) -> Iterator[list[Span]]:
    """For each state its declaration and its equation, which go together."""
    for member in cell.members:
        if isinstance(member, tree.Declaration):
            for span, declarator in _declarators(member):
                name = declarator.names[0].text
                yield [
                    span,
                    *(
                        other.span
                        for other in cell.members
                        if isinstance(other, tree.Assignment)
                        and other.target.name.text == name
                    ),
                ]


def _declarators(
    declaration: tree.Declaration,
) -> Iterator[tuple[Span, tree.Declarator]]:
    """Each declarator with the place that is left out with it."""
    declarators = declaration.declarators
    if len(declarators) == 1:
        yield declaration.span, declarators[0]
        return
    for index, declarator in enumerate(declarators):
        source = declarator.span.source
        if index:
            start, end = declarators[index - 1].span.end, declarator.span.end
        else:
            start, end = declarator.span.start, declarators[1].span.start
        yield Span(source, start, end), declarator


def _cuts(file: tree.File) -> Iterator[tuple[Span, str]]:
    """Places, and what could stand there instead."""
    for item in file.items:
        match item:
            case tree.FunctionDefinition(body=body):
                yield from _expression_cuts(body)
            case tree.CellDefinition(members=members, dimensions=dimensions):
                for dimension in dimensions:
                    yield dimension.span, ""
                    yield dimension.span, dimension.name.text
                for member in members:
                    yield from _member_cuts(member)
            case tree.Import() | tree.ModelDefinition():
                continue
            case _:
                assert_never(item)


def _member_cuts(member: tree.Member) -> Iterator[tuple[Span, str]]:
    match member:
        case tree.Declaration():
            for span, declarator in _declarators(member):
                yield span, ""
                yield from _declarator_cuts(declarator)
        case tree.Assignment(value=value) | tree.Output(value=value):
            yield from _expression_cuts(value)
        case _:
            assert_never(member)


def _declarator_cuts(declarator: tree.Declarator) -> Iterator[tuple[Span, str]]:
    shape, names = declarator.shape, declarator.names
    if shape is not None:
        end = shape.span.end
        yield Span(shape.span.source, end, declarator.span.end), ""
        if declarator.stored_name is not None:
            yield Span(shape.span.source, end, declarator.stored_name.span.end), ""
    if declarator.stem is not None:
        for left, right in pairwise(names):
            yield Span(left.span.source, left.span.end, right.span.end), ""
            yield Span(left.span.source, left.span.start, right.span.start), ""


def _expression_cuts(node: tree.Expression) -> Iterator[tuple[Span, str]]:
    """Instead of an operation one of its operands, or a number."""
    operands = _operands(node)
    for operand in operands:
        yield node.span, operand.span.text
        yield node.span, f"({operand.span.text})"
    if operands:
        yield node.span, "1"
    for operand in operands:
        yield from _expression_cuts(operand)


def _operands(node: tree.Expression) -> tuple[tree.Expression, ...]:
    match node:
        case tree.NumberLiteral() | tree.Reference():
            return ()
        case tree.Negation(operand=operand):
            return (operand,)
        case tree.Arithmetic() | tree.Product() | tree.Comparison():
            return (node.left, node.right)
        case tree.Exponentiation(base=base, exponent=exponent):
            return (base, exponent)
        case tree.Call(arguments=arguments):
            return arguments
        case _:
            assert_never(node)
