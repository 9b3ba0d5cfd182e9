"""Why a call runs plainly now, and is neither recorded nor replayed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils._python_dispatch import _get_current_dispatch_mode

from rnndsl.runtime.graphs.branches import is_branching, is_part_of_a_whole
from rnndsl.runtime.specification import PartialTensors

# Torch's own types, in which no operation is somebody else's.
TENSORS = frozenset((Tensor, nn.Parameter))


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
    if parametrize._cache_enabled:
        return "torch.nn.utils.parametrize.cached keeps weights"
    if any(type(value) not in TENSORS for value in inputs if value is not None):
        return "an input is a tensor of a type of its own"
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
