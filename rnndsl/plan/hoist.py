"""Rewrites a step graph so that each time step is left with as little as possible.

Sums are split into what the loop must add and what can be added up beforehand; products
take over the addends they can start from, so that one matrix product with accumulation
does the work of a product and an addition. Apart from this regrouping of sums, which
changes results by rounding only, equations stay as they were written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rnndsl.formulas.formula import (
    Apply,
    Formula,
    Number,
    Symbol,
    children,
    symbols,
    with_children,
)
from rnndsl.ir.graph import (
    Elementwise,
    Node,
    Product,
    StepGraph,
    operands,
)
from rnndsl.ir.naming import Names
from rnndsl.plan.stages import Stage, stages
from rnndsl.plan.sums import Term, terms, total


def hoist(graph: StepGraph) -> StepGraph:
    """The same step, regrouped: every node as early as it can be."""
    return _Hoisting(graph).result()


@dataclass(frozen=True, slots=True)
class _Addend:
    """A product that is a plain term of one sum: its sum and what it starts from."""

    home: str
    attached: tuple[Term, ...]


class _Hoisting:
    def __init__(self, graph: StepGraph) -> None:
        self._graph = graph
        self._stage = stages(graph)
        self._shapes = {node.name: node.shape for node in graph.nodes}
        self._names = Names()
        for node in graph.nodes:
            self._names.take(node.name)
        self._nodes: list[Node] = []
        self._formulas = {
            node.name: node.operation.formula
            for node in graph.nodes
            if isinstance(node.operation, Elementwise)
        }
        self._addends = self._find_addends()
        self._seeds = self._find_seeds()
        self._renamed: dict[str, str] = {}

    # Which products can start from something

    def _find_addends(self) -> dict[str, _Addend]:
        """Products used once, as a term that is added. What is fixed and stands in the
        sum after a product belongs to it, as a bias; before any, to the first.

        A product that is fixed itself is none of them: what it would start from may
        depend on a product of its own group."""
        uses = self._uses()
        products = [
            node.name
            for node in self._graph.nodes
            if isinstance(node.operation, Product)
            and self._stage[node.name] != Stage.FIXED
        ]
        found: dict[str, _Addend] = {}
        for home, formula in self._formulas.items():
            current: str | None = None
            attached: dict[str | None, list[Term]] = {}
            for term in terms(formula):
                name = term.symbol
                if name in products and uses[name] == 1:
                    attached[name] = attached.pop(None, [])
                    current = name
                elif self._is_bias(term):
                    attached.setdefault(current, []).append(term)
            for name, fixed in attached.items():
                if name is not None:
                    found[name] = _Addend(home, tuple(fixed))
        return found

    def _uses(self) -> Counter[str]:
        """How often each value is read, every place in a formula counted."""
        graph = self._graph
        uses = Counter((*graph.new_states, graph.output, *graph.emitted))
        for node in graph.nodes:
            if node.name in self._formulas:
                uses.update(_occurrences(self._formulas[node.name]))
            else:
                uses.update(operands(node.operation))
        return uses

    def _is_bias(self, term: Term) -> bool:
        """Whether it is the same in all rows and steps, but not for all features."""
        names = symbols(term.formula)
        fixed = self._of_terms([term]) == Stage.FIXED
        return fixed and any(self._shapes[name] != () for name in names)

    def _of_terms(self, parts: list[Term]) -> Stage:
        names = [name for part in parts for name in symbols(part.formula)]
        return max((self._stage[name] for name in names), default=Stage.FIXED)

    def _find_seeds(self) -> dict[str, str]:
        """The product computed beforehand that a product of the loop starts from.

        All members of a group must have one, and these must be one other group, whole
        and in the same order: then one buffer starts from the other. A product that is
        alone can start from any."""
        groups: dict[tuple[Stage, str], list[Node]] = {}
        for node in self._graph.nodes:
            if isinstance(node.operation, Product):
                key = (self._stage[node.name], node.operation.operand)
                groups.setdefault(key, []).append(node)
        seeds: dict[str, str] = {}
        for (stage, _), members in groups.items():
            if stage <= Stage.BEFORE:
                continue
            found = [self._seed(member) for member in members]
            whole = [
                [node.name for node in group]
                for (earlier, _), group in groups.items()
                if earlier == Stage.BEFORE
            ]
            startable = len(members) == 1 and found != [None]
            free = not any(name in seeds.values() for name in found)
            if free and (startable or found in whole):
                seeds.update(
                    (member.name, seed)
                    for member, seed in zip(members, found, strict=True)
                    if seed is not None
                )
        return seeds

    def _seed(self, product: Node) -> str | None:
        addend = self._addends.get(product.name)
        if addend is None:
            return None
        others = [
            term
            for term in terms(self._formulas[addend.home])
            if self._of_terms([term]) == Stage.BEFORE
        ]
        name = others[0].symbol if len(others) == 1 else None
        return name if name in self._addends else None

    # The rewriting

    def result(self) -> StepGraph:
        for node in self._graph.nodes:
            match node.operation:
                case Product():
                    self._product(node)
                case Elementwise(formula=formula) if not isinstance(formula, Apply):
                    self._arithmetic(node, formula)
                case _:
                    self._nodes.append(node)
        graph = self._graph
        return StepGraph(
            cell=graph.cell,
            nodes=tuple(self._nodes),
            new_states=graph.new_states,
            output=graph.output,
            emitted=graph.emitted,
        )

    def _add(self, name: str, node: Node, formula: Formula, stage: Stage) -> str:
        self._stage[name] = stage
        operation = Elementwise(formula)
        self._nodes.append(replace(node, name=name, operation=operation))
        return name

    def _product(self, node: Node) -> None:
        """Products that are terms of a sum wait until the sum is reached."""
        if node.name not in self._addends:
            self._nodes.append(node)

    def _started(self, name: str, base: str | None, called: str | None = None) -> str:
        """Adds a product that starts from ``base``, with its own name or ``called``."""
        node = self._graph.node(name)
        assert isinstance(node.operation, Product)
        operation = replace(node.operation, base=base)
        chosen = name if called is None else called
        self._stage[chosen] = self._stage[name]
        self._nodes.append(replace(node, name=chosen, operation=operation))
        return chosen

    def _bias(self, node: Node, parts: list[Term]) -> str | None:
        """The node of a fixed sum."""
        if not parts:
            return None
        formula = total(parts)
        if isinstance(formula, Symbol):
            return formula.name
        name = self._names.take(f"{node.name.removesuffix('_pre')}_bias")
        return self._add(name, node, formula, Stage.FIXED)

    def _arithmetic(self, node: Node, formula: Formula) -> None:
        parts = terms(formula)
        added = [
            part.symbol
            for part in parts
            if part.symbol in self._addends
            and self._addends[part.symbol].home == node.name
        ]
        if not added:
            self._add(
                node.name,
                node,
                self._split(node, formula),
                self._stage[node.name],
            )
            return
        seeded = next((name for name in added if name in self._seeds), None)
        taken: list[Term] = []
        values: dict[str, str] = {}
        if seeded is not None:
            seed = self._seeds[seeded]
            fixed = [part for part in parts if self._is_bias(part)]
            self._started(seed, self._bias(node, fixed))
            taken = [*fixed, Term(Symbol(seed)), Term(Symbol(seeded))]
            rest = [part for part in parts if part not in taken]
            alone = not rest
            values[seeded] = self._started(seeded, seed, node.name if alone else None)
            if alone:
                return
            parts = [Term(Symbol(seeded)), *rest]
            added = [name for name in added if name not in (seeded, seed)]
        for name in added:
            assert name is not None
            attached = [
                part for part in self._addends[name].attached if part not in taken
            ]
            parts = [part for part in parts if part not in attached]
            base = self._bias(node, attached)
            if parts == [Term(Symbol(name))]:
                self._started(name, base, node.name)
                return
            self._started(name, base)
        stage = self._stage[node.name]
        self._add(node.name, node, self._split(node, total(parts)), stage)

    def _split(self, node: Node, formula: Formula) -> Formula:
        """Moves out of a formula what does not need the node's own stage."""
        stage = self._stage[node.name]
        limit = Stage.BEFORE if stage == Stage.LOOP else Stage.FIXED
        if stage == Stage.FIXED:
            return formula
        parts = terms(formula)
        early = [part for part in parts if self._of_terms([part]) <= limit]
        if len(parts) > len(early) > 1:
            hoisted = self._early(node, total(early), limit)
            late = [part for part in parts if part not in early]
            formula = total([Term(hoisted), *late])
        return self._split_inside(node, formula, limit)

    def _split_inside(self, node: Node, formula: Formula, limit: Stage) -> Formula:
        operands_ = children(formula)
        if not operands_:
            return formula
        names = symbols(formula)
        if names and max(self._stage[name] for name in names) <= limit:
            return self._early(node, formula, limit)
        inside = tuple(self._split_inside(node, part, limit) for part in operands_)
        return with_children(formula, inside)

    def _early(self, node: Node, formula: Formula, limit: Stage) -> Formula:
        """A node of its own for an early formula; every part as early as it can be."""
        if isinstance(formula, Symbol | Number):
            return formula
        names = symbols(formula)
        stage = max((self._stage[name] for name in names), default=Stage.FIXED)
        if stage == Stage.BEFORE:
            inside = (
                self._split_inside(node, part, Stage.FIXED)
                for part in children(formula)
            )
            formula = with_children(formula, tuple(inside))
        for known in self._nodes:
            if known.operation == Elementwise(formula):
                return Symbol(known.name)
        suffix = "fixed" if stage == Stage.FIXED else "early"
        name = self._names.take(f"{node.name}_{suffix}")
        return Symbol(self._add(name, node, formula, stage))


def _occurrences(formula: Formula) -> Iterator[str]:
    if isinstance(formula, Symbol):
        yield formula.name
    for part in children(formula):
        yield from _occurrences(part)
