"""What is left when a capture fails, with a stand-in for torch's CUDA streams."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch.torch_version import TorchVersion

from rnndsl.runtime.graphs import attempt as attempts
from rnndsl.runtime.graphs import recorder as recorders
from rnndsl.runtime.graphs.recorder import CudaRecorder


class Stream:
    device = "cuda:3"

    def __init__(self, log: list[str], name: str) -> None:
        self.log, self.name = log, name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def wait_stream(self, other: Stream) -> None:
        self.log.append(f"{self.name} waits for {other.name}")

    def wait_event(self, event: Any) -> None:
        self.log.append(f"{self.name} waits for the last replay")


class Event:
    def record(self, stream: Stream) -> None:
        stream.log.append(f"a replay on {stream.name}")

    def synchronize(self) -> None: ...


class Graph:
    def __init__(self, log: list[str]) -> None:
        self.log, self.ended = log, False

    def reset(self) -> None:
        self.log.append("reset")

    def pool(self) -> tuple[int, int]:
        if not self.ended:
            raise RuntimeError("pool() without a preceding successful capture")
        return 0, 1


class Cuda:
    """``ends``: whether captures, one after the other, can be ended. ``routes``: if an
    allocator goes on when one cannot. ``streams``: how many were given, of ``kept``."""

    routes = True
    kept = 32

    def __init__(self) -> None:
        self.log: list[str] = []
        self.streams = 0
        self.current = Stream(self.log, "main")
        self.pools = 0
        self.state = torch.zeros(1)
        self.ends = [True]

    def new_stream(self, device: Any) -> Stream:
        self.streams += 1
        return Stream(self.log, f"stream {(self.streams - 1) % self.kept + 1}")

    def new_pool(self) -> tuple[int, int]:
        self.pools += 1
        return 0, self.pools

    def set_stream(self, stream: Stream) -> None:
        self.current = stream

    def set_state(self, state: Any, device: Any) -> None:
        self.state = state

    @contextmanager
    def stream(self, stream: Stream) -> Iterator[None]:
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def graph(self, graph: Graph, *, stream: Stream, **options: Any) -> Iterator[None]:
        """Leaves its stream behind if it cannot end, as torch's does."""
        before, self.current = self.current, stream
        self.log.append(f"capture on {stream.name} into {options.get('pool')}")
        ends = self.ends.pop(0)
        try:
            yield
        finally:
            if not ends:
                raise RuntimeError("operation failed due to a previous error")
            graph.ended = True
            self.current = before


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cuda]:
    found = Cuda()
    zeros = torch.zeros
    replaced = {
        "Stream": found.new_stream,
        "Event": Event,
        "CUDAGraph": lambda: Graph(found.log),
        "graph_pool_handle": found.new_pool,
        "current_stream": lambda device: found.current,
        "current_device": lambda: 3,
        "set_stream": found.set_stream,
        "stream": found.stream,
        "graph": found.graph,
        "device": lambda device: nullcontext(),
        "get_rng_state": lambda device: found.state,
        "set_rng_state": found.set_state,
    }
    for name, value in replaced.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(torch, "zeros", lambda size, device: zeros(size))

    def end(device: int, pool: Any) -> None:
        if not found.routes:
            raise RuntimeError("not currently recording to mempool_id")
        found.log.append(f"end {device} {pool}")

    def release(device: int, pool: Any) -> None:
        found.log.append(f"release {device} {pool}")

    monkeypatch.setattr(torch._C, "_cuda_endAllocateToPool", end, raising=False)
    monkeypatch.setattr(torch._C, "_cuda_releasePool", release, raising=False)
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.11.0"))
    monkeypatch.setattr(attempts, "_broken", [])
    recorders._capture_stream.cache_clear()
    yield found
    recorders._capture_stream.cache_clear()


def recorder() -> CudaRecorder:
    return CudaRecorder(torch.device("cuda", 3))


def failing() -> tuple[None]:
    raise RuntimeError("CUDA out of memory")


# What a capture does before and after its work: stream 1 is the recorder's.
JOINS = "stream 1 waits for stream 2"
LEAVES = "stream 2 waits for stream 1"


def test_a_capture_that_cannot_end(cuda: Cuda) -> None:
    ours, main = recorder(), cuda.current
    cuda.ends = [False, True]
    with pytest.raises(RuntimeError, match="a previous error") as caught:
        ours.record(failing, (0, 7))
    assert str(caught.value.__context__) == "CUDA out of memory"
    assert cuda.log == [
        "capture on stream 2 into (0, 7)",
        JOINS,
        LEAVES,
        "end 3 (0, 7)",
        "release 3 (0, 7)",
        # Torch's generator leaves its capture with the next one.
        "capture on stream 2 into None",
    ]
    assert cuda.current is main
    assert len(attempts._broken) == 1


def test_torch_has_ended_the_use_of_a_pool(cuda: Cuda) -> None:
    """Torch 2.13: the pool still counts the capture, if it has begun."""
    ours = recorder()
    cuda.routes = False
    cuda.ends = [False, True]
    with pytest.raises(RuntimeError, match="a previous error"):
        ours.record(failing, (0, 7))
    assert cuda.log[3:] == ["release 3 (0, 7)", "capture on stream 2 into None"]


def test_a_capture_that_cannot_begin(
    cuda: Cuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gives back what has not been taken: others may use the pool."""
    ours, main = recorder(), cuda.current
    cuda.routes = False
    begins = cuda.graph

    @contextmanager
    def graph(*arguments: Any, pool: Any = None, **options: Any) -> Iterator[None]:
        if pool is not None:
            raise RuntimeError("an illegal memory access was encountered")
        with begins(*arguments, **options):
            yield

    monkeypatch.setattr(torch.cuda, "graph", graph)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        ours.record(lambda: (None,), (0, 7))
    assert cuda.log == ["capture on stream 2 into None"]
    assert cuda.current is main


def test_graphs_of_newer_torch_give_up_by_themselves(
    cuda: Cuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.14.1+cu130"))
    ours, main = recorder(), cuda.current
    cuda.ends = [False]
    with pytest.raises(RuntimeError, match="a previous error"):
        ours.record(failing, (0, 7))
    assert cuda.log == ["capture on stream 2 into (0, 7)", JOINS, LEAVES, "reset"]
    assert cuda.current is main
    assert attempts._broken == []


def test_an_error_in_a_capture_that_ends(cuda: Cuda) -> None:
    ours, main = recorder(), cuda.current
    with pytest.raises(RuntimeError, match="CUDA out of memory"):
        ours.record(failing, (0, 7))
    assert cuda.log == ["capture on stream 2 into (0, 7)", JOINS, LEAVES]
    assert cuda.current is main
    assert attempts._broken == []


def test_work_runs_beside_the_stream_of_captures(cuda: Cuda) -> None:
    """What a graph takes along from the stream it was captured on, nobody uses."""
    ours, other = recorder(), recorder()
    cuda.ends = [True] * 2
    ours.fork([lambda: 1, lambda: 2])
    cuda.log.clear()

    def work() -> tuple[None]:
        cuda.log.append(f"work on {cuda.current.name}")
        return (None,)

    ours.record(work, (0, 7))
    assert cuda.log == [
        "capture on stream 2 into (0, 7)",
        "stream 1 waits for stream 2",
        "stream 4 waits for stream 2",
        "work on stream 1",
        "stream 2 waits for stream 1",
        "stream 2 waits for stream 4",
    ]
    cuda.log.clear()
    other.record(work, (0, 7))
    assert cuda.log[0] == "capture on stream 2 into (0, 7)"
    assert "work on stream 3" in cuda.log


def test_streams_come_round_again(cuda: Cuda) -> None:
    cuda.kept = 3
    streams = [recorder()._stream.name for _ in range(5)]  # type: ignore[attr-defined]
    assert "stream 2" not in streams
    assert streams == ["stream 1", "stream 3", "stream 1", "stream 3", "stream 1"]


def test_branches_come_together_after_an_error(cuda: Cuda) -> None:
    def fail() -> int:
        assert cuda.current.name == "stream 3"
        raise ValueError("in a branch")

    with pytest.raises(ValueError, match="in a branch"):
        recorder().fork([lambda: 1, fail, lambda: 3])
    assert cuda.log == [
        "stream 3 waits for main",
        "stream 4 waits for main",
        "main waits for stream 3",
        "main waits for stream 4",
    ]


def test_a_fork_within_a_fork_has_streams_of_its_own(cuda: Cuda) -> None:
    ours = recorder()
    used: list[str] = []

    def run() -> None:
        used.append(cuda.current.name)

    def nested() -> None:
        ours.fork([run, run])

    ours.fork([nested, nested, run])
    assert used == ["main", "stream 5", "stream 3", "stream 6", "stream 4"]
    # What has been joined can be used again.
    used.clear()
    ours.fork([run, run])
    assert used == ["main", "stream 3"]
    assert cuda.streams == 6


def test_memory_is_shared_while_a_recording_has_it(cuda: Cuda) -> None:
    ours = recorder()
    cuda.ends = [True] * 3
    memory = ours.memory(shared=True)
    recording = ours.record(lambda: (None,), memory)
    assert ours.memory(shared=True) == memory
    own = ours.memory(shared=False)
    assert own != memory
    other = ours.record(lambda: (None,), own)
    assert ours.memory(shared=True) == memory
    # Torch takes no capture into a pool that all others have left.
    del recording
    assert ours.memory(shared=True) not in (memory, own)
    assert other.outputs == (None,)


def test_random_numbers_of_a_rehearsal_are_not_used_up(cuda: Cuda) -> None:
    ours = recorder()

    def work() -> tuple[None]:
        cuda.state = cuda.state + 4
        return (None,)

    assert ours.warm_up(work)
    assert float(cuda.state) == 0
    assert not ours.warm_up(lambda: (None,))

    def fail() -> tuple[None]:
        work()
        raise RuntimeError("CUDA out of memory")

    cuda.log.clear()
    with pytest.raises(RuntimeError, match="out of memory"):
        ours.warm_up(fail)
    assert float(cuda.state) == 0
    assert cuda.log == ["stream 1 waits for main", "main waits for stream 1"]


def test_replays_take_turns_on_any_stream(cuda: Cuda) -> None:
    ours = recorder()
    with ours.in_turn():
        cuda.log.append("work")
    assert cuda.log == ["main waits for the last replay", "work", "a replay on main"]
