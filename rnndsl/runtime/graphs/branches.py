"""Independent work side by side: branches of a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import local
from typing import Protocol, TypeVar

Result = TypeVar("Result")


class Branches(Protocol):
    """Where work is being recorded, and can fork."""

    def fork(self, runs: Sequence[Callable[[], Result]]) -> list[Result]:
        """Does all of it side by side, and waits for all."""


class _Here(local):
    """Of this thread: where it is recording, if it is; whether it soon may be."""

    branches: Branches | None = None
    is_part: bool = False


_here = _Here()


@contextmanager
def branching(branches: Branches) -> Iterator[None]:
    """What is run here forks into ``branches``."""
    before, _here.branches = _here.branches, branches
    try:
        yield
    finally:
        _here.branches = before


def is_branching() -> bool:
    """Whether this thread is recording, or rehearsing what it will record."""
    return _here.branches is not None


@contextmanager
def part_of_a_whole() -> Iterator[None]:
    """What is run here will be recorded together with what calls it."""
    before, _here.is_part = _here.is_part, True
    try:
        yield
    finally:
        _here.is_part = before


def is_part_of_a_whole() -> bool:
    """Whether a recording of a caller will take in what this thread runs."""
    return _here.is_part


def side_by_side(*runs: Callable[[], Result]) -> list[Result]:
    """The results of work of which no part needs another's: both directions of a layer,
    or cells that read the same input.

    One after the other; while a CUDA graph is recorded, as branches of it.
    """
    if _here.branches is None or len(runs) == 1:
        return [run() for run in runs]
    return _here.branches.fork(runs)
