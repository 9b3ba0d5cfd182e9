"""What the templates are given: lines and names, nothing to decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionView:
    """The lines that compute entries. ``kept``: stores for the backward pass."""

    loads: tuple[str, ...]
    body: tuple[str, ...]
    stores: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _KernelView:
    """A kernel in CUDA C++, and the variables that the generated function binds to it
    with a method ``bind`` of kernels, for so many entries or rows: ``counts``."""

    name: str
    variable: str
    bind: str
    counts: tuple[str, ...]
    parameters: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    sizes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryKernelView(_KernelView):
    """One thread for each of ``count`` entries.

    ``locals``: what is the same in all steps. ``opening``: what is loaded before the
    first of them, where one launch runs all ``steps``. ``closing``: what a step hands
    to the next in registers.
    """

    count: str
    locals: tuple[str, ...]
    opening: tuple[str, ...]
    steps: str
    section: SectionView
    closing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartView:
    """A part of a kernel on rows: ``calls`` of functions over features, or a section
    under a ``head`` that says which thread has which entry. ``waits``: for what other
    threads wrote."""

    waits: bool
    head: str = ""
    section: SectionView | None = None
    calls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowKernelView(_KernelView):
    """One block for each row. ``locals``: what is the same for all its threads."""

    locals: tuple[str, ...]
    parts: tuple[PartView, ...]


KernelView: TypeAlias = EntryKernelView | RowKernelView


@dataclass(frozen=True, slots=True, kw_only=True)
class _LoopView:
    """A function that runs all steps of ``cell``."""

    name: str
    cell: str
    opening: tuple[str, ...]
    before: tuple[str, ...]
    room: tuple[str, ...]
    kernels: tuple[str, ...]
    loop: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaForwardView(_LoopView):
    """The function of all steps."""

    returned: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaBackwardView(_LoopView):
    """The function of backpropagation through time."""

    no_inputs: tuple[str, ...]
    for_inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    final: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaView:
    """The kernels of a cell, in a constant, and its two functions."""

    cell: str
    constant: str
    kernels: tuple[KernelView, ...]
    forward: CudaForwardView
    backward: CudaBackwardView
