"""Choosing an engine, forcing one, and the explanation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from handwritten.decay import Decay
from handwritten.lstm import LSTM, LSTMCell


def test_engine_property() -> None:
    layer: Any = LSTM(3, 4)
    assert layer.engine == "auto"
    for name in ("reference", "fused", "auto"):
        layer.engine = name
        assert layer.engine == name
    for wrong in ("fast", None, 3):
        known = "one of 'auto', 'graph', 'vendor', 'cuda', 'scan', 'fused', 'reference'"
        with pytest.raises(ValueError, match=known):
            layer.engine = wrong
    assert layer.engine == "auto"


def runs_fused(layer: LSTM) -> bool:
    output, _ = layer(torch.randn(2, 3, 3))
    return type(output.grad_fn).__name__ == "FusedScanBackward"


def test_auto_is_fused_and_forcing_forces() -> None:
    layer: Any = LSTM(3, 4)
    assert runs_fused(layer)
    layer.engine = "reference"
    assert not runs_fused(layer)
    layer.engine = "fused"
    assert runs_fused(layer)


def test_fused_cannot_be_compiled_and_says_what_to_do() -> None:
    layer: Any = LSTM(3, 4)
    layer.engine = "fused"
    x = torch.randn(2, 3, 3)
    with pytest.raises(RuntimeError, match="Set engine to 'auto' or 'reference'"):
        torch.export.export(layer, (x,))


def test_loops_are_those_of_the_specification_also_where_one_is_replaced() -> None:
    specification = LSTM.specification
    assert specification.loops.forward is specification.forward
    assert specification.loops.backward is specification.backward
    other = replace(specification, forward=Decay.specification.forward)
    assert other.loops.forward is Decay.specification.forward
    assert other.loops.backward is specification.backward


def test_explanation() -> None:
    layer: Any = LSTM(3, 4, 2, bidirectional=True)
    assert layer.explain() == (
        "LSTM(3, 4, num_layers=2, bidirectional=True), from lstm.rnn\n"
        "parameters: 736 in 16 tensors\n"
        "engine asked for: auto\n"
        "  graph: cannot run here: CUDA graphs need an NVIDIA GPU, and the tensors are "
        "on cpu (the loop of the engine chosen below, captured and replayed)\n"
        "  vendor: cannot run here: the cell is not proved to be torch.nn's LSTM, GRU "
        "or RNN (torch's own kernels, where the cell is proved to be torch's)\n"
        "  cuda: cannot run here: kernels need an NVIDIA GPU, and tensors are on cpu "
        "(explicit loops, all between their products in CUDA kernels)\n"
        "  scan: cannot run here: the cell comes from a compiler that wrote no scan "
        "(all steps at once, by scans of linear recurrences)\n"
        "  fused: chosen: the first that can run here (explicit forward and backward "
        "loops, in torch operations)\n"
        "  reference: not chosen: fused comes first (the step as the spec writes it, "
        "differentiated by torch)\n"
        "recurrence: dense (h[t] depends on h[t-1] through U_i, U_f, U_g, U_o)\n"
        "before the loop: one product, [4H, I]; in each step: one product, [4H, H]"
    )
    assert sum(p.numel() for p in layer.parameters()) == 736
    cell = LSTMCell(3, 4, bias=False)
    cell.engine = "reference"
    lines = cell.explain().splitlines()
    assert lines[:3] == [
        "LSTMCell(3, 4, bias=False, engine='reference'), from lstm.rnn",
        "parameters: 112 in 2 tensors",
        "engine asked for: reference",
    ]
    assert lines[7].startswith("  fused: not chosen: reference is asked for")
    assert lines[8].startswith("  reference: chosen: asked for")


def test_explanation_where_the_engine_asked_for_cannot_run() -> None:
    layer: Any = Decay(3, 4)
    layer.engine = "fused"
    seen: list[str] = []

    def look(x: torch.Tensor) -> torch.Tensor:
        seen.append(layer.explain())
        return x

    torch.func.vmap(look)(torch.ones(2))
    assert "fused: cannot run here: torch.func transforms" in seen[0]
    assert "reference: not chosen: fused is asked for" in seen[0]
