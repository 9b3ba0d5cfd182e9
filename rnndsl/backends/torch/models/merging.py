"""Outputs side by side, made one: the statements of a generated model."""

from __future__ import annotations

from typing import assert_never

from rnndsl.analysis.model_layers import Merge
from rnndsl.backends.torch.layout import WIDTH, Nest, nested
from rnndsl.backends.torch.models.stage import INDENT


def merged(
    target: str, merge: Merge | None, parts: list[str], axis: int = -1
) -> list[str]:
    """The assignment of several outputs, made one, to ``target``; ``axis`` is that of
    their features."""
    match merge:
        case Merge.CONCAT:
            joined = Nest(f"{target} = torch.cat", (Nest("", tuple(parts)), str(axis)))
            return nested(joined, indent=INDENT)
        case Merge.SEPARATE:
            stacked = Nest(f"{target} = torch.stack", (Nest("", tuple(parts)), "-2"))
            return nested(stacked, indent=INDENT)
        case Merge.SUM:
            return _chain(target, "+", parts)
        case Merge.MEAN:
            line = f"{target} = ({' + '.join(parts)}) / {len(parts)}"
            if len(line) + INDENT <= WIDTH:
                return [line]
            return [*_chain(target, "+", parts), f"{target} = {target} / {len(parts)}"]
        case Merge.PRODUCT:
            return _chain(target, "*", parts)
        case None:
            raise ValueError("outputs side by side need a merge")
        case _:
            assert_never(merge)


def _chain(target: str, operator: str, parts: list[str]) -> list[str]:
    """``target = a + b``, one operand a line where it would be too long."""
    text = f" {operator} ".join(parts)
    if len(f"{target} = {text}") + INDENT <= WIDTH:
        return [f"{target} = {text}"]
    first, *others = parts
    broken = [f"    {first}", *(f"    {operator} {part}" for part in others)]
    if len(text) + INDENT + 4 <= WIDTH:
        broken = [f"    {text}"]
    return [f"{target} = (", *broken, ")"]
