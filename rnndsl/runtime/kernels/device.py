"""Kernels on an NVIDIA GPU: compiled, loaded, launched on torch's current stream."""

from __future__ import annotations

import ctypes
import importlib
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from rnndsl.runtime.kernels.nvrtc import compile_cubin, find_nvrtc
from rnndsl.runtime.kernels.protocol import Kernels, Launch
from rnndsl.runtime.kernels.row_source import ROW_THREADS
from rnndsl.runtime.kernels.source import kernel_source
from rnndsl.runtime.kernels.status import returned

THREADS = 128  # of a block that has entries


def compiler_refusal() -> str | None:
    """Why no kernel can be compiled here, or None if it can."""
    if find_nvrtc() is not None or hasattr(torch.cuda, "_compile_kernel"):
        return None
    return "there is no NVRTC to compile kernels with; install cuda-bindings"


@cache
def device_kernels(source: str, dtype: torch.dtype, device: int) -> Kernels:
    """The kernels of a cell for a device and a dtype: compiled and loaded at the first
    call, which must not be while a graph is captured.

    Raises RuntimeError if they cannot be compiled or loaded.
    """
    text = kernel_source(source, dtype)
    with torch.cuda.device(device):
        if find_nvrtc() is None:
            return TorchKernels(text)
        major, minor = torch.cuda.get_device_capability(device)
        return DriverKernels(compile_cubin(text, 10 * major + minor))


class GridKernels:
    """What those of a GPU share: how many blocks and threads there are. A kind of them
    binds a kernel by ``_bind``."""

    def bind(
        self,
        name: str,
        count: int,
        *,
        reads: Sequence[Tensor | None],
        writes: Sequence[Tensor],
        sizes: Sequence[int],
    ) -> Launch:
        return self._bind_grid(name, (blocks_for(count), THREADS), reads, writes, sizes)

    def bind_rows(
        self,
        name: str,
        rows: int,
        width: int,
        *,
        reads: Sequence[Tensor | None],
        writes: Sequence[Tensor],
        sizes: Sequence[int],
    ) -> Launch:
        return self._bind_grid(name, (rows, threads_for(width)), reads, writes, sizes)

    def _bind_grid(
        self,
        name: str,
        grid: tuple[int, int],
        reads: Sequence[Tensor | None],
        writes: Sequence[Tensor],
        sizes: Sequence[int],
    ) -> Launch:
        if grid[0] == 0:
            return _launch_nothing
        return self._bind(name, grid, reads, writes, sizes)

    def _bind(
        self,
        name: str,
        grid: tuple[int, int],
        reads: Sequence[Tensor | None],
        writes: Sequence[Tensor],
        sizes: Sequence[int],
    ) -> Launch:
        raise NotImplementedError


class DriverKernels(GridKernels):
    """Kernels of a compiled module, launched by the driver."""

    def __init__(self, cubin: bytes) -> None:
        """Loads the module into the context of torch's current device."""
        self._driver: Any = importlib.import_module("cuda.bindings.driver")
        # Work of torch's makes its context the one of this thread; memory alone, which
        # may be at hand, does not.
        torch.zeros(1, device="cuda")
        (self._module,) = _driver_returned(
            self._driver, self._driver.cuModuleLoadData(cubin + b"\0")
        )
        self._functions: dict[str, Any] = {}

    def _bind(
        self,
        name: str,
        grid: tuple[int, int],
        reads: Sequence[Tensor | None],
        writes: Sequence[Tensor],
        sizes: Sequence[int],
    ) -> Launch:
        if name not in self._functions:
            found = self._driver.cuModuleGetFunction(self._module, name.encode())
            (self._functions[name],) = _driver_returned(self._driver, found)
        stream = torch.cuda.current_stream(writes[0].device).cuda_stream
        return _DriverLaunch(
            self._driver,
            self._functions[name],
            grid,
            self._driver.CUstream(stream),
            (*_contiguous(reads), *writes),
            sizes,
        )


class _DriverLaunch:
    """A kernel with packed arguments, of which only the last changes."""

    def __init__(
        self,
        driver: Any,
        function: Any,
        grid: tuple[int, int],
        stream: Any,
        tensors: tuple[Tensor | None, ...],
        sizes: Sequence[int],
    ) -> None:
        self._driver = driver
        self._function = function
        self._blocks, self._threads = grid
        self._stream = stream
        # Copies made for the kernel live as long as it may be launched.
        self._tensors = tensors
        pointers = [0 if tensor is None else tensor.data_ptr() for tensor in tensors]
        self._pointers = (ctypes.c_void_p * len(pointers))(*pointers)
        self._numbers = (ctypes.c_int * (len(sizes) + 1))(*sizes, 0)
        addresses = [
            ctypes.addressof(values) + index * ctypes.sizeof(kind)
            for values, kind in (
                (self._pointers, ctypes.c_void_p),
                (self._numbers, ctypes.c_int),
            )
            for index in range(len(values))
        ]
        self._arguments = (ctypes.c_void_p * len(addresses))(*addresses)
        self._address = ctypes.addressof(self._arguments)

    def __call__(self, step: int) -> None:
        self._numbers[-1] = step
        launched = self._driver.cuLaunchKernel(
            self._function,
            self._blocks,
            1,
            1,
            self._threads,
            1,
            1,
            0,
            self._stream,
            self._address,
            0,
        )
        _driver_returned(self._driver, launched)


class TorchKernels(GridKernels):
    """Kernels that torch itself compiles, where ``cuda-bindings`` is missing."""

    def __init__(self, source: str) -> None:
        """Compiles all of them: where torch cannot, it is said now."""
        compile_kernel: Any = torch.cuda._compile_kernel
        names = re.findall(r"__global__ void (\w+)\(", source)
        self._functions = {name: compile_kernel(source, name) for name in names}

    def _bind(
        self,
        name: str,
        grid: tuple[int, int],
        reads: Sequence[Tensor | None],
        writes: Sequence[Tensor],
        sizes: Sequence[int],
    ) -> Launch:
        function = self._functions[name]
        blocks, threads = grid
        # It knows no null pointer, but that of an empty tensor.
        none = writes[0].new_empty(0)
        tensors = [none if t is None else t for t in (*_contiguous(reads), *writes)]
        numbers = [int(size) for size in sizes]

        def launch(step: int) -> None:
            arguments = [*tensors, *numbers, step]
            function(grid=(blocks, 1, 1), block=(threads, 1, 1), args=arguments)

        return launch


def blocks_for(count: int) -> int:
    """How many blocks give every entry a thread; beyond what a grid can have, a thread
    has several."""
    return min(-(-count // THREADS), 2**31 - 1)


def threads_for(width: int) -> int:
    """How many threads a block has for a row of so many entries: whole warps."""
    return min(32 * max(-(-width // 32), 1), ROW_THREADS)


def _contiguous(tensors: Sequence[Tensor | None]) -> list[Tensor | None]:
    return [None if tensor is None else tensor.contiguous() for tensor in tensors]


def _launch_nothing(step: int) -> None:
    """A step without entries."""


def _driver_returned(driver: Any, result: tuple[Any, ...]) -> tuple[Any, ...]:
    return returned(result, driver.cuGetErrorString, "CUDA driver")
