"""Which values of a step differ between rows and steps."""

from __future__ import annotations

from rnndsl.ir.graph import Expand, Input, Previous, StepGraph, operands


def varying(graph: StepGraph) -> dict[str, bool]:
    """For each node: False if it depends on parameters and sizes alone."""
    found: dict[str, bool] = {}
    for node in graph.nodes:
        found[node.name] = isinstance(node.operation, Input | Previous | Expand) or any(
            found[name] for name in operands(node.operation)
        )
    return found
