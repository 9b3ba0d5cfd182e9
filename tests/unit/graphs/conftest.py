"""Layers whose calls are recorded by the stand-in."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from graph_cases import Cases
from stand_in import StandInRecorder


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> StandInRecorder:
    """In place of torch's CUDA graphs, for tensors on the CPU."""
    torch.manual_seed(20)
    stand_in = StandInRecorder()
    monkeypatch.setattr(
        "rnndsl.runtime.engines.choice.device_refusal", lambda device: None
    )
    monkeypatch.setattr(
        "rnndsl.runtime.graphs.cache.recorder_for", lambda device: stand_in
    )
    return stand_in


@pytest.fixture
def cases(recorder: StandInRecorder) -> Any:
    return Cases()
