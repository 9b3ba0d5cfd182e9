"""What ``module.explain()`` says."""

from __future__ import annotations

from torch import nn

from rnndsl.runtime.engines import AUTOMATIC, ENGINES
from rnndsl.runtime.specification import CellSpecification


def explanation(
    module: nn.Module, specification: CellSpecification, engine: str
) -> str:
    """The module, its size, the engine that runs here, the others, and the cell."""
    tensors = tuple(module.parameters())
    count = sum(tensor.numel() for tensor in tensors)
    lines = [
        f"{type(module).__name__}({module.extra_repr()}), from {specification.source}",
        f"parameters: {count:,} in {len(tensors)} tensors",
        f"engine asked for: {engine}",
    ]
    chosen = ""
    for candidate in ENGINES:
        refusal = candidate.refusal(tensors)
        is_asked = engine in (candidate.name, AUTOMATIC)
        if refusal is not None:
            verdict = f"cannot run here: {refusal}"
        elif not is_asked:
            verdict = f"not chosen: {engine} is asked for"
        elif chosen:
            verdict = f"not chosen: {chosen} comes first"
        else:
            chosen = candidate.name
            verdict = "chosen: " + (
                "the first that can run here" if engine == AUTOMATIC else "asked for"
            )
        lines.append(f"  {candidate.name}: {verdict} ({candidate.summary})")
    return "\n".join((*lines, *specification.summary))
