"""When each value of a step can be computed: once, before, inside or after the loop."""

from __future__ import annotations

from enum import IntEnum

from rnndsl.ir.graph import Expand, Input, Previous, StepGraph, operands


class Stage(IntEnum):
    """In the order of the forward pass.

    ``FIXED`` needs parameters alone, ``BEFORE`` no state, ``LOOP`` is between an old
    state and a new one, ``AFTER`` needs states but no state needs it.
    """

    FIXED = 0
    BEFORE = 1
    LOOP = 2
    AFTER = 3


def stages(graph: StepGraph) -> dict[str, Stage]:
    """The earliest stage of each node."""
    reached = dict.fromkeys(graph.new_states)
    for node in reversed(graph.nodes):
        if node.name in reached:
            reached.update(dict.fromkeys(operands(node.operation)))
    found: dict[str, Stage] = {}
    for node in graph.nodes:
        match node.operation:
            case Previous():
                stage = Stage.LOOP
            case Input() | Expand():
                stage = Stage.BEFORE
            case operation:
                inner = [found[name] for name in operands(operation)]
                stage = max(inner, default=Stage.FIXED)
                if stage >= Stage.LOOP:
                    in_loop = node.name in reached
                    stage = Stage.LOOP if in_loop else Stage.AFTER
        found[node.name] = stage
    return found
