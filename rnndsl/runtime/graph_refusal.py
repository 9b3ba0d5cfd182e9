"""Why a call runs plainly now, and is neither recorded nor replayed."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import _get_current_dispatch_mode

from rnndsl.runtime.branches import is_branching


def replay_refusal() -> str | None:
    """What somebody else does here that has to see every operation, or None."""
    is_within = is_branching()
    if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
        is_within = True
    if is_within:
        return "a capture is under way, and takes in the plain loop"
    autograd: Any = torch._C._autograd  # untyped in torch
    if autograd._top_saved_tensors_default_hooks(True) is not None:
        return "hooks on saved tensors need the plain loop"
    if torch.is_anomaly_enabled():
        return "anomaly detection needs the plain loop"
    if _get_current_dispatch_mode() is not None:
        return "a torch dispatch mode needs the plain loop"
    return None


def capture_refusal() -> str | None:
    """Why a call cannot be recorded now, though it could be replayed, or None."""
    if torch._C._current_graph_task_id() != -1:
        return "a backward pass is under way"
    return None
