"""Convolutions over the steps of a sequence, and of single steps."""

from __future__ import annotations

import re

import pytest
import torch
from model_cases import ENGINES, LENGTHS, ROWS, STEPS, flat, gradients
from model_specs import model
from torch import Tensor, nn
from torch.nn import functional
from torch.testing import assert_close

RAGGED = torch.tensor(LENGTHS)


def seen(convolution: nn.Conv1d, x: Tensor) -> Tensor:
    """A causal convolution of one row (T, N), from its sum over steps."""
    width, _, kernel = convolution.weight.shape
    rows = []
    for step in range(len(x)):
        total = convolution.bias.new_zeros(width) + convolution.bias
        for back in range(kernel):
            if step >= back:
                total = (
                    total + convolution.weight[..., kernel - 1 - back] @ x[step - back]
                )
        rows.append(total)
    return torch.stack(rows)


def expected_of(ours: nn.Module, x: Tensor) -> Tensor:
    gru = nn.GRU(4, 5, bidirectional=True, dtype=torch.float64)
    gru.load_state_dict(ours.layer_1.state_dict())
    rows = []
    for row, length in enumerate(LENGTHS):
        y = seen(ours.map_2, seen(ours.map_1, x[:length, row]).relu())
        y, _ = torch.func.functional_call(gru, dict(ours.layer_1.named_parameters()), y)
        y = seen(ours.map_3, y)
        y = y @ ours.head_1.weight.t() + ours.head_1.bias
        y = y @ ours.head_2.weight[..., 0].t() + ours.head_2.bias
        rows.append(functional.pad(y, (0, 0, 0, STEPS - length)))
    return torch.stack(rows, 1)


@pytest.mark.parametrize("engine", ENGINES)
def test_over_time(engine: str) -> None:
    ours = model("over_time", 3)
    ours.engine = engine
    x = torch.randn(STEPS, ROWS, 3, dtype=torch.float64, requires_grad=True)
    bad = x.detach().clone()
    for row, length in enumerate(LENGTHS):
        bad[length:, row] = float("nan")
    bad.requires_grad_()
    expected = expected_of(ours, x)
    result, _ = ours(bad, lengths=RAGGED)
    assert_close(result, expected, rtol=1e-12, atol=1e-12)
    leaves = list(ours.parameters())
    wanted, found = gradients(expected, [x, *leaves]), gradients(result, [bad, *leaves])
    assert_close(found, wanted)


def test_batches_first_and_short_sequences() -> None:
    ours = model("over_time", 3)
    x = torch.randn(2, 4, 3, dtype=torch.float64)
    expected, _ = ours(x)
    other = model("over_time", 3, batch_first=True)
    other.load_state_dict(ours.state_dict())
    assert_close(other(x.transpose(0, 1))[0].transpose(0, 1), expected)
    assert ours(x[:, :0])[0].shape == (2, 0, 2)


def test_a_convolution_over_time_starts_at_the_first_step() -> None:
    ours = model("over_time", 3)
    x = torch.randn(STEPS, ROWS, 3, dtype=torch.float64)
    reason = r"over_time.rnn:5\) sees the steps before as well"
    with pytest.raises(RuntimeError, match=f"cannot start from a state: .*{reason}"):
        ours(x, state=ours.initial_state(ROWS))
    with pytest.raises(RuntimeError, match=f"cannot run step by step: .*{reason}"):
        ours.step(x[0])
    assert re.search(f"step by step: no: .*{reason}", ours.explain())


def test_a_picture_in_one_step() -> None:
    ours = model("picture", 2)
    x = torch.randn(ROWS, 2, 8, 8, dtype=torch.float64, requires_grad=True)
    output, state = ours(x)
    pooled = functional.max_pool2d(ours.map_1(x).relu(), 4).flatten(2).amax(2)
    expected, last = ours.layer_1(pooled.unsqueeze(0))
    expected = ours.head(expected[0])
    assert_close([output, *flat(state)], [expected, last], rtol=1e-12, atol=1e-12)
    leaves = [x, *ours.parameters()]
    assert_close(gradients(output, leaves), gradients(expected, leaves))
    assert_close(ours.step(x)[0], output)


def test_shapes_of_pictures() -> None:
    video = model("video", 2, 3)
    shape = re.escape("frames: expected the last dimensions to be (2, 6, 13)")
    with pytest.raises(RuntimeError, match=shape):
        video(torch.zeros(3, 4, 2, 6, 12).double())
    with pytest.raises(
        ValueError, match=r"frames: expected a 5-D tensor, or 4-D .*got 3-D"
    ):
        video(torch.zeros(3, 4, 2).double())
    lines = video.explain().splitlines()
    assert "    frames (T, B, C, 6, 13)" in lines
    assert lines[lines.index("video.rnn:6  map flatten, linear(6)") - 1] == (
        "    (T, B, 4, 1, 2)"
    )
