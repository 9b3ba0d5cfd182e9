"""What a generated model returns besides its output and its state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnndsl.analysis.model import Model
from rnndsl.analysis.model_layers import CellUse, RecurrentLayer
from rnndsl.backends.torch.layout import Nest, nested
from rnndsl.backends.torch.models.stage import INDENT


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


def collected(target: str, parts: Sequence[tuple[str, str]]) -> list[str]:
    """The statement that gathers what layers emit, each by its label."""
    items = tuple(f'"{label}": {value}' for label, value in parts)
    call = Nest(f"{target} = self.emitted", (Nest("", items, "{}"), "layout"))
    return nested(call, indent=INDENT)


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
