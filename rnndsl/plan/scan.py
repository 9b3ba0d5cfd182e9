"""Plans all steps at once, for cells whose states can be found without a loop.

A state can be found once all others that it reads are: if its new value needs no old
one of its own, it is known for all steps; if it is ``a * old + b`` for each unit, it is
a scan of ``a`` and ``b``. So states are solved one after the other. A matrix may stand
between two of them, but not on the way from one to itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from rnndsl.formulas.formula import Formula, Number, Symbol, substitute, symbols
from rnndsl.ir.graph import (
    Elementwise,
    Expand,
    Input,
    Node,
    Previous,
    StepGraph,
    operands,
)
from rnndsl.ir.naming import Names
from rnndsl.plan.forward import forward_statements
from rnndsl.plan.groups import product_groups
from rnndsl.plan.hoist import hoist
from rnndsl.plan.plan import ScanPlan, Value
from rnndsl.plan.scan_statements import (
    EarlierSteps,
    KeptSteps,
    LinearScan,
    SameSteps,
    ScanStatement,
)
from rnndsl.plan.stages import Stage, stages
from rnndsl.plan.statements import Axis, Statement, reads, targets
from rnndsl.plan.stored import stored_names
from rnndsl.symbolic.linear import Linear, linear_in
from rnndsl.symbolic.recurrence import Recurrence, RecurrenceClass


@dataclass(frozen=True, slots=True)
class _Solved:
    """How a state is found: a scan if it is ``linear`` in its own old value; None if
    its new value is known."""

    state: str
    previous: str
    new: str
    linear: Linear | None


def plan_scan(source: StepGraph, found: Recurrence) -> ScanPlan | str:
    """The plan of all steps at once, or why there is none: "the cell ..."."""
    order = _solution(source)
    if order is None:
        return _refusal(found)
    return _Scan(source, order).plan()


def _refusal(found: Recurrence) -> str:
    if found.kind is RecurrenceClass.DIAGONAL_LINEAR:
        return "has states that wait for each other"
    through = f", through {', '.join(found.through)}" if found.through else ""
    return f"has a recurrence that is {found.kind.value}{through}"


def _solution(graph: StepGraph) -> tuple[_Solved, ...] | None:
    """The states in an order in which they can be found, or None."""
    nodes = {node.operation: node.name for node in graph.nodes}
    waiting = {
        state.name: (nodes[Previous(state.name)], new)
        for state, new in zip(graph.cell.states, graph.new_states, strict=True)
    }
    order: list[_Solved] = []
    while waiting:
        for state, (previous, new) in waiting.items():
            others = [old for name, (old, _) in waiting.items() if name != state]
            if new in _reached(graph, others):
                continue
            linear = None
            if new in _reached(graph, [previous]):
                linear = _linear(graph, previous, new)
                if linear is None:
                    continue
            order.append(_Solved(state, previous, new, linear))
            del waiting[state]
            break
        else:
            return None
    return tuple(order)


def _reached(graph: StepGraph, values: Iterable[str]) -> dict[str, None]:
    """The values, and all that depend on one of them."""
    found = dict.fromkeys(values)
    for node in graph.nodes:
        if any(name in found for name in operands(node.operation)):
            found[node.name] = None
    return found


def _linear(graph: StepGraph, previous: str, new: str) -> Linear | None:
    """The new value of a state as a linear function of its old one, if it is one."""
    reached = _reached(graph, [previous])
    formulas: dict[str, Formula] = {previous: Symbol(previous)}
    for node in graph.nodes:
        inside = [name for name in operands(node.operation) if name in reached]
        if not inside or not isinstance(node.operation, Elementwise):
            continue
        if all(name in formulas for name in inside):
            formulas[node.name] = substitute(node.operation.formula, formulas)
    # It is missing if something that is not elementwise lies between.
    return linear_in(formulas[new], previous) if new in formulas else None


class _Scan:
    """Old values of states, and new ones that are scans, are values like inputs in the
    graph that is planned: other statements stand around those that find them."""

    def __init__(self, source: StepGraph, order: tuple[_Solved, ...]) -> None:
        self._source = source
        self._order = order
        self._scanned = {own.new: own for own in order if own.linear is not None}
        self._names = Names()
        for node in source.nodes:
            self._names.take(node.name)
        self._varying = _reached(
            source,
            [
                node.name
                for node in source.nodes
                if isinstance(node.operation, Input | Previous | Expand)
            ],
        )
        self._nodes: list[Node] = []
        self._parts: dict[str, tuple[str, str]] = {}

    def plan(self) -> ScanPlan:
        """Plans the graph of values, and puts what finds the states in between."""
        graph = hoist(self._graph())
        stage = stages(graph)
        names = Names()
        for node in graph.nodes:
            names.take(node.name)
        stored = stored_names(graph, names)
        groups = product_groups(graph, stage, stored, names)
        values = {name: Value(Axis.FIXED, None) for name in stored.values()}
        made = forward_statements(graph, stage, groups, stored, values, names)
        first = {s.name: names.take(f"{s.name}_first") for s in graph.cell.states}
        after = {
            own.state: own.new if own.linear else names.take(f"{own.state}_kept")
            for own in self._order
        }
        values |= {name: Value(Axis.STEP, None) for name in first.values()}
        values |= {name: Value(Axis.SEQUENCE, None) for name in after.values()}
        return ScanPlan(
            graph=graph,
            stored=tuple(stored.values()),
            values=values,
            fixed=made[Stage.FIXED],
            steps=tuple(self._in_order(made[Stage.BEFORE], graph, first, after)),
            first=tuple(first.values()),
            states=tuple(after[state.name] for state in graph.cell.states),
            output=graph.output,
            emitted=graph.emitted,
        )

    # The graph of values

    def _graph(self) -> StepGraph:
        """All values but the states, which stand in it like inputs; its results are
        what the states are found from, the output, and what is emitted."""
        for node in self._source.nodes:
            own = self._scanned.get(node.name)
            if own is not None and own.new != own.previous:
                self._coefficients(node, own)
                self._nodes.append(replace(node, operation=Input(f"{own.state}[t]")))
            elif isinstance(node.operation, Previous):
                given = Input(f"{node.operation.state}[t-1]")
                self._nodes.append(replace(node, operation=given))
            else:
                self._nodes.append(node)
        known = [own.new for own in self._order if own.linear is None]
        read = [name for pair in self._parts.values() for name in pair]
        return StepGraph(
            cell=self._source.cell,
            nodes=tuple(self._nodes),
            new_states=(*known, *read),
            output=self._source.output,
            emitted=self._source.emitted,
        )

    def _coefficients(self, node: Node, own: _Solved) -> None:
        """Adds the values ``a`` and ``b`` of a state, where they are not there yet."""
        assert own.linear is not None
        suffix = "" if len(self._scanned) == 1 else f"_{own.state}"
        a = own.linear.coefficient or Number(0)
        b = own.linear.rest or Number(0)
        self._parts[own.state] = (
            self._value(node, a, f"a{suffix}", spread=False),
            self._value(node, b, f"b{suffix}", spread=not self._varies(b)),
        )

    def _value(self, node: Node, formula: Formula, wish: str, *, spread: bool) -> str:
        """The name of a value with this formula; ``spread`` over rows and steps, if it
        is the same in all."""
        found: str | float
        match formula:
            case Symbol(name=name):
                found = name
            case Number(value=number):
                found = number
            case _:
                found = self._names.take(f"{wish}_fixed" if spread else wish)
                operation = Elementwise(formula)
                self._nodes.append(replace(node, name=found, operation=operation))
        if not spread and isinstance(found, str):
            return found
        name = self._names.take(wish)
        self._nodes.append(replace(node, name=name, operation=Expand(found)))
        return name

    def _varies(self, formula: Formula) -> bool:
        return any(name in self._varying for name in symbols(formula))

    # The order of the statements

    def _in_order(
        self,
        statements: tuple[Statement, ...],
        graph: StepGraph,
        first: dict[str, str],
        after: dict[str, str],
    ) -> Iterator[ScanStatement]:
        """Each statement behind the states that it needs, and each state behind the
        statements that it is found from."""
        level: dict[str, int] = {}
        for index, own in enumerate(self._order, 1):
            level[own.previous] = index
            if own.linear is not None:
                level[own.new] = index
        of_level: list[list[Statement]] = [[] for _ in range(len(self._order) + 1)]
        for statement in statements:
            highest = max((level.get(name, 0) for name in reads(statement)), default=0)
            level |= dict.fromkeys(targets(statement), highest)
            of_level[highest].append(statement)
        needed = dict.fromkeys((*graph.new_states, graph.output, *graph.emitted))
        for statement in statements:
            needed |= dict.fromkeys(reads(statement))
        yield from of_level[0]
        for index, own in enumerate(self._order, 1):
            start, states = first[own.state], after[own.state]
            if own.new == own.previous:
                yield SameSteps(target=states, first=start)
            elif own.linear is None:
                yield KeptSteps(target=states, values=own.new, first=start)
            else:
                a, b = self._parts[own.state]
                equation = self._source.node(own.new).equation
                yield LinearScan(
                    target=states, a=a, b=b, first=start, equation=equation
                )
            if own.previous in needed and own.previous != own.new:
                yield EarlierSteps(target=own.previous, states=states, first=start)
            yield from of_level[index]
