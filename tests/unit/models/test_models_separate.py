"""Directions whose outputs stay apart."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import pytest
import torch
from model_cases import ENGINES, LENGTHS, ROWS, STEPS, gradients
from model_specs import model
from plain_models import backward_in_time, padded_with, run
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

D: dict[str, Any] = {"dtype": torch.float64}
RAGGED = torch.tensor(LENGTHS)


def built(name: str, engine: str = "auto") -> Any:
    ours = model(name, 3, 4)
    ours.engine = engine
    for parameter in ours.parameters():
        nn.init.uniform_(parameter, -0.6, 0.6)
    return ours


def inputs() -> Tensor:
    return torch.randn(STEPS, ROWS, 3, **D).requires_grad_()


def vendors(ours: Any, x: Tensor) -> Tensor:
    """The output of the first spec by torch.nn, one head for both directions."""
    first = nn.LSTM(3, 4, bidirectional=True, **D)
    second = nn.GRU(8, 5, bidirectional=True, **D)
    first.load_state_dict(ours.layer_1.state_dict())
    second.load_state_dict(ours.layer_2.state_dict())
    y, _ = run(first, x, RAGGED)
    begin = ours.layer_2_state.h.unsqueeze(1).repeat(1, ROWS, 1)
    y, _ = run(second, y, RAGGED, begin)
    both = [
        ours.head(torch.tanh(ours.layer_2_projection(y[..., own])))
        for own in (slice(None, 5), slice(5, None))
    ]
    return padded_with(torch.stack(both, 2), RAGGED, 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_both_directions_are_read_alike(engine: str) -> None:
    ours, x = built("separate", engine), inputs()
    expected = vendors(ours, x)
    output, _ = ours(x, lengths=RAGGED)
    assert output.shape == (STEPS, ROWS, 2, 4)
    assert_close(output, expected, rtol=1e-12, atol=1e-12)
    leaves = [x, ours.head.weight, ours.layer_2_projection.weight]
    assert_close(gradients(output, leaves), gradients(expected, leaves))
    mask = torch.arange(STEPS).unsqueeze(1) < RAGGED
    assert_close(ours(x, mask=mask)[0], expected)
    packed = pack_padded_sequence(x, RAGGED, enforce_sorted=False)
    again, _ = ours(packed)
    assert_close(pad_packed_sequence(again, total_length=STEPS)[0], expected)
    single, _ = ours(x[:4, 0])
    assert_close(single, expected[:4, 0])


@pytest.mark.parametrize("reordered", [False, True])
def test_losses_have_a_target_for_each_direction(reordered: bool) -> None:
    ours, x = built("separate"), inputs()
    ours.batch_first = reordered
    target = torch.randint(4, (STEPS, ROWS, 2))
    given = x.transpose(0, 1) if reordered else x
    output, _ = ours(given, lengths=RAGGED)
    plain = output.transpose(0, 1) if reordered else output
    each = [
        functional.cross_entropy(plain[t, row, way], target[t, row, way])
        for row, length in enumerate(LENGTHS)
        for t in range(length)
        for way in (0, 1)
    ]
    expected = torch.stack(each).mean()
    spoilt = target.clone()
    for row, length in enumerate(LENGTHS):
        spoilt[length:, row] = 77
    if reordered:
        spoilt = spoilt.transpose(0, 1)
    assert_close(ours.loss(output, spoilt, lengths=RAGGED), expected)
    with pytest.raises(RuntimeError, match=r"target: expected size \("):
        ours.loss(output, spoilt[..., 0], lengths=RAGGED)


@pytest.mark.parametrize("pooling", ["mean", "max", "attention"])
@pytest.mark.parametrize("engine", ENGINES)
def test_poolings_of_each_direction(pooling: str, engine: str) -> None:
    ours, x = built(f"separate_{pooling}", engine), inputs()
    ahead = nn.GRU(3, 3, **D)
    back, both = nn.LSTM(3, 3, **D), nn.LSTM(3, 3, bidirectional=True, **D)
    for own, module in (
        (ours.layer_1_1_forward, ahead),
        (ours.layer_1_1_backward, back),
        (ours.layer_1_2, both),
    ):
        module.load_state_dict(own.state_dict())
    first, _ = run(ahead, x, RAGGED)
    second, _ = run(back, backward_in_time(x, RAGGED), RAGGED)
    second = backward_in_time(second, RAGGED)
    third, _ = run(both, x, RAGGED)
    ways = (
        torch.cat((first, third[..., :3]), -1),
        torch.cat((second, third[..., 3:]), -1),
    )
    rows = []
    for row, length in enumerate(LENGTHS):
        pooled = [one_pooled(ours, pooling, way[:length, row]) for way in ways]
        rows.append(torch.stack(pooled))
    expected = ours.head(torch.stack(rows))
    output, _ = ours(x, lengths=RAGGED)
    assert output.shape == (ROWS, 2, 4)
    assert_close(output, expected, rtol=1e-12, atol=1e-12)
    leaves = [x, ours.head.weight]
    assert_close(gradients(output, leaves), gradients(expected, leaves))
    target = torch.rand(ROWS, 2, 4, **D)
    assert_close(
        ours.loss(output, target, lengths=RAGGED),
        functional.binary_cross_entropy_with_logits(output, target),
    )


def one_pooled(ours: Any, pooling: str, steps: Tensor) -> Tensor:
    """The steps (T, N) of one direction of one row as one vector."""
    if pooling == "mean":
        return steps.mean(0)
    if pooling == "max":
        return steps.amax(0)
    hidden = torch.tanh(ours.pooling.projection(steps))
    weights = ours.pooling.context(hidden).softmax(0)
    return (weights * steps).sum(0)


def test_what_stands_in_the_padding_reaches_nothing() -> None:
    for name in ("separate", "separate_max", "separate_attention"):
        ours, x = built(name), inputs()
        bad = x.detach().clone()
        for row, length in enumerate(LENGTHS):
            bad[length:, row] = float("nan")
        bad.requires_grad_()
        output, expected = ours(bad, lengths=RAGGED)[0], ours(x, lengths=RAGGED)[0]
        assert_close(output, expected, rtol=0, atol=0)
        leaves = list(ours.parameters())
        found = gradients(output, [bad, *leaves])
        assert_close(found, gradients(expected, [x, *leaves]), rtol=0, atol=0)


def test_shapes_are_told() -> None:
    ours = built("separate")
    assert "project(6), dropout(0.2)\n    (T, B, 2, 6)\n" in ours.explain()
    assert "head linear(K)\n    (T, B, 2, K)\n" in ours.explain()
    with pytest.raises(RuntimeError, match="reads the sequence from its end"):
        ours.step(torch.zeros(ROWS, 3, **D))
