"""Torch's own kernels within recorded calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from graph_cases import gradients, inputs, weighted
from stand_in import StandInRecorder
from torch.testing import assert_close

from rnndsl.runtime.engines.choice import ENGINES


@pytest.fixture(autouse=True)
def _without_onednn() -> Iterator[None]:
    """Called without gradients, as in a replay, it keeps nothing for them."""
    torch._C._set_mkldnn_enabled(False)
    yield
    torch._C._set_mkldnn_enabled(True)


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "Elman"])
def test_a_kernel_is_recorded_forward_and_backward(
    cell: str, cases: Any, recorder: StandInRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, plain = cases.layers(cell, num_layers=2, bidirectional=True)
    kernel = next(engine for engine in ENGINES if engine.name == "vendor")
    always = replace(kernel, pays=None)
    monkeypatch.setattr("rnndsl.runtime.engines.choice.ENGINES", (always, *ENGINES))
    for _ in range(4):
        x, y = inputs()
        for module, given in ((layer, x), (plain, y)):
            module.zero_grad()
            weighted(module(given)).backward()
        assert_close(gradients(layer, x), gradients(plain, y), rtol=1e-4, atol=1e-5)
    assert recorder.records == 2
    assert "3 replays" in layer.explain()
