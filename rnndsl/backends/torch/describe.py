"""Words for docstrings of generated code: shapes of inputs, states and results."""

from __future__ import annotations

from collections.abc import Iterable

from rnndsl.analysis.program import Cell, ReadCurrent, Shape


def shape_text(shape: Shape, *leading: str) -> str:
    """``(T, B, H)``."""
    axes = [*leading, *(str(dim) for dim in shape)]
    return f"({axes[0]},)" if len(axes) == 1 else f"({', '.join(axes)})"


def listed(items: Iterable[tuple[str, Shape]], *leading: str) -> str:
    """``h (B, H), c (B, H)``."""
    return ", ".join(f"{name} {shape_text(shape, *leading)}" for name, shape in items)


def inputs_of(cell: Cell, *leading: str) -> str:
    return listed(((item.name, item.shape) for item in cell.inputs), *leading)


def states_of(cell: Cell, *leading: str) -> str:
    return listed(((state.name, state.shape) for state in cell.states), *leading)


def output_state(cell: Cell) -> str | None:
    """The state that the output is, as the spec writes it: ``output h[t]``."""
    return cell.output.name if isinstance(cell.output, ReadCurrent) else None
