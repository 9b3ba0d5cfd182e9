"""Tests that need an NVIDIA GPU; without one they are skipped, with the reason."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def little_garbage() -> Iterator[None]:
    """Torch before 2.9 collects garbage before every capture: what is there already,
    the compiler and torch, is left out."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def on_a_gpu() -> None:
    """Seeds the generators; skips where there is no GPU."""
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU")
    if torch.version.hip is not None:
        pytest.skip("this torch is built for AMD's GPUs")
    torch.manual_seed(20)
