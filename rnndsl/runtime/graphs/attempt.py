"""A capture that may fail, and what it then leaves behind in torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch.torch_version import TorchVersion

# Graphs whose captures could not be ended. Allocators of torch may still ask them
# whether memory is theirs.
_broken: list[torch.cuda.CUDAGraph] = []


@dataclass(slots=True)
class Attempt:
    """A capture of ``graph`` into the pool ``memory``, on ``stream``. ``has_begun``:
    whether the pool counts it among its users."""

    graph: torch.cuda.CUDAGraph
    memory: Any
    stream: torch.cuda.Stream
    has_begun: bool = False


@contextmanager
def attempted(attempt: Attempt) -> Iterator[None]:
    """Leaves torch as it was when a capture fails, in its end or before.

    If torch cannot end a capture, the capture's stream stays the current one.
    """
    before = torch.cuda.current_stream(attempt.stream.device)
    try:
        yield
    except BaseException:
        torch.cuda.set_stream(before)
        if not _is_captured(attempt.graph):
            _give_up(attempt)
            torch.cuda.set_stream(before)
        raise


def _is_captured(graph: torch.cuda.CUDAGraph) -> bool:
    """Whether its capture has ended, if with an error behind that."""
    try:
        graph.pool()
    except RuntimeError:
        return False
    return True


def _give_up(attempt: Attempt) -> None:
    """Gives back the memory of a capture that could not be ended, and makes random
    numbers possible again.

    Since 2.14 torch does all of it when the graph is reset. Before, the pool counts the
    capture as its user for ever; before 2.13, the allocator goes on giving out memory
    of the pool, too; and before 2.12, the generator of random numbers waits for the end
    of the capture.
    """
    if torch.__version__ >= TorchVersion("2.14"):
        attempt.graph.reset()
        return
    _broken.append(attempt.graph)
    device = torch.cuda.current_device()
    try:
        torch._C._cuda_endAllocateToPool(device, attempt.memory)
    except RuntimeError:
        is_used = attempt.has_begun
    else:
        is_used = True
    with suppress(RuntimeError):
        if is_used:
            torch._C._cuda_releasePool(device, attempt.memory)
        _capture_anything(attempt.stream)


def _capture_anything(stream: torch.cuda.Stream) -> None:
    """A capture that succeeds ends what one that failed has begun."""
    cuda: Any = torch.cuda  # untyped in torch
    with cuda.graph(cuda.CUDAGraph(), stream=stream, capture_error_mode="thread_local"):
        torch.zeros(1, device=stream.device)
