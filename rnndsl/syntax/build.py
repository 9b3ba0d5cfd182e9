"""From Lark's parse tree to the syntax tree, bottom up and without recursion."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from lark import Token, Tree

from rnndsl.diagnostics import Source, Span
from rnndsl.syntax.build_expressions import EXPRESSION_RULES
from rnndsl.syntax.build_items import ITEM_RULES
from rnndsl.syntax.build_models import MODEL_RULES
from rnndsl.syntax.faults import Faults, GaveUpError
from rnndsl.syntax.limits import MAX_DEPTH, MAX_NODES, smaller
from rnndsl.syntax.parts import Part, Parts
from rnndsl.syntax.tree import (
    Arithmetic,
    Call,
    CellDefinition,
    Comparison,
    Docstring,
    Exponentiation,
    Expression,
    File,
    FunctionDefinition,
    Import,
    ModelDefinition,
    Negation,
    Node,
    NumberLiteral,
    Product,
    Reference,
)

ParseTree: TypeAlias = "Tree[Token]"

_RULES = {**EXPRESSION_RULES, **ITEM_RULES, **MODEL_RULES}


def build(root: ParseTree, source: Source, faults: Faults) -> File:
    """The syntax tree of a file. Raises GaveUpError if it is beyond the limits."""
    measure = _Measure(faults, source.text)
    nodes: dict[int, Node] = {}
    for subtree in _inner_first(root):
        children: tuple[Part, ...] = tuple(
            child if isinstance(child, Token) else nodes[id(child)]
            for child in subtree.children
        )
        node = _RULES[subtree.data](Parts(children, source, faults))
        if isinstance(node, Expression):
            measure.take(node, children, adds_level=subtree.data != "parentheses")
        nodes[id(subtree)] = node
    top = [nodes[id(child)] for child in root.children if isinstance(child, Tree)]
    return File(
        span=Span(source, 0, len(source.text)),
        docstring=next((node for node in top if isinstance(node, Docstring)), None),
        items=tuple(
            node
            for node in top
            if isinstance(
                node, Import | FunctionDefinition | CellDefinition | ModelDefinition
            )
        ),
    )


def _inner_first(root: ParseTree) -> list[ParseTree]:
    """All trees below the root, each after those it holds, left to right."""
    order: list[ParseTree] = []
    pending = [root]
    while pending:
        current = pending.pop()
        order.append(current)
        pending.extend(child for child in current.children if isinstance(child, Tree))
    return order[:0:-1]


class _Measure:
    """Keeps the expressions of a file within the limits."""

    def __init__(self, faults: Faults, text: str) -> None:
        self._faults = faults
        self._text = text
        self._depths: dict[int, int] = {}
        self._count = 0

    def take(
        self, node: Expression, children: tuple[Part, ...], *, adds_level: bool
    ) -> None:
        depth = max((self._depths.get(id(child), 0) for child in children), default=0)
        if adds_level:
            self._count += 1
            depth += 1
            if depth == MAX_DEPTH + 1:
                self._report(
                    node,
                    f"the expression has more than {MAX_DEPTH} levels",
                    "give a part of the expression a name",
                )
            if self._count > MAX_NODES:
                self._report(
                    node,
                    f"the file's expressions have more than {MAX_NODES:,} parts",
                    smaller(self._text),
                )
                raise GaveUpError
        self._depths[id(node)] = depth

    def _report(self, node: Expression, message: str, help: str) -> None:
        start, end = node.span.start, node.span.end
        match node:
            case Arithmetic() | Product() | Exponentiation() | Comparison():
                start, end = node.operator_span.start, node.operator_span.end
            case Negation():
                end = start + 1
            case Call():
                end = node.function.span.end
            case NumberLiteral() | Reference():
                pass
            case _:
                assert_never(node)
        self._faults.add("RNN011", message, start, end, help=help)
