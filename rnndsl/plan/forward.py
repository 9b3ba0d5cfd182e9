"""Plans the forward pass: statements for each region."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from rnndsl.formulas.formula import Formula, Symbol
from rnndsl.ir import graph as ir
from rnndsl.ir.graph import (
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
)
from rnndsl.ir.naming import Names
from rnndsl.plan.groups import ProductGroup
from rnndsl.plan.plan import Value
from rnndsl.plan.stages import Stage
from rnndsl.plan.statements import (
    Across,
    Axis,
    Compute,
    Convolve,
    Join,
    Members,
    Multiply,
    Repeat,
    SizeOf,
    Slice,
    Statement,
    Unsqueeze,
    reads,
    targets,
)
from rnndsl.plan.sums import Term, terms, total

AXES = {
    Stage.FIXED: Axis.FIXED,
    Stage.BEFORE: Axis.SEQUENCE,
    Stage.LOOP: Axis.STEP,
    Stage.AFTER: Axis.SEQUENCE,
}


def forward_statements(
    graph: StepGraph,
    stage: dict[str, Stage],
    groups: tuple[ProductGroup, ...],
    variables: dict[str, str],
    values: dict[str, Value],
    names: Names,
) -> dict[Stage, tuple[Statement, ...]]:
    """The statements of each stage that the states and the output need.

    ``variables`` are the names of stored parameters. Records in ``values`` what the
    statements define.
    """
    planning = _Forward(graph, stage, groups, variables, values, names)
    for node in graph.nodes:
        values[node.name] = Value(AXES[stage[node.name]], node.shape)
    planning.members()
    # What is fixed comes first: a group of products may start from any of it.
    for node in sorted(graph.nodes, key=lambda node: stage[node.name] != Stage.FIXED):
        planning.node(node)
    return planning.live()


class _Forward:
    def __init__(
        self,
        graph: StepGraph,
        stage: dict[str, Stage],
        groups: tuple[ProductGroup, ...],
        variables: dict[str, str],
        values: dict[str, Value],
        names: Names,
    ) -> None:
        self._graph = graph
        self._stage = stage
        self._variables = variables
        self._values = values
        self._names = names
        self._groups = {name: group for group in groups for name in group.members}
        self._done: dict[str, None] = {}
        self._regions: dict[Stage, list[Statement]] = {when: [] for when in Stage}

    def members(self) -> None:
        """Names the blocks of stored parameters that hold several."""
        nodes = {
            node.operation.member: node.name
            for node in self._graph.nodes
            if isinstance(node.operation, Parameter)
        }
        for parameter in self._graph.cell.parameters:
            variable = self._variables[parameter.name]
            blocks = tuple(nodes.get(member.name) for member in parameter.members)
            if blocks != (variable,):
                self._add(Stage.FIXED, Members(targets=blocks, stored=variable))

    def _add(self, when: Stage, statement: Statement) -> None:
        self._regions[when].append(statement)

    def node(self, node: Node) -> None:
        """Adds the statements of a node, or of its whole group if it is a product."""
        when = self._stage[node.name]
        match node.operation:
            case Input() | Previous() | Parameter():
                return
            case Elementwise(formula=formula):
                self._add(
                    when,
                    Compute(target=node.name, formula=formula, equation=node.equation),
                )
            case Product() | Convolution():
                self._product(self._groups[node.name])
            case ir.Across(function=function, operand=operand, constants=constants):
                self._add(
                    when,
                    Across(
                        target=node.name,
                        function=function,
                        operand=operand,
                        constants=constants,
                        equation=node.equation,
                    ),
                )
            case Widen(operand=operand):
                self._add(when, Unsqueeze(target=node.name, operand=operand))
            case Expand(value=value):
                self._add(when, Repeat(target=node.name, value=value, shape=node.shape))
            case Size(dimension=dimension):
                self._add(when, SizeOf(target=node.name, dimension=dimension))
            case _:
                assert_never(node.operation)

    def _product(self, group: ProductGroup) -> None:
        if group.target in self._done:
            return
        self._done[group.target] = None
        self._values.setdefault(group.target, Value(AXES[group.stage], None))
        self._add(group.stage, self._joint(group))
        if len(group.members) > 1:
            self._add(
                group.stage,
                Slice(
                    targets=group.members,
                    source=group.target,
                    sizes=group.rows,
                    places=group.places,
                ),
            )

    def _joint(self, group: ProductGroup) -> Multiply | Convolve:
        """All members at once."""
        target, operand, weight = group.target, group.operand, group.weight
        base = self._base(group)
        if group.window:
            return Convolve(target=target, operand=operand, weight=weight, bias=base)
        return Multiply(target=target, operand=operand, weight=weight, base=base)

    def _base(self, group: ProductGroup) -> str | None:
        """What the whole group starts from: another group, or a bias beside it."""
        if group.seed is not None:
            return group.seed
        if len(group.bases) == 1 or not any(group.bases):
            return group.bases[0]
        aligned = self._aligned(group.bases)
        if isinstance(aligned, Symbol):
            return aligned.name
        name = self._names.take(f"{group.target}_bias")
        self._values[name] = Value(Axis.FIXED, None)
        if aligned is not None:
            self._add(Stage.FIXED, Compute(target=name, formula=aligned))
        else:
            shapes = tuple((rows,) for rows in group.rows)
            self._add(Stage.FIXED, Join(target=name, parts=group.bases, shapes=shapes))
        return name

    def _aligned(self, bases: tuple[str | None, ...]) -> Formula | None:
        """A sum of whole stored tensors whose blocks are the bases, in order."""
        nodes = {node.name: node.operation for node in self._graph.nodes}
        sums: list[list[str]] = []
        for base in bases:
            if base is None:
                return None
            operation = nodes[base]
            formula = (
                operation.formula
                if isinstance(operation, Elementwise)
                else Symbol(base)
            )
            parts = [term.symbol for term in terms(formula)]
            found = [nodes[part] for part in parts if part is not None]
            members = [o.member for o in found if isinstance(o, Parameter)]
            if len(members) != len(parts):
                return None
            sums.append(members)
        if len({len(members) for members in sums}) != 1:
            return None
        stored = {
            tuple(member.name for member in parameter.members): parameter.name
            for parameter in self._graph.cell.parameters
        }
        whole = [stored.get(column) for column in zip(*sums, strict=True)]
        if None in whole:
            return None
        return total([Term(Symbol(self._variables[str(name)])) for name in whole])

    def live(self) -> dict[Stage, tuple[Statement, ...]]:
        """Drops what neither a state nor the output needs."""
        graph = self._graph
        needed = dict.fromkeys((*graph.new_states, graph.output, *graph.emitted))
        kept: dict[Stage, tuple[Statement, ...]] = {}
        for when in reversed(Stage):
            region: list[Statement] = []
            for statement in reversed(self._regions[when]):
                live = live_part(statement, needed)
                if live is not None:
                    needed.update(dict.fromkeys(reads(live)))
                    region.append(live)
            kept[when] = tuple(reversed(region))
        return kept


def live_part(statement: Statement, needed: dict[str, None]) -> Statement | None:
    """The statement without the targets nobody needs; None if nobody needs any."""
    if not any(name in needed for name in targets(statement)):
        return None
    if isinstance(statement, Slice | Members):
        names = tuple(n if n in needed else None for n in statement.targets)
        return replace(statement, targets=names)
    return statement
