"""A recorder that needs no GPU: it does the work again at every replay.

It keeps the promises and the dangers of a CUDA graph. Recording does nothing, replays
write into the same memory each time, and what backward reads is overwritten by the next
forward replay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock

import torch
from torch import Tensor

from rnndsl.runtime.graphs.branches import Result, branching
from rnndsl.runtime.graphs.recorder import Memory, Work
from rnndsl.runtime.specification import PartialTensors


class StandInRecording:
    def __init__(self, work: Work, recorder: StandInRecorder) -> None:
        self._work = work
        self._recorder = recorder
        self._needs_grad = torch.is_grad_enabled()
        with torch.random.fork_rng(), branching(recorder):
            self.outputs: PartialTensors = tuple(map(_unwritten, work()))

    def replay(self) -> None:
        with torch.set_grad_enabled(self._needs_grad), branching(self._recorder):
            values = self._work()
        with torch.no_grad():
            for static, value in zip(self.outputs, values, strict=True):
                if static is not None and value is not None:
                    static.copy_(value)


class StandInRecorder:
    """``records`` counts recordings, ``memories`` has that of each; ``fails`` is the
    error that the next raises."""

    def __init__(self) -> None:
        self.records = 0
        self.memories: list[Memory] = []
        self.waits = 0
        self.fails: RuntimeError | None = None
        self.is_busy = False
        self.lock = RLock()

    def warm_up(self, work: Work) -> bool:
        before = torch.get_rng_state()
        with branching(self):
            work()
        after = torch.get_rng_state()
        torch.set_rng_state(before)
        return not torch.equal(before, after)

    def memory(self, *, shared: bool) -> Memory:
        return "shared" if shared else object()

    def finish(self) -> None:
        self.waits += 1

    def record(self, work: Work, memory: Memory) -> StandInRecording:
        if self.fails is not None:
            raise self.fails
        self.records += 1
        self.memories.append(memory)
        return StandInRecording(work, self)

    def fork(self, runs: Sequence[Callable[[], Result]]) -> list[Result]:
        """In the other order, which must not matter."""
        return [run() for run in reversed(runs)][::-1]

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        assert not self.is_busy, "replays of one module overlap"
        self.is_busy = True
        yield
        self.is_busy = False


def _unwritten(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else torch.full_like(tensor, torch.nan)
