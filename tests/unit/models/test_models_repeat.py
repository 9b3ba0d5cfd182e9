"""One input, the same at as many steps as a call asks for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from model_cases import ENGINES, flat
from model_specs import compiled
from sequence_specs import REPEATED
from torch.testing import assert_close

STEPS, ROWS = 5, 3
NAMES = {"melody": "Melody", "chime": "Chime"}
EXACT: dict[str, float] = {"rtol": 1e-12, "atol": 1e-12}


def model(name: str, *sizes: int, **options: Any) -> Any:
    """A model of one of the specs, in double precision."""
    built = getattr(compiled(REPEATED[name], name), NAMES[name])
    return built(*sizes, dtype=torch.float64, **options)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch_first", [False, True])
def test_every_step_reads_the_same(engine: str, batch_first: bool) -> None:
    made = model("melody", 4, 2, batch_first=batch_first)
    made.engine = engine
    mood, z = torch.randn(ROWS, 2).double(), torch.randn(ROWS, 4).double()
    lengths = torch.tensor([5, 2, 3])
    output, _ = made(mood, z, steps=STEPS, lengths=lengths)
    output = output.transpose(0, 1) if batch_first else output
    assert output.shape == (STEPS, ROWS, 2)
    for row, length in enumerate(lengths.tolist()):
        x = made.map_1(z[row]).tanh().expand(length, 1, 4)
        x, _ = made.layer_1(x, made.layer_1_state.h(mood[row]).view(1, 1, 5))
        x, _ = made.layer_2(x)
        assert_close(output[:length, row], made.head(x)[:, 0], **EXACT)
        assert not output[length:, row].any()
    single, _ = made(mood[0], z[0], steps=STEPS)
    assert_close(single, output[:, 0], **EXACT)


@pytest.mark.parametrize("batch_first", [False, True])
def test_steps_are_forward(batch_first: bool) -> None:
    made = model("chime", 6, batch_first=batch_first)
    bell = torch.randint(6, (ROWS,))
    whole, last = made(bell, steps=STEPS)
    state: Any = None
    for t in range(STEPS):
        output, state = made.step(bell, state=state)
        assert_close(output, whole[:, t] if batch_first else whole[t], **EXACT)
    assert_close(flat(state), flat(last), **EXACT)
    first, state = made(bell, steps=2)
    rest, _ = made(bell, steps=3, state=state)
    assert_close(torch.cat((first, rest), int(batch_first)), whole, **EXACT)


def test_wrong_arguments() -> None:
    made = model("chime", 6)
    with pytest.raises(ValueError, match="steps: expected at least 1, got 0"):
        made(torch.zeros(ROWS).long(), steps=0)
    with pytest.raises(ValueError, match="bell: expected a 1-D tensor, or 0-D for"):
        made(torch.zeros(STEPS, ROWS).long(), steps=2)
    with pytest.raises(TypeError, match="steps"):
        made(torch.zeros(ROWS).long())
