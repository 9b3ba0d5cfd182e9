"""First lines of the methods of a generated model."""

from __future__ import annotations

from collections.abc import Sequence

from rnndsl.backends.torch.layout import WIDTH

STEPS = "steps: int"
LENGTHS = "lengths: Tensor | None = None"
MASK = "mask: Tensor | None = None"
_METHOD = 4


def signature(name: str, arguments: list[str], returns: str) -> tuple[str, ...]:
    """A method's first lines; its arguments on one line if they fit."""
    inner = ", ".join(["self", *arguments])
    if len(f"def {name}({inner}){returns}") + _METHOD <= WIDTH:
        return (f"def {name}({inner}){returns}",)
    if len(inner) + 2 * _METHOD <= WIDTH:
        return (f"def {name}(", f"    {inner}", f"){returns}")
    broken = (f"    {argument}," for argument in ("self", *arguments))
    return (f"def {name}(", *broken, f"){returns}")


def tupled(items: Sequence[str]) -> str:
    """``(a, b)``."""
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
