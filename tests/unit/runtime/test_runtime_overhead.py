"""What a call does beside its loop, which is most of what a single step costs.

Counted and not timed: operations of torch take about a microsecond each on a CPU,
functions of the runtime a tenth of one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
import torch
from handwritten.lstm import LSTM, LSTMCell
from torch.utils._python_dispatch import TorchDispatchMode

import rnndsl.runtime

FOLDER = rnndsl.runtime.__path__[0]


class Operations(TorchDispatchMode):
    """The names of all operations that are run."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.names.append(operation._schema.name.removeprefix("aten::"))
        return operation(*args, **(kwargs or {}))


def operations(run: Callable[[], object]) -> list[str]:
    with torch.no_grad(), Operations() as found:
        run()
    return found.names


@contextmanager
def counted_functions() -> Iterator[list[str]]:
    """The functions of the runtime that are called meanwhile."""
    names: list[str] = []

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(FOLDER):
            names.append(frame.f_code.co_qualname)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield names
    finally:
        sys.setprofile(before)


def loop(steps: int, batch: int, input_size: int, hidden_size: int) -> list[str]:
    """The operations of the loop alone."""
    module = LSTM(input_size, hidden_size)
    x, h = torch.randn(steps, batch, input_size), torch.randn(batch, hidden_size)
    parameters = tuple(module.parameters())
    forward = module.specification.forward
    return operations(lambda: forward((x,), (h, h), parameters, None, False))


@pytest.mark.parametrize("steps", [1, 4])
def test_a_layer_makes_first_states_and_gives_last_ones_their_axis(steps: int) -> None:
    layer, x = LSTM(5, 7), torch.randn(steps, 3, 5)
    own = loop(steps, 3, 5, 7)
    assert operations(lambda: layer(x)) == [
        "new_zeros",
        "new_zeros",
        *own,
        "unsqueeze",
        "unsqueeze",
    ]


def test_a_layer_takes_its_state_out_of_what_is_given() -> None:
    layer, x, h = LSTM(5, 7), torch.randn(1, 3, 5), torch.randn(1, 3, 7)
    beside = ["select", "select", *loop(1, 3, 5, 7), "unsqueeze", "unsqueeze"]
    assert operations(lambda: layer(x, (h, h))) == beside


def test_a_cell_gives_its_input_an_axis_of_time() -> None:
    cell, x, h = LSTMCell(5, 7), torch.randn(3, 5), torch.randn(3, 7)
    beside = ["unsqueeze", *loop(1, 3, 5, 7)]
    assert operations(lambda: cell(x, (h, h))) == beside


def test_few_functions_stand_around_a_loop() -> None:
    layer, cell = LSTM(5, 7), LSTMCell(5, 7)
    x, h = torch.randn(1, 3, 5), torch.randn(3, 7)
    with torch.no_grad():
        with counted_functions() as in_layer:
            layer(x)
        with counted_functions() as in_cell:
            cell(x[0], (h, h))
    assert "fused_scan" in in_layer
    assert "fused_scan" in in_cell
    assert len(in_layer) <= 45
    assert len(in_cell) <= 45
