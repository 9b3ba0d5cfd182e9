"""Launching kernels: what a driver is given, with a stand-in for the driver."""

from __future__ import annotations

import ctypes
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from rnndsl.runtime.engines import cuda
from rnndsl.runtime.kernels import device as subject
from rnndsl.runtime.kernels.device import DriverKernels, TorchKernels, blocks_for

STREAM = 0x5151


class Driver:
    """Records launches, reading the arguments as a driver does: through pointers."""

    def __init__(self, kinds: str) -> None:
        self._kinds = kinds
        self.loaded: list[bytes] = []
        self.launches: list[tuple[Any, ...]] = []
        self.status = 0

    def cuModuleLoadData(self, cubin: bytes) -> tuple[int, ...]:  # noqa: N802
        self.loaded.append(cubin)
        return 0, 7  # type: ignore[return-value]

    def cuModuleGetFunction(self, module: int, name: bytes) -> tuple[Any, ...]:  # noqa: N802
        return 0, f"{module}:{name.decode()}"

    def CUstream(self, stream: int) -> tuple[str, int]:  # noqa: N802
        return "stream", stream

    def cuGetErrorString(self, status: int) -> tuple[int, bytes]:  # noqa: N802
        return 0, b"launch out of resources"

    def cuLaunchKernel(self, *arguments: Any) -> tuple[int]:  # noqa: N802
        function, *grid, stream, address, extra = arguments
        assert extra == 0
        pointers = (ctypes.c_void_p * len(self._kinds)).from_address(address)
        values = []
        for kind, pointer in zip(self._kinds, pointers, strict=True):
            assert pointer is not None
            held = {"p": ctypes.c_void_p, "i": ctypes.c_int}[kind]
            values.append(held.from_address(pointer).value)
        self.launches.append((function, grid, stream, values))
        return (self.status,)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    found = Driver("pppiiii")
    zeros = torch.zeros
    monkeypatch.setattr(subject.importlib, "import_module", lambda name: found)
    monkeypatch.setattr(torch, "zeros", lambda *size, device="cpu": zeros(*size))
    monkeypatch.setattr(
        torch.cuda,
        "current_stream",
        lambda device: SimpleNamespace(cuda_stream=STREAM),
    )
    return found


def test_a_launch_has_every_argument_in_its_place(driver: Driver) -> None:
    kernels = DriverKernels(b"cubin")
    assert driver.loaded == [b"cubin\0"]
    x, y = torch.zeros(300), torch.zeros(300)
    launch = kernels.bind(
        "lstm_forward_1", 300, reads=(None, x), writes=(y,), sizes=(3, 100, True)
    )
    launch(0)
    launch(41)
    function, grid, stream, values = driver.launches[1]
    assert function == "7:lstm_forward_1"
    assert grid == [3, 1, 1, 128, 1, 1, 0]
    assert stream == ("stream", STREAM)
    assert values == [None, x.data_ptr(), y.data_ptr(), 3, 100, 1, 41]
    assert driver.launches[0][3][-1] == 0


def test_a_kernel_on_rows_has_a_block_for_each_of_them(driver: Driver) -> None:
    kernels, y = DriverKernels(b"cubin"), torch.zeros(700)
    for width in (1, 70, 5000):
        launch = kernels.bind_rows(
            "k", 7, width, reads=(None, None), writes=(y,), sizes=(7, width, True)
        )
        launch(2)
    assert [grid for _, grid, _, _ in driver.launches] == [
        [7, 1, 1, 32, 1, 1, 0],
        [7, 1, 1, 96, 1, 1, 0],
        [7, 1, 1, 512, 1, 1, 0],
    ]
    assert driver.launches[1][3][2:] == [y.data_ptr(), 7, 70, 1, 2]
    kernels.bind_rows("k", 0, 3, reads=(), writes=(y[:0],), sizes=())(1)
    assert len(driver.launches) == 3


def test_a_tensor_that_is_not_contiguous_is_copied_and_held(driver: Driver) -> None:
    kernels = DriverKernels(b"cubin")
    x = torch.arange(6.0).view(2, 3).t()
    launch = kernels.bind(
        "k", 6, reads=(x, x), writes=(torch.zeros(6),), sizes=(1, 2, 3)
    )
    launch(0)
    addresses = driver.launches[0][3][:2]
    assert x.data_ptr() not in addresses
    for address in addresses:
        copy = (ctypes.c_float * 6).from_address(address)
        assert list(copy) == [0, 3, 1, 4, 2, 5]


def test_nothing_is_launched_for_no_entries(driver: Driver) -> None:
    launch = DriverKernels(b"cubin").bind(
        "k", 0, reads=(), writes=(torch.zeros(0),), sizes=(0,)
    )
    launch(3)
    assert driver.launches == []


def test_a_launch_that_fails_raises(driver: Driver) -> None:
    driver.status = 701
    launch = DriverKernels(b"cubin").bind(
        "k", 5, reads=(None, None), writes=(torch.zeros(5),), sizes=(1, 5, 0)
    )
    with pytest.raises(RuntimeError, match="CUDA driver: launch out of resources"):
        launch(0)


def test_the_grid_gives_every_entry_a_thread() -> None:
    assert [blocks_for(n) for n in (1, 128, 129, 2**40)] == [1, 1, 2, 2**31 - 1]


def test_torch_compiles_where_cuda_bindings_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled: list[tuple[str, str]] = []
    launched: list[dict[str, Any]] = []

    def compile_kernel(source: str, name: str) -> Any:
        compiled.append((source, name))
        return lambda **arguments: launched.append(arguments)

    monkeypatch.setattr(torch.cuda, "_compile_kernel", compile_kernel, raising=False)
    source = 'extern "C" __global__ void k(\n    int t\n) {\n}\n'
    kernels = TorchKernels(source)
    assert compiled == [(source, "k")]
    x, y = torch.zeros(200), torch.zeros(200)
    for _ in range(2):
        launch = kernels.bind("k", 200, reads=(None, x), writes=(y,), sizes=(2, True))
        launch(4)
    assert len(compiled) == 1
    first = launched[0]
    assert first["grid"] == (2, 1, 1)
    assert first["block"] == (128, 1, 1)
    none, *given = first["args"]
    # torch's launcher passes the address of a tensor, which is null for this one.
    assert none.data_ptr() == 0
    assert given[0] is x
    assert given[1] is y
    assert given[2:] == [2, 1, 4]
    assert [type(number) for number in given[2:]] == [int, int, int]
    kernels.bind("k", 0, reads=(), writes=(y[:0],), sizes=())(1)
    assert len(launched) == 2
    kernels.bind_rows("k", 3, 40, reads=(x,), writes=(y,), sizes=(2,))(4)
    assert launched[2]["grid"] == (3, 1, 1)
    assert launched[2]["block"] == (64, 1, 1)


def test_where_torch_cannot_compile_it_is_said_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def compile_kernel(source: str, name: str) -> Any:
        raise OSError("CUDA_HOME environment variable is not set")

    monkeypatch.setattr(torch.cuda, "_compile_kernel", compile_kernel, raising=False)
    monkeypatch.setattr(subject, "find_nvrtc", lambda: None)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(cuda, "compiler_refusal", lambda: None)
    source = 'extern "C" __global__ void not_seen_yet(\n    int t\n) {\n}\n'
    reason = cuda._compile_refusal(source, torch.float32, 0)
    assert reason == (
        "its kernels cannot be compiled: CUDA_HOME environment variable is not set"
    )
