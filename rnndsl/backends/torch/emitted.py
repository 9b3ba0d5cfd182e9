"""What a cell puts out beside its output: joined to it, and taken apart again."""

from __future__ import annotations

from collections.abc import Sequence

from rnndsl.analysis.program import Cell, TypedExpression
from rnndsl.backends.torch.layout import Nest, collection, nested
from rnndsl.backends.torch.shapes import size
from rnndsl.plan.plan import CellPlan

_INDENT = 4


def joined(target: str, parts: Sequence[tuple[str, TypedExpression]]) -> list[str]:
    """The statement that puts values beside each other, each given by its name and what
    it is; a scalar becomes a vector of one."""
    values = [name if value.shape else f"{name}.unsqueeze(-1)" for name, value in parts]
    call = Nest(f"{target} = torch.cat", (Nest("", tuple(values)), "-1"))
    return nested(call, indent=_INDENT)


def parted(plan: CellPlan, widths: str) -> list[str]:
    """The statements that take the gradient of the joined output apart; ``widths`` is a
    free name."""
    cell: Cell = plan.graph.cell
    names = plan.backward.emitted
    if not names:
        return []
    sizes = [
        size(cell, value.shape[0]) if value.shape else "1"
        for value in (cell.output, *cell.emitted)
    ]
    return [
        *collection(f"{widths} = ", sizes, indent=_INDENT),
        f"{', '.join(('d_output', *names))} = d_output.split_with_sizes({widths}, -1)",
        *(
            f"{name} = {name}.squeeze(-1)"
            for name, value in zip(names, cell.emitted, strict=True)
            if not value.shape
        ),
    ]
