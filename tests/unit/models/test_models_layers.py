"""Layers with ``lengths``: packed sequences without the packing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from handwritten_models.cells import GRU, LSTM
from model_cases import ENGINES, LENGTHS, ROWS, STEPS, flat, gradients
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

pairs = pytest.mark.parametrize("pair", [(LSTM, nn.LSTM), (GRU, nn.GRU)])


@pairs
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch_first", [False, True])
def test_lengths_are_as_a_packed_sequence(
    pair: Any, engine: str, batch_first: bool
) -> None:
    options = {"batch_first": batch_first, "bidirectional": True}
    ours = pair[0](3, 4, 2, dtype=torch.float64, **options)
    theirs = pair[1](3, 4, 2, dtype=torch.float64, **options)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    ours.engine = engine
    x = torch.randn(STEPS, ROWS, 3, dtype=torch.float64, requires_grad=True)
    given = x.transpose(0, 1) if batch_first else x
    lengths = torch.tensor(LENGTHS)
    packed = pack_padded_sequence(given, lengths, batch_first, enforce_sorted=False)
    output, last = theirs(packed)
    expected = (pad_packed_sequence(output, batch_first, 0.0, STEPS)[0], last)
    result = ours(given, lengths=lengths)
    assert_close(flat(result), flat(expected))
    leaves = [x, *ours.parameters()]
    wanted = gradients(expected, [x, *theirs.parameters()])
    assert_close(gradients(result, leaves), wanted)
    assert_close(flat(ours(given, lengths=lengths.int())), flat(expected))


@pairs
def test_full_lengths_cost_nothing(pair: Any) -> None:
    ours = pair[0](3, 4)
    x = torch.randn(STEPS, ROWS, 3)
    masks: list[Any] = []
    run = ours._run_layers

    def watched(inputs: Any, state: Any, mask: Any, dtype: Any) -> Any:
        masks.append(mask)
        return run(inputs, state, mask, dtype)

    ours._run_layers = watched
    expected = flat(ours(x))
    result = flat(ours(x, lengths=torch.full((ROWS,), STEPS)))
    assert masks == [None, None]
    assert_close(result, expected, rtol=0, atol=0)


@pairs
def test_initial_state(pair: Any) -> None:
    ours = pair[0](3, 4, 2, bidirectional=True, dtype=torch.float64)
    x = torch.randn(STEPS, ROWS, 3, dtype=torch.float64)
    begin = ours.initial_state(ROWS)
    assert [state.shape for state in flat(begin)] == [(4, ROWS, 4)] * len(flat(begin))
    assert_close(flat(ours(x, begin)), flat(ours(x)), rtol=0, atol=0)
