"""Kernels on the CPU: the source that a GPU gets, compiled by g++ behind a shim."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rnndsl.runtime.kernels.protocol import Launch
from rnndsl.runtime.kernels.source import kernel_source

SHIM = Path(__file__).with_name("shim.h")
BLOCKS, THREADS = 2, 3
"""Fewer threads than entries: a thread has several, as on a GPU with a full grid."""

needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None, reason="no g++ to compile kernels for the CPU with"
)


@cache
def cpu_kernels(source: str, dtype: torch.dtype) -> CpuKernels:
    return CpuKernels(source, dtype)


class CpuKernels:
    """What ``bind`` gives runs at once, all threads one after the other."""

    def __init__(self, source: str, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self.bound: list[str] = []
        self.launches: list[tuple[str, int]] = []
        with tempfile.TemporaryDirectory() as folder:
            text = Path(folder) / "kernels.cpp"
            text.write_text(f'#include "{SHIM}"\n{kernel_source(source, dtype)}')
            library = Path(folder) / "kernels.so"
            command = ["g++", "-std=c++17", "-O1", "-ffp-contract=off", "-Wall"]
            command += ["-Wno-unknown-pragmas", "-Werror", "-shared", "-fPIC"]
            subprocess.run(
                [*command, str(text), "-o", str(library)], check=True, timeout=300
            )
            self._library = ctypes.CDLL(str(library))

    def bind(
        self,
        name: str,
        count: int,
        *,
        reads: Sequence[Tensor | None],
        writes: Sequence[Tensor],
        sizes: Sequence[int],
    ) -> Launch:
        for tensor in writes:
            assert tensor.is_contiguous()
            assert tensor.dtype == self._dtype
        held = [None if t is None else t.contiguous() for t in reads]
        for tensor in held:
            is_mask = tensor is not None and tensor.dtype == torch.bool
            assert tensor is None or is_mask or tensor.dtype == self._dtype
        self.bound.append(name)
        function = getattr(self._library, name)
        function.restype = None
        pointers = [
            ctypes.c_void_p(None if t is None or not t.numel() else t.data_ptr())
            for t in (*held, *writes)
        ]
        numbers = [ctypes.c_int(size) for size in sizes]

        def launch(step: int) -> None:
            self.launches.append((name, step))
            assert held is not None
            for block in range(BLOCKS if count else 0):
                for thread in range(THREADS):
                    self._library.be_thread(block, thread, BLOCKS, THREADS)
                    function(*pointers, *numbers, ctypes.c_int(step))

        return launch
