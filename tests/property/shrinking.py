"""Makes a failing spec small: the same failure with less text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import assert_never

from rnndsl.diagnostics import Report, Source, Span
from rnndsl.syntax import tree
from rnndsl.syntax.parse import parse


def shrink(text: str, fails: Callable[[str], bool]) -> str:
    """The smallest spec found that ``fails``, as ``text`` does."""
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for candidate in _candidates(text):
            if len(candidate) < len(text) and fails(candidate):
                text, is_smaller = candidate, True
                break
    return text


def _candidates(text: str) -> Iterator[str]:
    """The spec with something left out: first whole lines, then parts of them."""
    lines = text.splitlines(keepends=True)
    for count in (8, 4, 2, 1):
        for start in range(0, len(lines), count):
            yield "".join((*lines[:start], *lines[start + count :]))
    file = parse(Source("shrunk.rnn", text), Report())
    if file is None:
        return
    for span, replacement in _cuts(file):
        cut = text[: span.start] + replacement + text[span.end :]
        yield re.sub(r",\s*,", ",", cut)


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
            case tree.Import():
                continue
            case _:
                assert_never(item)


def _member_cuts(member: tree.Member) -> Iterator[tuple[Span, str]]:
    match member:
        case tree.Declaration(declarators=declarators):
            for index, declarator in enumerate(declarators):
                if index:
                    before = declarators[index - 1].span
                    yield Span(before.source, before.end, declarator.span.end), ""
                elif len(declarators) > 1:
                    after = declarators[1].span
                    yield (
                        Span(after.source, declarator.span.start, after.start),
                        "",
                    )
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
        for left, right in zip(names, names[1:], strict=False):
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
