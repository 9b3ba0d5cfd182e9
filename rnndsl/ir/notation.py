"""The values of a step in the author's notation: ``x[t]``, ``h[t-1]``, ``c[t]``.

A product or a convolution that only one other value reads, and that the author gave no
name, is written out where it is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import assert_never

from rnndsl.analysis.program import Equation
from rnndsl.formulas.convolutions import convolution_text
from rnndsl.formulas.text import (
    Binding,
    Written,
    applied,
    matrix_product,
    written,
    written_number,
)
from rnndsl.ir.graph import (
    Across,
    Convolution,
    Elementwise,
    Expand,
    Input,
    Node,
    Parameter,
    Previous,
    Product,
    Size,
    StepGraph,
    Widen,
    operands,
)
from rnndsl.ir.naming import Names


def notation(graph: StepGraph, taken: Collection[str] = ()) -> dict[str, Written]:
    """How each value is written where it is read.

    Instead of a name that is ``taken`` by something else, its name in the graph.
    """
    uses = Counter(name for node in graph.nodes for name in operands(node.operation))
    uses.update((*graph.new_states, graph.output, *graph.emitted))
    named = author_names(graph)
    found: dict[str, Written] = {}
    for node in graph.nodes:
        match node.operation:
            case Input(name=name):
                text = f"{name}[t]"
            case Previous(state=state):
                text = f"{state}[t-1]"
            case Parameter(member=member):
                text = member
            case Size(dimension=dimension):
                text = dimension
            case Product() | Convolution() if (
                uses[node.name] == 1 and node.name not in named
            ):
                found[node.name] = definition(node, found)
                continue
            case _ if node.name in named:
                equation = named[node.name]
                suffix = "[t]" if equation.is_state else ""
                text = f"{equation.target}{suffix}"
            case _:
                text = node.name
        found[node.name] = Written(node.name if text in taken else text)
    return found


def author_names(graph: StepGraph) -> dict[str, Equation]:
    """The equations by the names their values have in the graph: the author's, changed
    only where generated code uses the name for something else."""
    names = Names()
    for item in graph.cell.inputs:
        names.take(item.name)
    return {names.take(equation.target): equation for equation in graph.cell.equations}


def definition(node: Node, values: dict[str, Written]) -> Written:
    """What a value is computed from."""
    match node.operation:
        case Elementwise(formula=formula):
            return written(formula, values)
        case Product(matrix=matrix, operand=operand, base=base):
            product = matrix_product(values[matrix].text, values[operand])
            if base is None:
                return product
            start = values[base]
            return Written(f"{product.text} + {start.text}", start.binding)
        case Across(function=function, operand=operand, constants=constants):
            return applied(function, [values[operand]], constants)
        case Convolution(kernel=kernel, operand=operand, bias=bias):
            added = None if bias is None else values[bias].text
            image = values[operand].text
            text = convolution_text(values[kernel].text, image, added)
            return Written(text, Binding.CALL)
        case Widen(operand=operand):
            return Written(f"{values[operand].text} for each feature")
        case Expand(value=value):
            same = values[value] if isinstance(value, str) else written_number(value)
            return Written(f"{same.text} for each row")
        case Input() | Previous() | Parameter() | Size():
            return values[node.name]
        case _:
            assert_never(node.operation)
