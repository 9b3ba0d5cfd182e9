"""Cells at the edges: scalars only, no parameter, no state."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from handwritten.blank import blank
from torch import Tensor
from torch.testing import assert_close

from rnndsl.runtime import (
    RecurrentCell,
    RecurrentLayer,
    StateSpecification,
    TensorSpecification,
)

T, B = 5, 3


def leak_step(inputs: Any, state: Any, parameters: Any) -> Any:
    (u,), (s,), () = inputs, state, parameters
    s = 0.5 * s + u
    return s, (s,)


def square_step(inputs: Any, state: Any, parameters: Any) -> Any:
    (x,), (), () = inputs, state, parameters
    return x * x, ()


LEAK = blank(
    name="Leak",
    dimensions=(),
    hidden=1,
    inputs=(TensorSpecification(name="u", shape=()),),
    states=(StateSpecification(name="s", shape=(), initial=1.0),),
    parameters=(),
    output_shape=(),
    output_state="s",
    step=leak_step,
)
SQUARE = blank(
    name="Square",
    dimensions=(("H", "hidden_size"),),
    inputs=(TensorSpecification(name="x", shape=("H",)),),
    states=(),
    parameters=(),
    output_state=None,
    step=square_step,
)


class Leak(RecurrentLayer):
    specification = LEAK

    def forward(self, u: Tensor, hx: Tensor | None = None) -> Any:
        return self.run((u,), hx)


class Square(RecurrentLayer):
    specification = SQUARE

    def forward(self, x: Tensor) -> Any:
        return self.run((x,), None)


class SquareCell(RecurrentCell):
    specification = SQUARE

    def forward(self, x: Tensor) -> Any:
        return self.run((x,), None)


def leaked(u: Tensor, s: Tensor) -> Tensor:
    values = []
    for value in u:
        s = 0.5 * s + value
        values.append(s)
    return torch.stack(values)


@pytest.mark.parametrize("batch", [(), (B,)])
def test_scalar_stack(batch: tuple[int, ...]) -> None:
    layer = Leak({}, num_layers=2)
    layer.engine = "reference"
    u = torch.randn(T, *batch)
    below = leaked(u, torch.ones(batch))
    above = leaked(below, torch.ones(batch))
    output, last = layer(u)
    assert_close(output, above)
    assert_close(last, torch.stack((below[-1], above[-1])))
    with pytest.raises(ValueError, match=r"u: expected a 2-D tensor, or 1-D"):
        layer(torch.randn(T, B, 1))
    with pytest.raises(ValueError, match="expected a floating-point dtype"):
        layer(torch.ones(T, B, dtype=torch.int64))


def test_two_directions_of_a_scalar_stand_side_by_side() -> None:
    layer = Leak({}, bidirectional=True, batch_first=True)
    layer.engine = "reference"
    u, s = torch.randn(B, T), torch.randn(2, B)
    output, last = layer(u, s)
    forth, back = leaked(u.t(), s[0]), leaked(u.t().flip(0), s[1])
    assert_close(output, torch.stack((forth, back.flip(0)), -1).transpose(0, 1))
    assert_close(last, torch.stack((forth[-1], back[-1])))
    with pytest.raises(ValueError, match="no vector"):
        Leak({}, bidirectional=True, num_layers=2)


def test_no_state() -> None:
    layer, cell = Square({"H": 4}, num_layers=2), SquareCell({"H": 4})
    layer.engine = cell.engine = "reference"
    x = torch.randn(T, B, 4)
    output, state = layer(x)
    assert_close(output, x**4)
    assert state == ()
    assert_close(cell(x[0]), (x[0] ** 2, ()))
    assert "parameters: 0 in 0 tensors" in layer.explain()


def test_a_specification_must_hold_together() -> None:
    with pytest.raises(ValueError, match="needs an input"):
        blank(inputs=())
    with pytest.raises(ValueError, match="no parameter 'h0'"):
        blank(states=(StateSpecification(name="h", shape=("H",), initial="h0"),))
