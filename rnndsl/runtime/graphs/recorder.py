"""What records the work of a function on a GPU, and replays it: torch's CUDA graphs."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from threading import RLock
from typing import Any, Protocol, TypeAlias
from weakref import WeakSet

import torch
from torch import Tensor

from rnndsl.runtime.graphs.attempt import Attempt, attempted
from rnndsl.runtime.graphs.branches import Result, branching
from rnndsl.runtime.specification import PartialTensors

# Runs the same operations, on the same memory, each time it is called.
Work: TypeAlias = Callable[[], PartialTensors]
# A pool of memory, which recordings take theirs from.
Memory: TypeAlias = Any
# In a process one capture at a time: each begins by waiting for the whole GPU, which
# would break another one.
_capturing = RLock()
_NO_GPU_HERE = "CUDA graphs need an NVIDIA GPU, and the tensors are"
# Ready made, since without a GPU it is the answer in every call.
_RUNS_ON_CPU = f"{_NO_GPU_HERE} on cpu"


class Recording(Protocol):
    """Recorded work. ``outputs`` lie in memory that each replay writes anew."""

    outputs: PartialTensors

    def replay(self) -> None:
        """Does the work again, on what now stands in the memory it reads."""


class Recorder(Protocol):
    """Records for one module, whose recordings run one at a time.

    ``lock`` is held while one runs, since forward and backward come from different
    threads, and while other tensors stand where the module's parameters are.
    """

    lock: RLock

    def warm_up(self, work: Work) -> bool:
        """Does the work once, unrecorded, so that nothing is set up while recording.

        Returns whether it drew random numbers; the generator is left as it was.
        """

    def memory(self, *, shared: bool) -> Memory:
        """Memory for recordings: one and the same for all that leave nothing in it
        between their replays, or memory of its own, in which nothing that another
        recording does overwrites what is left."""

    def record(self, work: Work, memory: Memory) -> Recording:
        """Records the work, without doing it. Raises RuntimeError if that fails."""

    def finish(self) -> None:
        """Waits for the last replay, whose memory may then be given away."""

    def in_turn(self) -> AbstractContextManager[None]:
        """A context for replays: they wait for the last one, on whatever stream."""


def device_refusal(like: Tensor | None) -> str | None:
    """Why nothing can be recorded on the device of a tensor, or None."""
    if like is None:
        return f"{_NO_GPU_HERE} nowhere"
    if like.is_cpu:
        return _RUNS_ON_CPU
    if not like.is_cuda:
        return f"{_NO_GPU_HERE} on {like.device}"
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
    """Captures what runs on streams of its own.

    Replays take turns, so that recordings may share the memory of what none of them
    needs any more when its replay ends. What a forward pass leaves for its backward
    pass is needed for longer: memory that one recording gave back while it was
    captured is still written to by its replays, and may not hold that.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.lock = RLock()
        self._stream = self._new_stream()
        self._sides: list[torch.cuda.Stream] = []
        self._sides_in_use = 0
        cuda: Any = torch.cuda  # untyped in torch
        self._shared: Memory = cuda.graph_pool_handle()
        self._sharing: WeakSet[CudaRecording] = WeakSet()
        self._last_use: torch.cuda.Event = cuda.Event()

    def memory(self, *, shared: bool) -> Memory:
        """A pool that is shared, or a new one.

        A pool whose last capture has gone is on its way out: torch takes no further
        one into it while any of its memory is left.
        """
        if not shared:
            return torch.cuda.graph_pool_handle()
        if not self._sharing:
            self._shared = torch.cuda.graph_pool_handle()
        return self._shared

    def warm_up(self, work: Work) -> bool:
        """On the stream of captures: cuBLAS has a workspace for each stream."""
        before = torch.cuda.get_rng_state(self._device)
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        try:
            with torch.cuda.stream(self._stream), branching(self):
                work()
        finally:
            current.wait_stream(self._stream)
            after = torch.cuda.get_rng_state(self._device)
            torch.cuda.set_rng_state(before, self._device)
        return not torch.equal(before, after)

    def record(self, work: Work, memory: Memory) -> Recording:
        """Captures the work; calls that other threads make meanwhile do not matter, but
        for random numbers before torch 2.12, which it does not give them then."""
        graph = torch.cuda.CUDAGraph()
        stream = _capture_stream(self._device)
        attempt = Attempt(graph, memory, stream)
        with (
            _capturing,
            torch.cuda.device(self._device),
            _no_garbage_collection(),
            attempted(attempt),
            torch.cuda.graph(
                graph,
                pool=memory,
                stream=stream,
                capture_error_mode="thread_local",
            ),
        ):
            attempt.has_begun = True
            with self._joined_to(stream), branching(self):
                outputs = work()
        recording = CudaRecording(graph, outputs)
        if memory == self._shared:
            self._sharing.add(recording)
        return recording

    def finish(self) -> None:
        """By the event of the last replay, whatever stream that was on."""
        self._last_use.synchronize()

    def fork(self, runs: Sequence[Callable[[], Result]]) -> list[Result]:
        """Each on a stream of its own, the first on the current one.

        A stream that a fork within a fork has used is not used again before the outer
        one has ended: the memory of the stream would be, by work that nothing orders
        behind what still reads it.
        """
        begin, end = self._sides_in_use, self._sides_in_use + len(runs) - 1
        missing = end - len(self._sides)
        self._sides += [self._new_stream() for _ in range(missing)]
        sides = self._sides[begin:end]
        self._sides_in_use = end
        current = torch.cuda.current_stream(self._device)
        for side in sides:
            side.wait_stream(current)
        try:
            results = [runs[0]()]
            for side, run in zip(sides, runs[1:], strict=True):
                with torch.cuda.stream(side):
                    results.append(run())
        finally:
            # After an error too: a capture cannot end while one is apart.
            for side in sides:
                current.wait_stream(side)
            if begin == 0:
                self._sides_in_use = 0
        return results

    @contextmanager
    def _joined_to(self, capture: torch.cuda.Stream) -> Iterator[None]:
        """The streams of warm-ups as parts of a capture.

        Also those that nothing may fork to: what has run forward on one of them may be
        asked for its gradients, if only to find that there are none.
        """
        own = (self._stream, *self._sides)
        for stream in own:
            stream.wait_stream(capture)
        try:
            with torch.cuda.stream(self._stream):
                yield
        finally:
            for stream in own:
                capture.wait_stream(stream)

    def _new_stream(self) -> torch.cuda.Stream:
        """Not the one that captures begin on: torch gives out the same ones in turn."""
        stream = _new_stream(self._device)
        if stream == _capture_stream(self._device):
            stream = _new_stream(self._device)
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


@cache
def _capture_stream(device: torch.device) -> torch.cuda.Stream:
    """Where every capture on a device begins and ends, and nothing runs.

    From torch 2.12 on, a graph that goes takes with it the workspaces of cuBLAS on the
    stream of its capture, which other graphs may still use (pytorch 193402).
    """
    return _new_stream(device)


def _new_stream(device: torch.device) -> torch.cuda.Stream:
    cuda: Any = torch.cuda  # its constructors are untyped in torch
    stream: torch.cuda.Stream = cuda.Stream(device)
    return stream


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A graph that is collected during a capture would break it (pytorch 161037)."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
