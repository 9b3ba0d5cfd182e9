"""Several vectors made one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import torch
from torch import Tensor

from rnndsl.analysis.model_layers import Merge


def merged(merge: Merge, parts: Sequence[Tensor], axis: int = -1) -> Tensor:
    """The outputs of directions or branches at a step as one; ``axis`` is that of their
    features, of images the channels."""
    match merge:
        case Merge.CONCAT:
            return torch.cat(list(parts), axis)
        case Merge.SEPARATE:
            return torch.stack(list(parts))
        case Merge.SUM:
            return torch.stack(list(parts)).sum(0)
        case Merge.MEAN:
            return torch.stack(list(parts)).sum(0) / len(parts)
        case Merge.PRODUCT:
            return torch.stack(list(parts)).prod(0)
        case _:
            assert_never(merge)
