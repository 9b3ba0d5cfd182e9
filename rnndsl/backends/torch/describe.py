"""Words for docstrings of generated code: shapes of inputs, states and results."""

from __future__ import annotations

from collections.abc import Iterable

from rnndsl.analysis.program import Cell, ReadCurrent, Shape
from rnndsl.analysis.width import Width


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


def output_text(cell: Cell, *leading: str) -> str:
    """The shape of the output, with what is emitted beside it: ``(T, B, 2 * H)``."""
    if not cell.emitted:
        return shape_text(cell.output.shape, *leading)
    width = Width()
    for value in (cell.output, *cell.emitted):
        width += Width.of(value.shape[0] if value.shape else 1)
    return shape_text((str(width),), *leading)


def output_state(cell: Cell) -> str | None:
    """The state that the output is, as the spec writes it: ``output h[t]``."""
    if cell.emitted or not isinstance(cell.output, ReadCurrent):
        return None
    return cell.output.name
