"""What a cell emits beside its output, taken apart again."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from rnndsl.runtime.specification import (
    CellSpecification,
    TensorSpecification,
    resolve_shape,
)

_REVERSE = "reverse."


def separate(
    specification: CellSpecification,
    sizes: Mapping[str, int],
    directions: int,
    joined: Tensor,
) -> tuple[Tensor, dict[str, Tensor]]:
    """What a layer returned, (..., features), as the output alone, its directions side
    by side, and the emitted values by their names: ``f``, and ``reverse.f`` of the
    direction that runs backward. A scalar has no axis for features.
    """
    output = TensorSpecification(name="", shape=specification.output_shape)
    own = (output, *specification.emitted)
    shapes = [resolve_shape(value.shape, sizes) for value in own]
    widths = [shape[0] if shape else 1 for shape in shapes]
    if not specification.emitted:
        return joined, {}
    outputs: list[Tensor] = []
    emitted: dict[str, Tensor] = {}
    for part, prefix in zip(
        joined.chunk(directions, -1), ("", _REVERSE)[:directions], strict=True
    ):
        first, *others = part.split_with_sizes(widths, -1)
        outputs.append(first)
        for value, shape, found in zip(
            specification.emitted, shapes[1:], others, strict=True
        ):
            emitted[prefix + value.name] = found if shape else found.squeeze(-1)
    return outputs[0] if directions == 1 else torch.cat(outputs, -1), emitted
