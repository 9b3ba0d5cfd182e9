"""Kernels as generated loops see them, whoever compiled them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from torch import Tensor

# Runs a kernel for a step, or for so many steps.
Launch: TypeAlias = Callable[[int], None]


class Kernels(Protocol):
    """The kernels of a cell, compiled for a device and a dtype."""

    def bind(
        self,
        name: str,
        count: int,
        *,
        reads: Sequence[Tensor | None],
        writes: Sequence[Tensor],
        sizes: Sequence[int],
    ) -> Launch:
        """A kernel with its arguments but the last, for ``count`` entries of a step.

        ``writes`` are contiguous; of ``reads`` that are not, a copy is made here.
        """
        ...

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
        """The same for a kernel that has a block for each of so many ``rows`` of a
        step, with so many entries at most."""
        ...
