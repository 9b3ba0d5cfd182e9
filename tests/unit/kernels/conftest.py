"""Kernel tests compute on small tensors, with memory that starts as NaN."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

# Generated specs are tried here too.
sys.path.append(str(Path(__file__).parents[2] / "property"))


@pytest.fixture(autouse=True, scope="package")
def one_thread_and_no_luck() -> Iterator[None]:
    """In deterministic mode torch fills new memory with NaN: what a kernel reads before
    it is written shows."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)
