"""Kernels on the CPU: the source that a GPU gets, compiled by g++ behind a shim."""

from __future__ import annotations

import ctypes
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from threading import Thread

import pytest
import torch
from torch import Tensor

from rnndsl.runtime.kernels.protocol import Launch
from rnndsl.runtime.kernels.source import kernel_source

SHIM = Path(__file__).with_name("shim.h")
BLOCKS, THREADS = 3, 5
"""At most: mostly fewer threads than entries, so that a thread has several, as on a GPU
with a full grid."""

needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None, reason="no g++ to compile kernels for the CPU with"
)


@cache
def cpu_kernels(source: str, dtype: torch.dtype) -> CpuKernels:
    return CpuKernels(source, dtype)


class CpuKernels:
    """What ``bind`` gives runs at once, all threads one after the other, in another
    order each time: what one leaves for another to read comes out differently. Threads
    that have a row together run together."""

    def __init__(self, source: str, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._random = random.Random(len(source))
        self.bound: list[str] = []
        self.launches: list[tuple[str, int]] = []
        with tempfile.TemporaryDirectory() as folder:
            text = Path(folder) / "kernels.cpp"
            text.write_text(f'#include "{SHIM}"\n{kernel_source(source, dtype)}')
            library = Path(folder) / "kernels.so"
            command = ["g++", "-std=c++17", "-O1", "-ffp-contract=off", "-Wall"]
            command += [
                "-Wno-unknown-pragmas",
                "-Werror",
                "-shared",
                "-fPIC",
                "-pthread",
            ]
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
        call = self._call(name, reads, writes, sizes)

        def launch(step: int) -> None:
            self.launches.append((name, step))
            blocks = self._random.randint(1, BLOCKS)
            threads = self._random.randint(1, THREADS)
            order = list(product(range(blocks if count else 0), range(threads)))
            self._random.shuffle(order)
            for block, thread in order:
                call((block, thread, blocks, threads), step)

        return launch

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
        call = self._call(name, reads, writes, sizes)

        def launch(step: int) -> None:
            self.launches.append((name, step))
            blocks = self._random.randint(1, BLOCKS)
            threads = self._random.randint(1, THREADS)
            order = list(range(threads))
            for block in range(blocks if rows else 0):
                self._random.shuffle(order)
                self._library.be_block(threads)
                block_ = [
                    Thread(target=call, args=((block, thread, blocks, threads), step))
                    for thread in order
                ]
                for thread_ in block_:
                    thread_.start()
                for thread_ in block_:
                    thread_.join()

        return launch

    def _call(
        self,
        name: str,
        reads: Sequence[Tensor | None],
        writes: Sequence[Tensor],
        sizes: Sequence[int],
    ) -> Callable[[tuple[int, int, int, int], int], None]:
        """Runs a kernel as a thread of a block, of so many blocks and threads."""
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

        def call(place: tuple[int, int, int, int], step: int) -> None:
            assert len(held) == len(reads)
            self._library.be_thread(*place)
            function(*pointers, *numbers, ctypes.c_int(step))

        return call
