"""What a generated model returns besides its output and its state."""

from __future__ import annotations

from collections.abc import Iterator

from rnndsl.analysis.model import Model
from rnndsl.analysis.model_layers import CellUse, RecurrentLayer


def emits(model: Model) -> bool:
    """Whether ``forward`` returns values of locals and states, too."""
    return any(use.emitted for _, use in _labelled(model))


def emitted_names(model: Model) -> tuple[str, ...]:
    """The names of what is emitted: ``layer_1.f``, ``layer_1.reverse.f``."""
    return tuple(
        f"{label}.{name}" for label, use in _labelled(model) for name in use.emitted
    )


def returned(model: Model, output: str, emitted: str = "") -> str:
    """The type of what ``forward`` returns, with outputs of this type, and emitted
    values of this one, if it is another: these have a value for each step, whatever the
    output has."""
    parts = [output, "ModelState"]
    if emits(model):
        parts.append(f"dict[str, {emitted or output}]")
    return f" -> tuple[{', '.join(parts)}]:"


def _labelled(model: Model) -> Iterator[tuple[str, CellUse]]:
    for layer in model.layers:
        if not isinstance(layer, RecurrentLayer):
            continue
        for index, branch in enumerate(layer.branches, start=1):
            label = layer.name if len(layer.branches) == 1 else f"{layer.name}_{index}"
            if branch.forward is not None:
                yield label, branch.forward
            if branch.backward is not None:
                is_second = branch.forward is not None
                yield f"{label}.reverse" if is_second else label, branch.backward
