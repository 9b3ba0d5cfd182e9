"""The names of stored parameters in a plan."""

from __future__ import annotations

from rnndsl.ir.graph import Parameter, StepGraph
from rnndsl.ir.naming import Names


def stored_names(graph: StepGraph, names: Names) -> dict[str, str]:
    """A name for each stored parameter; its only member's, where it has one."""
    nodes = {
        node.operation.member: node.name
        for node in graph.nodes
        if isinstance(node.operation, Parameter)
    }
    found: dict[str, str] = {}
    for parameter in graph.cell.parameters:
        only = nodes.get(parameter.members[0].name)
        if len(parameter.members) == 1 and only is not None:
            found[parameter.name] = only
        else:
            found[parameter.name] = names.take(parameter.name)
    return found
