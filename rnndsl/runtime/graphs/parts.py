"""Why recordings cannot take in a part of a module."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from rnndsl.runtime.graphs.refusal import TENSORS


def part_refusal(part: nn.Module, *, is_called: bool) -> str | None:
    """What of a part a recording would leave out, besides hooks, or None.

    ``is_called``: it is called within the recording.
    """
    kind = type(part)
    if "specification" not in vars(kind):
        if hasattr(kind, "specification"):
            redefined = next(_redefined(kind, is_called=is_called), None)
            if redefined is not None:
                name = kind.__qualname__
                return f"is a {name}, whose {redefined} is not the generated one"
        elif is_called and not _is_known(kind):
            name = kind.__qualname__
            return f"is a {name}, of which it is not known what it depends on"
    if is_called and "forward" in vars(part):
        return "has a forward of its own, which may depend on anything"
    if is_called and part._compiled_call_impl is not None:
        return "is compiled, which a recording cannot take in"
    for attribute, value in vars(part).items():
        # As in nn.utils.prune, in a replica of nn.DataParallel, in nn.LSTM.
        if _holds_tensors(value):
            return f"has a tensor that is no parameter: {attribute}"
    for name, tensor in chain(part._parameters.items(), part._buffers.items()):
        if tensor is not None and type(tensor) not in TENSORS:
            return f"has a tensor of a type of its own: {name}"
    reason: str | None = getattr(part, "recording_refusal", None)
    return reason


def has_hooks_anywhere() -> bool:
    """Whether there are hooks of all modules."""
    anywhere: Any = torch.nn.modules.module._has_any_global_hook  # untyped in torch
    return bool(anywhere())


def _holds_tensors(value: object) -> bool:
    if isinstance(value, list):
        return any(isinstance(entry, Tensor) for entry in value)
    return isinstance(value, Tensor)


def _redefined(kind: type[nn.Module], *, is_called: bool) -> Iterator[str]:
    """Which methods a class has that a generated one has, too, on which it stands; not
    ``forward`` unless that is called within a recording."""
    line = kind.__mro__
    generated = next(i for i, k in enumerate(line) if "specification" in vars(k))
    first_of_torch = line.index(nn.Module)
    known = [vars(k) for k in line[generated:first_of_torch]]
    for own in line[:generated]:
        for name in vars(own):
            if name.startswith("__") and name != "__call__":
                continue
            if name == "forward" and not is_called:
                continue
            if name == "__call__" or any(name in names for names in known):
                yield name


def _is_known(kind: type[nn.Module]) -> bool:
    """Whether the work of a module depends on nothing but what recordings ask after:
    one of torch or of the runtime."""
    home = kind.__module__
    is_ours = home == __name__ or home.startswith(f"{__name__.split('.graphs')[0]}.")
    return is_ours or home.startswith("torch.nn.")
