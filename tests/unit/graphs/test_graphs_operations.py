"""The recorder of operations has the dangers of a CUDA graph."""

from __future__ import annotations

import pytest
import torch
from operations import OperationRecorder
from torch import Tensor, nn
from torch.testing import assert_close


class Scaled(nn.Module):
    """Depends on a number, has a buffer that it writes to, and draws numbers."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.factor = 2.0
        self.register_buffer("calls", torch.zeros(()))


def test_what_python_decides_is_frozen() -> None:
    module, recorder, x = Scaled(), OperationRecorder(), torch.ones(3)

    def work() -> tuple[Tensor]:
        module.calls.add_(1)
        return (x * module.factor + module.calls,)

    recording = recorder.record(work, None)
    (output,) = recording.outputs
    assert output is not None
    assert torch.isnan(output).all()
    assert module.calls == 0
    module.factor = 5.0
    x.fill_(10)
    for turn in (1, 2):
        recording.replay()
        assert_close(output, torch.full((3,), 20.0 + turn))
        assert module.calls == turn


def test_random_numbers_are_drawn_in_each_replay() -> None:
    recorder, x = OperationRecorder(), torch.ones(50)
    before = torch.get_rng_state()
    recording = recorder.record(lambda: (nn.functional.dropout(x, 0.5),), None)
    assert torch.equal(torch.get_rng_state(), before)
    (output,) = recording.outputs
    assert output is not None
    masks = []
    for seed in (1, 2, 1):
        torch.manual_seed(seed)
        recording.replay()
        masks.append(output.clone())
    assert_close(masks[0], masks[2])
    assert not torch.equal(masks[0], masks[1])


@pytest.mark.parametrize(
    "wait",
    [
        lambda x: float(x.sum()),
        lambda x: x.nonzero(),
        lambda x: torch.tensor(1.0),
        lambda x: torch.equal(x, x),
    ],
)
def test_to_wait_for_values_is_an_error(wait: object) -> None:
    recorder, x = OperationRecorder(), torch.ones(3)
    assert callable(wait)

    def work() -> tuple[Tensor]:
        wait(x)
        return (x,)

    with pytest.raises(RuntimeError, match="operation not permitted when capturing"):
        recorder.record(work, None)
