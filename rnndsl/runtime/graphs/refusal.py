"""Why a call runs plainly now, and is neither recorded nor replayed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _get_current_dispatch_mode

from rnndsl.runtime.graphs.branches import is_branching, is_part_of_a_whole
from rnndsl.runtime.specification import PartialTensors


def replay_refusal(inputs: PartialTensors) -> str | None:
    """What somebody else does here that has to see every operation, or None."""
    if is_branching() or _is_being_captured(inputs):
        return "a capture is under way, and takes in the plain loop"
    if is_part_of_a_whole():
        return "the model is captured as a whole"
    autograd: Any = torch._C._autograd  # untyped in torch
    if autograd._top_saved_tensors_default_hooks(True) is not None:
        return "hooks on saved tensors need the plain loop"
    if torch.is_anomaly_enabled():
        return "anomaly detection needs the plain loop"
    if _get_current_dispatch_mode() is not None:
        return "a torch dispatch mode needs the plain loop"
    return None


def _is_being_captured(inputs: PartialTensors) -> bool:
    is_on_gpu = any(value is not None and value.is_cuda for value in inputs)
    return is_on_gpu and torch.cuda.is_current_stream_capturing()


def is_in_backward() -> bool:
    """Whether this is called by a backward pass, as checkpoints do."""
    return torch._C._current_graph_task_id() != -1


def capture_refusal() -> str | None:
    """Why a call cannot be recorded now, though it could be replayed, or None."""
    return "a backward pass is under way" if is_in_backward() else None


def module_refusal(module: nn.Module) -> str | None:
    """What is in a module that a recording of its calls would leave out, besides hooks,
    or None."""
    for name, part in module.named_modules():
        what = f"its part {name}" if name else "it"
        if part is not module and not _is_known(type(part)):
            kind = type(part).__qualname__
            return f"{what} is a {kind}, of which it is not known what it depends on"
        for attribute, value in vars(part).items():
            # As in nn.utils.prune, or in a replica of nn.DataParallel.
            if isinstance(value, Tensor):
                return f"{what} has a tensor that is no parameter: {attribute}"
        reason: str | None = getattr(part, "recording_refusal", None)
        if reason is not None:
            return reason
    return None


def _is_known(kind: type[nn.Module]) -> bool:
    """Whether the work of a module depends on nothing but what recordings ask after:
    one of torch, of the runtime, or generated."""
    home = kind.__module__
    is_ours = home == __name__ or home.startswith(f"{__name__.split('.graphs')[0]}.")
    return is_ours or home.startswith("torch.") or hasattr(kind, "specification")
