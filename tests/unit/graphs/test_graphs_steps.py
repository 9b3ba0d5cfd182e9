"""Streaming: one step, recorded, with states that stay where they are."""

from __future__ import annotations

import copy
from typing import Any

import torch
from graph_cases import B, D, H, T, last_call, module_of, same
from stand_in import StandInRecorder


def cells(name: str) -> tuple[Any, Any]:
    cell = getattr(module_of(name), f"{name}Cell")(D, H)
    plain = copy.deepcopy(cell)
    cell.engine, plain.engine = "graph", "fused"
    return cell, plain


def test_steps_equal_the_plain_ones(recorder: StandInRecorder) -> None:
    for name in ("LSTM", "GRU", "SRU"):
        cell, plain = cells(name)
        state = expected = None
        with torch.no_grad():
            for x in torch.randn(2 * T, B, D):
                result, wanted = cell(x, state), plain(x, expected)
                same(result, wanted)
                has_output = isinstance(result, tuple) and name == "SRU"
                state = result[1] if has_output else result
                expected = wanted[1] if has_output else wanted
        assert last_call(cell) == "replayed"


def test_any_state_may_be_given(recorder: StandInRecorder) -> None:
    cell, plain = cells("LSTM")
    x = torch.randn(B, D)
    with torch.no_grad():
        state = cell(x, cell(x, cell(x, cell(x))))
        same(cell(x, state), plain(x, state))
        # The one handed out, but written to.
        state[1].mul_(3)
        same(cell(x, state), plain(x, state))
        older = cell(x, state)
        kept = tuple(value.clone() for value in older)
        cell(x, older)
        same(older, kept)
        same(cell(x, older), plain(x, older))
        swapped = older[::-1]
        same(cell(x, swapped), plain(x, swapped))
    assert last_call(cell) == "replayed"


def test_with_gradients_steps_run_plainly(recorder: StandInRecorder) -> None:
    cell, plain = cells("LSTM")
    x = torch.randn(B, D)
    for _ in range(3):
        same(cell(x), plain(x))
    assert recorder.records == 0


def test_inference_mode(recorder: StandInRecorder) -> None:
    cell, plain = cells("GRU")
    state = expected = None
    with torch.inference_mode():
        for x in torch.randn(T, B, D):
            state, expected = cell(x, state), plain(x, expected)
            same(state, expected)
    assert last_call(cell) == "replayed"
