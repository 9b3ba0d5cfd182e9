"""What ``module.explain()`` says."""

from __future__ import annotations

from torch import nn

from rnndsl.runtime.engines.choice import AUTOMATIC, ENGINES, GRAPH, graph_refusal
from rnndsl.runtime.graphs.cache import GraphCache
from rnndsl.runtime.specification import CellSpecification, Tensors


def explanation(
    module: nn.Module,
    specification: CellSpecification,
    engine: str,
    graphs: GraphCache,
) -> str:
    """The module, its size, the engine that runs here, the others, and the cell."""
    tensors = tuple(module.parameters())
    count = sum(tensor.numel() for tensor in tensors)
    lines = [
        f"{type(module).__name__}({module.extra_repr()}), from {specification.source}",
        f"parameters: {count:,} in {len(tensors)} tensors",
        f"engine asked for: {engine}",
    ]
    lines.append(f"  {GRAPH}: {_graph_verdict(tensors, engine, graphs)}")
    chosen, otherwise = "", False
    for candidate in ENGINES:
        refusal = candidate.refuses(specification, tensors)
        is_named = engine == candidate.name
        if refusal is not None:
            verdict = f"cannot run here: {refusal}"
        elif not is_named and engine not in (AUTOMATIC, GRAPH):
            verdict = f"not chosen: {engine} is asked for"
        elif is_named:
            chosen = candidate.name
            verdict = "chosen: asked for"
        elif chosen:
            verdict = f"not chosen: {chosen} comes first"
        elif candidate.verdict is not None:
            verdict = candidate.verdict(specification, tensors)
            otherwise = otherwise or verdict.startswith("chosen")
        else:
            chosen = candidate.name
            which = "in all other calls" if otherwise else "the first that can run here"
            verdict = f"chosen: {which}"
        lines.append(f"  {candidate.name}: {verdict} ({candidate.summary})")
    return "\n".join((*lines, *specification.summary))


def _graph_verdict(tensors: Tensors, engine: str, graphs: GraphCache) -> str:
    summary = "the loop of the engine chosen below, captured and replayed"
    refusal = graph_refusal(tensors)
    if refusal is not None:
        return f"cannot run here: {refusal} ({summary})"
    if engine not in (AUTOMATIC, GRAPH):
        return f"not chosen: {engine} is asked for ({summary})"
    return f"chosen: {graphs.report()} ({summary})"
