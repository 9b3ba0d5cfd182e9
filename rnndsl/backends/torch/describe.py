"""Words for docstrings of generated code: shapes of inputs, states and results."""

from __future__ import annotations

from collections.abc import Iterable

from rnndsl.analysis.program import Cell, ReadCurrent, Shape
from rnndsl.analysis.width import Width
from rnndsl.backends.torch.layout import WIDTH


def shape_text(shape: Shape, *leading: str) -> str:
    """``(T, B, H)``."""
    axes = [*leading, *(str(dim) for dim in shape)]
    return f"({axes[0]},)" if len(axes) == 1 else f"({', '.join(axes)})"


def listed(items: Iterable[tuple[str, Shape]], *leading: str) -> str:
    """``h (B, H), c (B, H)``."""
    return ", ".join(f"{name} {shape_text(shape, *leading)}" for name, shape in items)


def arguments_text(cell: Cell, *leading: str, end: str) -> tuple[str, ...]:
    """``Inputs x (T, B, I); states h (B, H);`` on as many lines as it takes; states
    have the axis of the batch alone."""
    inputs = [
        f"{item.name} {shape_text(item.given_shape, *leading)}" for item in cell.inputs
    ]
    states = [f"{s.name} {shape_text(s.shape, leading[-1])}" for s in cell.states]
    parts = [*(f"{text}," for text in inputs[:-1]), f"{inputs[-1]};"]
    parts += [*(f"{text}," for text in states[:-1]), f"{states[-1]}{end}"]
    parts[0] = f"Inputs {parts[0]}"
    parts[len(inputs)] = f"states {parts[len(inputs)]}"
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) + 5 <= WIDTH:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return tuple(lines)


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
