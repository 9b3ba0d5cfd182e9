"""Plans the backward pass: the adjoint graph, grouped and put into regions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import assert_never

from rnndsl.analysis.program import Shape
from rnndsl.formulas.features import FEATURE_FUNCTIONS
from rnndsl.formulas.formula import Formula, Symbol, substitute
from rnndsl.ir.graph import Across, Input, Node, Parameter, Previous, StepGraph
from rnndsl.ir.naming import Names
from rnndsl.plan.groups import ProductGroup
from rnndsl.plan.plan import Value
from rnndsl.plan.stages import Stage
from rnndsl.plan.statements import (
    AcrossBackward,
    Axis,
    Compute,
    ConvolveBackward,
    Join,
    KernelSum,
    Multiply,
    OuterSum,
    Slice,
    Statement,
    SumFeatures,
    SumSteps,
)
from rnndsl.plan.sums import added
from rnndsl.symbolic.adjoint import (
    Adjoint,
    AdjointGraph,
    Flow,
    OuterProduct,
    OverFeatures,
    OverImage,
    OverPlaces,
    ThroughFeatures,
    ThroughKernel,
    ThroughMatrix,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gradients:
    """All statements of the backward pass, by the stage whose gradients they compute,
    and the names of the results (None: no gradient)."""

    statements: dict[Stage, list[Statement]]
    leaving: tuple[str | None, ...]
    inputs: tuple[str | None, ...]
    parameters: tuple[str | None, ...]


def gradient_statements(
    graph: StepGraph,
    adjoint: AdjointGraph,
    stage: dict[str, Stage],
    groups: tuple[ProductGroup, ...],
    values: dict[str, Value],
    names: Names,
) -> Gradients:
    """One statement or a few for each adjoint, products by group.

    Records in ``values`` what the statements define.
    """
    planning = _Backward(graph, adjoint, stage, groups, values, names)
    # A group's gradient is complete only after all its members: what is the same in
    # all steps, such as their biases, comes last.
    varying = [a for a in adjoint.adjoints if stage[a.node] != Stage.FIXED]
    fixed = [a for a in adjoint.adjoints if stage[a.node] == Stage.FIXED]
    for item in (*varying, *fixed):
        planning.adjoint(item)
    return planning.result()


class _Backward:
    def __init__(
        self,
        graph: StepGraph,
        adjoint: AdjointGraph,
        stage: dict[str, Stage],
        groups: tuple[ProductGroup, ...],
        values: dict[str, Value],
        names: Names,
    ) -> None:
        self._graph = graph
        self._stage = stage
        self._values = values
        self._names = names
        self._nodes = {node.name: node for node in graph.nodes}
        self._groups = {name: group for group in groups for name in group.members}
        self._adjoint = adjoint
        self._aliases: dict[str, Formula] = {}
        self._result: dict[str, str] = {}
        self._joined: dict[tuple[str | None, ...], tuple[Stage, Join]] = {}
        self._made: dict[tuple[str, str], str] = {}
        self._sliced: dict[tuple[str | None, ...], str] = {}
        self._statements: dict[Stage, list[Statement]] = {when: [] for when in Stage}
        values["d_output"] = Value(Axis.SEQUENCE, graph.node(graph.output).shape)
        for emitted, name in zip(graph.emitted, adjoint.emitted, strict=True):
            values[name] = Value(Axis.SEQUENCE, graph.node(emitted).shape)
        for state, name in zip(graph.cell.states, adjoint.arriving, strict=True):
            values[name] = Value(Axis.STEP, state.shape)

    # Statements and their names

    def _add(self, when: Stage, statement: Statement) -> None:
        self._statements[when].append(statement)

    def _define(self, wish: str, when: Stage, shape: Shape | None) -> str:
        """A new name for a gradient of values of a stage."""
        name = self._names.take(wish)
        self._values[name] = Value(self._axis(when), shape)
        return name

    def _arrived(self, node: str) -> str | None:
        """The name under which a node's gradient is at hand."""
        return self._result.get(node)

    def adjoint(self, item: Adjoint) -> None:
        """Adds up what a node receives."""
        node = self._nodes[item.node]
        when = self._stage[item.node]
        parts: list[Formula] = []
        own = item.name if self._is_one(item) else None
        for contribution in item.contributions:
            match contribution:
                case Flow(reader=reader, formula=formula):
                    part = substitute(formula, self._aliases)
                    parts.append(self._flow(node, reader, part, own))
                case ThroughMatrix(reader=reader) | ThroughKernel(reader=reader):
                    name = self._through(self._groups[reader], own)
                    if Symbol(name) not in parts:
                        parts.append(Symbol(name))
                case OuterProduct(reader=reader) | OverPlaces(reader=reader):
                    parts.append(Symbol(self._weight(self._groups[reader], reader)))
                case OverImage(reader=reader):
                    parts.append(Symbol(self._bias(self._groups[reader], reader)))
                case OverFeatures(reader=reader, arriving=arriving):
                    parts.append(Symbol(self._features(node, reader, arriving)))
                case ThroughFeatures(reader=reader, arriving=arriving):
                    parts.append(Symbol(self._across(node, reader, arriving, own)))
                case _:
                    assert_never(contribution)
        formula = added(parts, partial(self._temporary, node, when))
        if isinstance(formula, Symbol):
            self._aliases[item.name] = formula
            self._result[item.node] = formula.name
            return
        axis = self._axis(when)
        self._values[item.name] = Value(axis, node.shape)
        self._result[item.node] = item.name
        self._add(when, Compute(target=item.name, formula=formula))

    def _axis(self, when: Stage) -> Axis:
        match when:
            case Stage.FIXED:
                return Axis.FIXED
            case Stage.LOOP:
                return Axis.STEP
            case _:
                return Axis.SEQUENCE

    def _is_one(self, item: Adjoint) -> bool:
        """Whether all contributions are one value, which then bears the name."""
        first, *others = item.contributions
        if not isinstance(first, ThroughMatrix | ThroughKernel):
            return not others
        group = self._groups[first.reader]
        return all(
            isinstance(other, ThroughMatrix | ThroughKernel)
            and self._groups[other.reader] is group
            for other in others
        )

    def _flow(
        self, node: Node, reader: str | None, formula: Formula, own: str | None
    ) -> Formula:
        """A contribution, at hand on the axis of the node that receives it."""
        when = self._stage[node.name]
        sender = when if reader is None else self._stage[reader]
        if when == Stage.FIXED and reader is not None and sender != Stage.FIXED:
            group = self._groups.get(reader)
            if group is not None:
                return Symbol(self._bias(group, reader))
            return Symbol(self._over_steps(node, sender, formula, own))
        if sender == Stage.AFTER and when != Stage.AFTER:
            return Symbol(self._temporary(node, sender, formula))
        if reader is not None and node.shape != self._nodes[reader].shape:
            # A fixed scalar that stands beside fixed vectors.
            part = self._temporary(node, when, formula)
            name = own or self._names.take(f"d_{node.name}_sum")
            self._values[name] = Value(self._axis(when), node.shape)
            self._add(when, SumFeatures(target=name, operand=part))
            return Symbol(name)
        return formula

    def _temporary(self, node: Node, when: Stage, formula: Formula) -> str:
        if isinstance(formula, Symbol):
            return formula.name
        name = self._define(f"d_{node.name}_part", when, node.shape)
        self._add(when, Compute(target=name, formula=formula))
        return name

    def _over_steps(
        self, node: Node, sender: Stage, formula: Formula, own: str | None
    ) -> str:
        part = self._temporary(node, sender, formula)
        name = own or self._names.take(f"d_{node.name}_sum")
        self._values[name] = Value(Axis.FIXED, node.shape)
        self._add(
            Stage.FIXED, SumSteps(target=name, operand=part, scalar=node.shape == ())
        )
        return name

    def _features(self, node: Node, reader: str, arriving: str) -> str:
        when = self._stage[reader]
        name = self._define(f"d_{node.name}_part", when, node.shape)
        self._add(when, SumFeatures(target=name, operand=self._alias(arriving)))
        return name

    def _alias(self, arriving: str) -> str:
        """The name that a gradient has in the plan."""
        alias = self._aliases.get(arriving, Symbol(arriving))
        assert isinstance(alias, Symbol)
        return alias.name

    def _across(self, node: Node, reader: str, arriving: str, own: str | None) -> str:
        operation = self._nodes[reader].operation
        assert isinstance(operation, Across)
        when = self._stage[reader]
        name = own or self._names.take(f"d_{node.name}_part")
        self._values[name] = Value(self._axis(when), node.shape)
        kept = FEATURE_FUNCTIONS[operation.function].kept
        self._add(
            when,
            AcrossBackward(
                target=name,
                function=operation.function,
                arriving=self._alias(arriving),
                result=reader if "y" in kept else None,
                operand=node.name if "u" in kept else None,
                features=node.shape[0],
                constants=operation.constants,
            ),
        )
        return name

    # Products, by group

    def _once(self, kind: str, group: ProductGroup) -> str | None:
        return self._made.get((kind, group.target))

    def _join(self, group: ProductGroup) -> str:
        """The gradients of a group's members, beside each other."""
        parts = tuple(self._arrived(member) for member in group.members)
        if len(parts) == 1:
            return str(parts[0])
        if parts not in self._joined:
            name = self._names.take(f"d_{group.target}")
            shapes = tuple((rows, *group.places) for rows in group.rows)
            join = Join(target=name, parts=parts, shapes=shapes)
            self._place(parts, group.stage, join)
        # Groups that share their gradients share the join: it belongs where the first
        # of them runs, and later stages run first.
        when, join = self._joined[parts]
        if when < group.stage:
            self._statements[when].remove(join)
            self._place(parts, group.stage, join)
        return join.target

    def _place(self, parts: tuple[str | None, ...], when: Stage, join: Join) -> None:
        self._joined[parts] = (when, join)
        self._values[join.target] = Value(self._axis(when), None)
        self._add(when, join)

    def _through(self, group: ProductGroup, own: str | None) -> str:
        known = self._once("operand", group)
        if known is not None:
            return known
        joined = self._join(group)
        operand = self._nodes[group.operand]
        name = own or self._names.take(f"d_{operand.name}_part")
        self._values[name] = Value(self._axis(group.stage), operand.shape)
        weight = group.weight
        self._add(
            group.stage,
            ConvolveBackward(target=name, arriving=joined, weight=weight)
            if group.window
            else Multiply(target=name, operand=joined, weight=weight, transposed=True),
        )
        self._made["operand", group.target] = name
        return name

    def _weight(self, group: ProductGroup, member: str) -> str:
        """The gradient of a member's matrix: a block of the group's."""
        whole = self._once("weight", group)
        if whole is None:
            first = self._names.take(f"d_{group.target}_weight")
            self._values[first] = Value(Axis.FIXED, None)
            joined, operand = self._join(group), group.operand
            self._add(
                Stage.FIXED,
                KernelSum(
                    target=first,
                    arriving=joined,
                    operand=operand,
                    window=group.window,
                )
                if group.window
                else OuterSum(target=first, left=joined, right=operand),
            )
            whole = self._made["weight", group.target] = first
        return self._block(group, whole, "weight", member)

    def _bias(self, group: ProductGroup, member: str) -> str:
        """The gradient of what a member starts from: a block of the group's sum."""
        whole = self._once("bias", group)
        if whole is None:
            whole = self._names.take(f"d_{group.target}_bias")
            self._values[whole] = Value(Axis.FIXED, None)
            self._add(
                Stage.FIXED,
                SumSteps(
                    target=whole,
                    operand=self._join(group),
                    scalar=False,
                    places=len(group.places),
                ),
            )
            self._made["bias", group.target] = whole
        return self._block(group, whole, "bias", member)

    def _block(self, group: ProductGroup, whole: str, kind: str, member: str) -> str:
        if len(group.members) == 1:
            return whole
        key = f"{kind} blocks"
        if (key, group.target) not in self._made:
            names = tuple(
                self._names.take(f"d_{name}_{kind}") for name in group.members
            )
            for name in names:
                self._values[name] = Value(Axis.FIXED, None)
            self._add(Stage.FIXED, Slice(targets=names, source=whole, sizes=group.rows))
            self._sliced[names] = whole
            self._made.update(
                ((f"{kind} of {member}", group.target), name)
                for member, name in zip(group.members, names, strict=True)
            )
            self._made[key, group.target] = whole
        return self._made[f"{kind} of {member}", group.target]

    # What leaves the step

    def result(self) -> Gradients:
        of_operation = {node.operation: node.name for node in self._graph.nodes}
        cell = self._graph.cell
        return Gradients(
            statements=self._statements,
            leaving=tuple(
                self._arrived(of_operation[Previous(state.name)])
                for state in cell.states
            ),
            inputs=tuple(
                self._arrived(of_operation.get(Input(item.name), ""))
                for item in cell.inputs
            ),
            parameters=tuple(
                self._stored(
                    parameter.name,
                    tuple(
                        self._arrived(of_operation.get(Parameter(member.name), ""))
                        for member in parameter.members
                    ),
                    parameter.member_shape,
                )
                for parameter in cell.parameters
            ),
        )

    def _stored(
        self, stored: str, blocks: tuple[str | None, ...], shape: Shape
    ) -> str | None:
        """The gradient of a stored parameter, from those of its members."""
        if not any(blocks):
            return None
        if len(blocks) == 1:
            return blocks[0]
        if blocks in self._sliced:
            return self._sliced[blocks]
        name = self._names.take(f"d_{stored}")
        self._values[name] = Value(Axis.FIXED, None)
        shapes = tuple(shape for _ in blocks)
        self._add(Stage.FIXED, Join(target=name, parts=blocks, shapes=shapes))
        return name
