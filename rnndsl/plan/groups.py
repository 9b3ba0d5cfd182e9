"""Products, and convolutions, that share an operand, done as one."""

from __future__ import annotations

from dataclasses import dataclass

from rnndsl.analysis.program import Dim, Shape
from rnndsl.ir.graph import Convolution, Node, Parameter, Product, StepGraph
from rnndsl.ir.naming import Names
from rnndsl.plan.stages import Stage
from rnndsl.plan.statements import Weight


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductGroup:
    """``target``, or its parts ``members``, is ``operand`` times ``weight``.

    ``rows`` are the sizes of the parts, ``places`` those of the axes behind these, in
    a convolution, whose kernel has the sizes ``window``; empty in a product. ``bases``:
    what each part starts from, None for nothing. ``seed`` is the group whose result the
    whole starts from, part by part.
    """

    target: str
    operand: str
    stage: Stage
    members: tuple[str, ...]
    rows: tuple[Dim, ...]
    weight: Weight
    bases: tuple[str | None, ...]
    seed: str | None = None
    places: Shape = ()
    window: Shape = ()


def product_groups(
    graph: StepGraph,
    stage: dict[str, Stage],
    variables: dict[str, str],
    names: Names,
) -> tuple[ProductGroup, ...]:
    """All products of a step, grouped by operand and stage, in order of appearance.

    ``variables`` are the names under which the stored parameters are at hand.
    """
    found: dict[tuple[Stage, str, Shape], list[Node]] = {}
    for node in graph.nodes:
        if isinstance(node.operation, Product | Convolution):
            key = (stage[node.name], node.operation.operand, _window(graph, node))
            found.setdefault(key, []).append(node)
    groups: list[ProductGroup] = []
    # A group that starts from another comes after it.
    for (when, operand, _), members in sorted(
        found.items(), key=lambda item: item[0][0]
    ):
        groups.append(_group(graph, when, operand, members, groups, variables, names))
    return tuple(groups)


def _group(
    graph: StepGraph,
    when: Stage,
    operand: str,
    members: list[Node],
    earlier: list[ProductGroup],
    variables: dict[str, str],
    names: Names,
) -> ProductGroup:
    ordered = _stored_order(graph, members)
    seed = _seed(ordered, earlier)
    if seed is not None:
        ordered.sort(key=lambda node: seed.members.index(_base(node) or ""))
    if len(ordered) == 1:
        target = ordered[0].name
    else:
        target = names.take(f"gates_{operand.removesuffix('_prev')}")
    return ProductGroup(
        target=target,
        operand=operand,
        stage=when,
        members=tuple(node.name for node in ordered),
        rows=tuple(node.shape[0] for node in ordered),
        weight=_weight(graph, ordered, variables),
        bases=tuple(_base(node) for node in ordered),
        seed=None if seed is None else seed.target,
        places=ordered[0].shape[1:],
        window=_window(graph, ordered[0]),
    )


def _weight_of(node: Node) -> str:
    """The node of its matrix or kernel."""
    if isinstance(node.operation, Convolution):
        return node.operation.kernel
    assert isinstance(node.operation, Product)
    return node.operation.matrix


def _base(node: Node) -> str | None:
    """What it starts from."""
    if isinstance(node.operation, Convolution):
        return node.operation.bias
    assert isinstance(node.operation, Product)
    return node.operation.base


def _window(graph: StepGraph, node: Node) -> Shape:
    return graph.node(_weight_of(node)).shape[2:]


def _matrix(graph: StepGraph, node: Node) -> str:
    operation = graph.node(_weight_of(node)).operation
    assert isinstance(operation, Parameter)
    return operation.member


def _stored_order(graph: StepGraph, members: list[Node]) -> list[Node]:
    """The order of the stored rows, so that a whole tensor is used as it lies."""
    position = {
        member.name: index
        for index, member in enumerate(
            member
            for parameter in graph.cell.parameters
            for member in parameter.members
        )
    }
    return sorted(members, key=lambda node: position[_matrix(graph, node)])


def _seed(members: list[Node], earlier: list[ProductGroup]) -> ProductGroup | None:
    """The earlier group of which each member here starts from one member."""
    bases = [_base(node) for node in members]
    for group in earlier:
        if None not in bases and sorted(group.members) == sorted(map(str, bases)):
            return group
    return None


def _weight(graph: StepGraph, members: list[Node], variables: dict[str, str]) -> Weight:
    names = tuple(_weight_of(node) for node in members)
    matrices = tuple(_matrix(graph, node) for node in members)
    for parameter in graph.cell.parameters:
        blocks = tuple(member.name for member in parameter.members)
        if matrices[0] in blocks:
            first = blocks.index(matrices[0])
            in_order = blocks[first : first + len(matrices)] == matrices
            if in_order and (len(matrices) > 1 or len(blocks) == 1):
                return Weight(names, variables[parameter.name], first, len(blocks))
    return Weight(names, None)
