"""What records the work of a function on a GPU, and replays it: torch's CUDA graphs."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import RLock
from typing import Any, Protocol, TypeAlias

import torch

from rnndsl.runtime.branches import Result, branching
from rnndsl.runtime.specification import PartialTensors

# Runs the same operations, on the same memory, each time it is called.
Work: TypeAlias = Callable[[], PartialTensors]


class Recording(Protocol):
    """Recorded work. ``outputs`` lie in memory that each replay writes anew."""

    outputs: PartialTensors

    def replay(self) -> None:
        """Does the work again, on what now stands in the memory it reads."""


class Recorder(Protocol):
    """Records for one module: its recordings share memory, and run one at a time.

    ``lock`` is held while one runs: forward and backward come from different threads.
    """

    lock: RLock

    def warm_up(self, work: Work) -> bool:
        """Does the work once, unrecorded, so that nothing is set up while recording.

        Returns whether it drew random numbers; the generator is left as it was.
        """

    def record(self, work: Work) -> Recording:
        """Records the work, without doing it. Raises RuntimeError if that fails."""

    def in_turn(self) -> AbstractContextManager[None]:
        """A context for replays: they wait for the last one, on whatever stream."""


def device_refusal(device: torch.device | None) -> str | None:
    """Why nothing can be recorded on a device, or None."""
    if device is None or device.type != "cuda":
        where = "nowhere" if device is None else f"on {device}"
        return f"CUDA graphs need an NVIDIA GPU, and the tensors are {where}"
    if torch.version.hip is not None:
        return "CUDA graphs need an NVIDIA GPU, and this torch is built for AMD's"
    return None


def recorder_for(device: torch.device) -> Recorder:
    """A recorder for a module whose tensors are on this device."""
    return CudaRecorder(device)


class CudaRecording:
    """A captured CUDA graph."""

    def __init__(self, graph: torch.cuda.CUDAGraph, outputs: PartialTensors) -> None:
        self._graph = graph
        self.outputs = outputs

    def replay(self) -> None:
        """Launches the graph on the current stream."""
        self._graph.replay()


class CudaRecorder:
    """Captures on a stream of its own, into one pool of memory.

    The pool may be shared since replays take turns, and since what a recording needs
    between its replays is held: its inputs, its outputs and what backward reads.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.lock = RLock()
        self._stream = self._new_stream()
        self._sides: list[torch.cuda.Stream] = []
        cuda: Any = torch.cuda  # untyped in torch
        self._pool = cuda.graph_pool_handle()
        self._last_use: torch.cuda.Event = cuda.Event()

    def warm_up(self, work: Work) -> bool:
        """On the stream of captures: cuBLAS has a workspace for each stream."""
        before = torch.cuda.get_rng_state(self._device)
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream), branching(self):
            work()
        current.wait_stream(self._stream)
        after = torch.cuda.get_rng_state(self._device)
        torch.cuda.set_rng_state(before, self._device)
        return not torch.equal(before, after)

    def record(self, work: Work) -> Recording:
        """Captures the work; calls that other threads make meanwhile do not matter."""
        graph = torch.cuda.CUDAGraph()
        with (
            torch.cuda.device(self._device),
            _same_stream_afterwards(self._device),
            _no_garbage_collection(),
            torch.cuda.graph(
                graph,
                pool=self._pool,
                stream=self._stream,
                capture_error_mode="thread_local",
            ),
            branching(self),
        ):
            outputs = work()
        return CudaRecording(graph, outputs)

    def fork(self, runs: Sequence[Callable[[], Result]]) -> list[Result]:
        """Each on a stream of its own, the first on the current one."""
        missing = len(runs) - 1 - len(self._sides)
        self._sides += [self._new_stream() for _ in range(missing)]
        sides = self._sides[: len(runs) - 1]
        current = torch.cuda.current_stream(self._device)
        for side in sides:
            side.wait_stream(current)
        results = [runs[0]()]
        for side, run in zip(sides, runs[1:], strict=True):
            with torch.cuda.stream(side):
                results.append(run())
        for side in sides:
            current.wait_stream(side)
        return results

    def _new_stream(self) -> torch.cuda.Stream:
        cuda: Any = torch.cuda  # its constructors are untyped in torch
        stream: torch.cuda.Stream = cuda.Stream(self._device)
        return stream

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Orders replays by an event, since each may be on another stream."""
        stream = torch.cuda.current_stream(self._device)
        stream.wait_event(self._last_use)
        try:
            yield
        finally:
            self._last_use.record(stream)


@contextmanager
def _same_stream_afterwards(device: torch.device) -> Iterator[None]:
    """A capture that fails in its end leaves its own stream behind as the current."""
    stream = torch.cuda.current_stream(device)
    try:
        yield
    finally:
        torch.cuda.set_stream(stream)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A graph that is collected during a capture would break it (pytorch 161037)."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
