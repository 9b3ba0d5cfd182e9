"""Layers whose calls are recorded by the stand-in."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from graph_cases import Cases
from operations import OperationRecorder, is_recording
from stand_in import StandInRecorder

from rnndsl.runtime.engines.choice import ENGINES
from rnndsl.runtime.sequences import masking, ragged

LOOPS = tuple(engine for engine in ENGINES if engine.name != "vendor")


@pytest.fixture(params=[StandInRecorder, OperationRecorder])
def recorder(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> StandInRecorder:
    """In place of torch's CUDA graphs, for tensors on the CPU: one that runs Python
    again, and one that does not."""
    torch.manual_seed(20)
    stand_in: StandInRecorder = request.param()
    is_traced = ragged.is_traced
    for module in (ragged, masking):
        # On a GPU values of lengths and masks are not looked at.
        monkeypatch.setattr(module, "is_traced", lambda: is_recording() or is_traced())
    monkeypatch.setattr(
        "rnndsl.runtime.engines.choice.device_refusal", lambda device: None
    )
    # What is recorded is the loop that the layers it is compared with run.
    monkeypatch.setattr("rnndsl.runtime.engines.choice.ENGINES", LOOPS)
    monkeypatch.setattr(
        "rnndsl.runtime.graphs.cache.recorder_for", lambda device: stand_in
    )
    return stand_in


@pytest.fixture
def cases(recorder: StandInRecorder) -> Any:
    return Cases()
