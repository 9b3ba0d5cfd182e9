"""The gradients of a step as equations, from its results back to what it reads.

This is what ``rnndsl show --as gradients`` and ``--emit gradient`` print.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from rnndsl.analysis.program import Shape
from rnndsl.analysis.show import cell_heading
from rnndsl.formulas.features import FEATURE_FUNCTIONS
from rnndsl.formulas.formula import Formula, Negate, Symbol, substitute
from rnndsl.formulas.sum_text import Term, equation_lines, signed
from rnndsl.formulas.text import Binding, Written, written
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
from rnndsl.ir.notation import author_names, definition, notation
from rnndsl.ir.varying import varying
from rnndsl.symbolic.adjoint import (
    Adjoint,
    Contribution,
    Flow,
    OuterProduct,
    OverFeatures,
    OverImage,
    OverPlaces,
    ThroughFeatures,
    ThroughKernel,
    ThroughMatrix,
    adjoint_graph,
)
from rnndsl.symbolic.expansion import expanded


def gradients_text(graph: StepGraph) -> str:
    """Every value of the step, then the gradient of each, as an equation."""
    return "\n".join(_Gradients(graph).lines()) + "\n"


class _Gradients:
    def __init__(self, graph: StepGraph) -> None:
        self._graph = graph
        self._nodes = {node.name: node for node in graph.nodes}
        self._varying = varying(graph)
        self._constant = _constant(graph)
        names = Names()
        for node in graph.nodes:
            names.take(node.name)
        adjoint = adjoint_graph(graph, names)
        self._names = adjoint.names
        self._arriving = adjoint.arriving
        self._emitted = adjoint.emitted
        self._adjoints = {item.node: item for item in adjoint.adjoints}
        gradients = ["d_output", *adjoint.arriving, *adjoint.emitted]
        gradients += [item.name for item in adjoint.adjoints]
        self._values = notation(graph, taken=gradients)
        self._aliases: dict[str, Formula] = {}
        self._find_aliases()

    def lines(self) -> Iterator[str]:
        graph, cell = self._graph, self._graph.cell
        yield cell_heading(cell)
        yield ""
        yield "d_v is the gradient of the loss with respect to v. d_output comes from"
        *others, last = self._arriving
        arriving = f"{', '.join(others)} and {last} come" if others else f"{last} comes"
        yield f"the output of this step; {arriving} from the step after."
        if self._emitted:
            names = ", ".join(self._emitted)
            yield f"What is put out beside the output has gradients, too: {names}."
        yield from self._section("the step", self._step())
        backward = [node for node in reversed(graph.nodes) if self._has_own(node)]
        varying = [node for node in backward if self._varying[node.name]]
        fixed = [node for node in backward if not self._varying[node.name]]
        for title, nodes in (
            ("from the results back", varying),
            ("to the step before", self._leaves(Previous)),
            (
                "of the parameters, over all steps t and rows b",
                [*fixed, *self._leaves(Parameter)],
            ),
            ("of the inputs", self._leaves(Input)),
        ):
            yield from self._section(title, self._gradients(nodes))

    def _leaves(self, kind: type[Input | Previous | Parameter]) -> list[Node]:
        return [node for node in self._graph.nodes if isinstance(node.operation, kind)]

    def _has_own(self, node: Node) -> bool:
        """Whether it is no leaf, and its gradient is not just another's."""
        found = self._adjoints.get(node.name)
        skipped = _is_leaf(node) or node.name in self._constant
        return not (skipped or found is None or found.name in self._aliases)

    def _section(self, title: str, content: Iterator[str]) -> Iterator[str]:
        lines = [f"  {line}" for line in content]
        if lines:
            yield from ("", title, *lines)

    def _step(self) -> Iterator[str]:
        for node in self._graph.nodes:
            match node.operation:
                case Input() | Previous() | Parameter() | Size():
                    continue
                case (
                    Elementwise()
                    | Product()
                    | Convolution()
                    | Across()
                    | Widen()
                    | Expand()
                ):
                    value = self._values[node.name].text
                    if self._is_written_out(node):
                        continue
                    yield f"{value} = {definition(node, self._values).text}"
                case _:
                    assert_never(node.operation)

    def _is_written_out(self, node: Node) -> bool:
        """A product or a convolution that stands where it is read."""
        is_product = isinstance(node.operation, Product | Convolution)
        return is_product and self._values[node.name].binding < Binding.ATOM

    def _find_aliases(self) -> None:
        """Unnamed values whose gradient is that of the one value that reads them."""
        named = author_names(self._graph)
        for item in self._adjoints.values():
            node = self._nodes[item.node]
            if _is_leaf(node) or item.node in named:
                continue
            match item.contributions:
                case (Flow(formula=Symbol(name=sent)) as only,):
                    if not self._summed_over(item.node, only):
                        self._aliases[item.name] = self._aliases.get(sent, Symbol(sent))

    def _gradients(self, nodes: list[Node]) -> Iterator[str]:
        for node in nodes:
            if node.name in self._adjoints:
                yield from self._equation(self._adjoints[node.name])
            else:
                yield f"{self._names.take(f'd_{node.name}')} = 0"

    def _equation(self, item: Adjoint) -> list[str]:
        """``d_v = ...``, what is summed over the same axes in one sum."""
        sums: dict[tuple[str, Shape], list[Term]] = {}
        for contribution in item.contributions:
            over = self._summed_over(item.node, contribution)
            shape = self._shape_of(item.node, contribution)
            sums.setdefault((over, shape), []).append(self._sent(contribution))
        terms: list[str] = []
        for (over, _), parts in sums.items():
            found = signed(parts)
            if over:
                inside = " ".join(found) if len(found) == 1 else f"({' '.join(found)})"
                whole = f"sum over {over} of {inside}"
                found = [whole if len(sums) == 1 else f"({whole})"]
            plus = "+ " if terms and found[0][0] not in "+-" else ""
            terms += [plus + found[0], *found[1:]]
        return equation_lines(item.name, terms)

    def _shape_of(self, node: str, contribution: Contribution) -> Shape:
        """The shape a contribution has before it is summed to that of its node."""
        match contribution:
            case (
                Flow(reader=str(reader))
                | OverFeatures(reader=reader)
                | OverImage(reader=reader)
            ):
                return self._nodes[reader].shape
            case _:
                return self._nodes[node].shape

    def _summed_over(self, node: str, contribution: Contribution) -> str:
        """The axes that a contribution has and the node that receives it has not."""
        match contribution:
            case OuterProduct() | OverPlaces():
                return "t, b"
            case OverImage():
                return "t, b and places"
            case OverFeatures():
                return "the features"
            case (
                ThroughMatrix()
                | ThroughKernel()
                | ThroughFeatures()
                | Flow(reader=None)
            ):
                return ""
            case Flow(reader=reader):
                assert reader is not None
                sender, receiver = self._nodes[reader], self._nodes[node]
                rows = self._varying[reader] and not self._varying[node]
                features = sender.shape != () and receiver.shape == ()
                axes = ["t, b"] * rows + ["the features"] * features
                return " and ".join(axes)
            case _:
                assert_never(contribution)

    def _sent(self, contribution: Contribution) -> Term:
        match contribution:
            case Flow(formula=formula):
                sent = expanded(substitute(formula, self._aliases))
                if isinstance(sent, Negate):
                    return Term(written(sent.operand, self._values), negative=True)
                return Term(written(sent, self._values))
            case ThroughMatrix(matrix=matrix, arriving=arriving):
                product = f"{self._values[matrix].text}.T @ {self._gradient(arriving)}"
                return Term(Written(product, Binding.MATRIX_PRODUCT))
            case OuterProduct(arriving=arriving, operand=operand):
                row = self._values[operand].within(Binding.CALL)
                product = f"{self._gradient(arriving)} {row}.T"
                return Term(Written(product, Binding.MATRIX_PRODUCT))
            case ThroughKernel(kernel=kernel, arriving=arriving):
                name = self._values[kernel].text
                text = f"conv({name}).T @ {self._gradient(arriving)}"
                return Term(Written(text, Binding.MATRIX_PRODUCT))
            case OverPlaces(arriving=arriving, operand=operand):
                image = self._values[operand].text
                text = f"conv.T({self._gradient(arriving)}, {image})"
                return Term(Written(text, Binding.CALL))
            case OverFeatures(arriving=arriving) | OverImage(arriving=arriving):
                return Term(Written(self._gradient(arriving)))
            case ThroughFeatures(reader=reader, arriving=arriving):
                return Term(self._through_features(reader, arriving))
            case _:
                assert_never(contribution)

    def _through_features(self, reader: str, arriving: str) -> Written:
        node = self._nodes[reader]
        assert isinstance(node.operation, Across)
        operand = self._nodes[node.operation.operand]
        function = FEATURE_FUNCTIONS[node.operation.function]
        (size,) = operand.shape
        constants = node.operation.constants
        sent = function.gradient(arriving, reader, operand.name, size, constants)
        text = written(substitute(sent, self._aliases), self._values)
        if function.is_reduction and "u" not in function.kept:
            return Written(f"({text.text} for each feature)")
        return text

    def _gradient(self, name: str) -> str:
        return written(self._aliases.get(name, Symbol(name)), {}).text


def _is_leaf(node: Node) -> bool:
    return isinstance(node.operation, Input | Previous | Parameter | Size)


def _constant(graph: StepGraph) -> dict[str, None]:
    """The values made of numbers and sizes alone."""
    found: dict[str, None] = {}
    for node in graph.nodes:
        leaf = isinstance(node.operation, Input | Previous | Parameter)
        if not leaf and all(name in found for name in operands(node.operation)):
            found[node.name] = None
    return found
