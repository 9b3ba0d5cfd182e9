"""What the templates are given: lines and names, nothing to decide."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelView:
    """A kernel in CUDA C++, and the variables that the generated function binds to it.

    ``locals``: what is the same in all steps. ``opening``: what is loaded before the
    first of them, where one launch runs all ``steps``. ``closing``: what a step hands
    to the next in registers.
    """

    name: str
    variable: str
    width: str
    count: str
    parameters: tuple[str, ...]
    locals: tuple[str, ...]
    opening: tuple[str, ...]
    steps: str
    loads: tuple[str, ...]
    body: tuple[str, ...]
    stores: tuple[str, ...]
    kept: tuple[str, ...]
    closing: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    sizes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaForwardView:
    """The function of all steps."""

    name: str
    cell: str
    opening: tuple[str, ...]
    before: tuple[str, ...]
    room: tuple[str, ...]
    kernels: tuple[str, ...]
    loop: tuple[str, ...]
    after: tuple[str, ...]
    returned: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaBackwardView:
    """The function of backpropagation through time."""

    name: str
    cell: str
    opening: tuple[str, ...]
    before: tuple[str, ...]
    room: tuple[str, ...]
    kernels: tuple[str, ...]
    loop: tuple[str, ...]
    after: tuple[str, ...]
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
