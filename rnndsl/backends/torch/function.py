"""What the generated forward and backward functions have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rnndsl.backends.torch.fitting import unpack
from rnndsl.backends.torch.shapes import widened
from rnndsl.backends.torch.view import MaskView
from rnndsl.ir.graph import Input
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.statements import Axis, Statement, reads

_MASKS = {0: "scalar_masks", 1: "masks", 2: "matrix_masks", 3: "image_masks"}


def input_names(plan: CellPlan) -> list[str]:
    """The plan's name of each input; ``_`` for one that nothing reads."""
    nodes = {node.operation: node.name for node in plan.graph.nodes}
    return [nodes.get(Input(item.name), "_") for item in plan.graph.cell.inputs]


def opening(
    tensors: Sequence[tuple[Sequence[str], str]], body: Iterable[str]
) -> list[str]:
    """Unpacks the arguments; what the body does not use stays nameless."""
    text = code_of(body)
    lines: list[str] = []
    for names, source in tensors:
        used = [name if is_used(name, text) else "_" for name in names]
        if any(name != "_" for name in used):
            lines.extend(unpack(used, source, indent=4))
    if is_used("steps", text) and is_used("batch", text):
        lines.append("steps, batch = inputs[0].shape[:2]")
    elif is_used("steps", text):
        lines.append("steps = inputs[0].shape[0]")
    elif is_used("batch", text):
        lines.append("batch = inputs[0].shape[1]")
    return lines


def code_of(lines: Iterable[str]) -> str:
    """The lines without comments."""
    return "\n".join(line for line in lines if not line.startswith("#"))


def is_used(name: str, text: str) -> bool:
    """Whether a statement reads a value; as the name of an argument, ``name=``, it is
    another's."""
    found = re.search(rf"(?<![\w.]){re.escape(name)}(?!\w|=[^=])", text)
    return found is not None


def sequences_read(
    plan: CellPlan, statements: Iterable[Statement], also: Iterable[str] = ()
) -> tuple[str, ...]:
    """The values of all steps that the loop reads one step at a time."""
    names = [name for statement in statements for name in reads(statement)]
    return tuple(
        name
        for name in dict.fromkeys((*names, *also))
        if plan.values[name].axis is Axis.SEQUENCE
    )


def masks_of(rank: int) -> str:
    """The name of the masks of each step that fit a state with so many axes."""
    return _MASKS[rank]


def mask_views(names: Iterable[str]) -> tuple[MaskView, ...]:
    """How the masks of these names are made, each once."""
    axes = {name: rank for rank, name in _MASKS.items()}
    return tuple(
        MaskView(name=name, mask=f"mask{widened(axes[name])}")
        for name in dict.fromkeys(names)
    )
