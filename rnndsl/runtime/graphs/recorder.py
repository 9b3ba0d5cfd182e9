"""What records the work of a function on a GPU, and replays it: torch's CUDA graphs."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from threading import RLock
from typing import Any, Protocol, TypeAlias
from weakref import WeakSet

import torch
from torch import Tensor

from rnndsl.runtime.graphs.branches import Result, branching
from rnndsl.runtime.specification import PartialTensors

# Runs the same operations, on the same memory, each time it is called.
Work: TypeAlias = Callable[[], PartialTensors]
# A pool of memory, which recordings take theirs from.
Memory: TypeAlias = Any
# In a process one capture at a time: each begins by waiting for the whole GPU, which
# would break another one.
_capturing = RLock()
# Captures that could not be ended. Allocators of torch may still ask them whether
# memory is theirs.
_broken: list[torch.cuda.CUDAGraph] = []
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
    """Captures on a stream of its own.

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
        """Captures the work; calls that other threads make meanwhile do not matter."""
        graph = torch.cuda.CUDAGraph()
        with (
            _capturing,
            torch.cuda.device(self._device),
            _no_garbage_collection(),
            self._given_up_on_errors(graph, memory),
            torch.cuda.graph(
                graph,
                pool=memory,
                stream=self._stream,
                capture_error_mode="thread_local",
            ),
            branching(self),
        ):
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
    def _given_up_on_errors(
        self, graph: torch.cuda.CUDAGraph, memory: Memory
    ) -> Iterator[None]:
        """Leaves torch as it was when a capture fails, in its end or before.

        If torch cannot end a capture, its stream stays the current one, the allocator
        goes on giving out memory of the capture, and in some versions the generator
        of random numbers waits for the end of a capture.
        """
        stream = torch.cuda.current_stream(self._device)
        try:
            yield
        except BaseException:
            torch.cuda.set_stream(stream)
            if not _is_captured(graph):
                _broken.append(graph)
                index = torch.cuda.current_device()
                with suppress(RuntimeError):
                    torch._C._cuda_endAllocateToPool(index, memory)
                    torch._C._cuda_releasePool(index, memory)
                with suppress(RuntimeError):
                    self._capture_anything()
                torch.cuda.set_stream(stream)
            raise

    def _capture_anything(self) -> None:
        """A capture that succeeds ends what one that failed has begun."""
        cuda: Any = torch.cuda  # untyped in torch
        with cuda.graph(cuda.CUDAGraph(), stream=self._new_stream()):
            torch.zeros(1, device=self._device)

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


def _is_captured(graph: torch.cuda.CUDAGraph) -> bool:
    """Whether its capture has ended, if with an error behind that."""
    try:
        graph.pool()
    except RuntimeError:
        return False
    return True


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
