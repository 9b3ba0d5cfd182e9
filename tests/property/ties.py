"""Notices comparisons that rounding could decide either way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_NEAR = 1e-9
_COMPARISONS = {
    *(Tensor.lt, Tensor.le, Tensor.gt, Tensor.ge, Tensor.eq, Tensor.ne),
    *(Tensor.__lt__, Tensor.__le__, Tensor.__gt__, Tensor.__ge__),
    *(Tensor.__eq__, Tensor.__ne__, torch.minimum, torch.maximum),
}


_EXTREMES = {torch.amax, torch.amin, Tensor.amax, Tensor.amin}


class TieWatch(TorchFunctionMode):
    """``found`` is set by a comparison of values so close that another order of
    additions could turn it round. Numbers that are equal exactly do not count where one
    of them is a constant: a unit at rest is at rest however it is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if function in _COMPARISONS and len(args) == 2 and args[0] is not args[1]:
            left, right = args
            gap = (torch.as_tensor(left) - torch.as_tensor(right)).detach().abs()
            is_near = gap < _NEAR
            if not (isinstance(left, Tensor) and isinstance(right, Tensor)):
                is_near = is_near & (gap > 0)
            self.found = self.found or bool(is_near.any())
        if function in _EXTREMES and args[0].shape[-1] > 1:
            first, second = args[0].detach().topk(2, largest=True)[0].unbind(-1)
            last, third = args[0].detach().topk(2, largest=False)[0].unbind(-1)
            gaps = torch.stack((first - second, third - last))
            self.found = self.found or bool(((gaps > 0) & (gaps < _NEAR)).any())
        return function(*args, **(kwargs or {}))
