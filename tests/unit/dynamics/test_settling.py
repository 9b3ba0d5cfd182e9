"""Steps on an input that is held: against a loop by hand, row by row."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from rnndsl import load, zoo


def layer_of(name: str, *arguments: int, **options: Any) -> Any:
    module: Any = load(zoo.path(name), name=f"zoo_{name.lower()}")
    torch.manual_seed(9)
    return getattr(module, name)(*arguments, dtype=torch.float64, **options)


def by_hand(
    layer: Any, x: Tensor, hx: Any, steps: int, tolerance: float
) -> tuple[Tensor, list[Tensor], int]:
    """One row (1, 1, I) alone, with plain steps."""
    many = isinstance(hx, tuple)
    state = list(hx) if many else [hx]
    for number in range(1, steps + 1):
        output, new = layer(x, tuple(state) if many else state[0])
        values = list(new) if many else [new]
        change = max(
            float((a - b).detach().abs().max())
            for a, b in zip(values, state, strict=True)
        )
        state = values
        if change <= tolerance:
            return output, state, number
    return output, state, 0


@pytest.mark.parametrize("engine", ["fused", "reference"])
@pytest.mark.parametrize("name", ["Elman", "LSTM"])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_rows_settle_by_themselves(name: str, engine: str, num_layers: int) -> None:
    layer = layer_of(name, 4, 6, num_layers=num_layers)
    layer.engine = engine
    x = torch.randn(1, 5, 4, dtype=torch.float64) * torch.linspace(0, 3, 5)[:, None]
    x.requires_grad_()
    variables = (x, *layer.parameters())
    begin = layer.initial_state(5)
    output, state, taken = layer.settle(x, steps=25, tolerance=1e-3)
    found = torch.autograd.grad(output.sin().sum(), variables)
    expected = []
    numbers = []
    for row in range(5):
        own = (
            tuple(value[:, row : row + 1] for value in begin)
            if isinstance(begin, tuple)
            else begin[:, row : row + 1]
        )
        alone = by_hand(layer, x[:, row : row + 1], own, 25, 1e-3)
        expected.append(alone[0])
        numbers.append(alone[2])
        last = state if isinstance(state, tuple) else (state,)
        for value, wanted in zip(last, alone[1], strict=True):
            assert_close(value[:, row : row + 1], wanted, rtol=0, atol=1e-12)
    assert taken.tolist() == numbers
    assert len(set(numbers)) > 1
    wanted_output = torch.cat(expected, 1)
    assert_close(output, wanted_output, rtol=0, atol=1e-12)
    wanted_gradients = torch.autograd.grad(wanted_output.sin().sum(), variables)
    for value, wanted in zip(found, wanted_gradients, strict=True):
        assert_close(value, wanted, rtol=1e-9, atol=1e-12)


def test_a_fixed_point_is_one() -> None:
    layer = layer_of("Elman", 3, 4, batch_first=True)
    x = torch.randn(6, 1, 3, dtype=torch.float64)
    output, state, taken = layer.settle(x, steps=500, tolerance=1e-14)
    assert output.shape == (6, 1, 4)
    assert taken.min() > 1
    again, _ = layer(x, state)
    assert_close(again, output, rtol=0, atol=1e-13)
    assert layer.settle(x, hx=state, tolerance=1e-13)[2].tolist() == [1] * 6


def test_what_does_not_settle_runs_all_steps() -> None:
    layer = layer_of("Hopfield", 2)
    layer.assign_weight("weight_l0", torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    x = torch.tensor([[[1.0, -1.0], [1.0, 1.0]]], dtype=torch.float64)
    output, _, taken = layer.settle(x, steps=6)
    assert taken.tolist() == [0, 2]
    assert output[0].tolist() == [[-1, 1], [1, 1]]


def test_it_ends_when_all_rows_have_settled() -> None:
    layer = layer_of("Elman", 3, 4)
    calls = []
    run = layer.run

    def counted(*given: Any) -> Any:
        calls.append(given)
        return run(*given)

    layer.run = counted
    x = torch.zeros(1, 2, 3, dtype=torch.float64)
    _, _, taken = layer.settle(x, steps=400, tolerance=1e-2)
    assert 1 < len(calls) == int(taken.max()) < 100


def test_a_row_that_is_no_number_reaches_no_other() -> None:
    layer = layer_of("LSTM", 3, 4)
    x = torch.randn(1, 3, 3, dtype=torch.float64)
    clean, _, expected = layer.settle(x, steps=30, tolerance=1e-3)
    x[0, 1] = torch.nan
    x.requires_grad_()
    output, _, taken = layer.settle(x, steps=30, tolerance=1e-3)
    assert torch.equal(output[:, ::2], clean[:, ::2])
    assert taken.tolist() == [int(expected[0]), 0, int(expected[2])]
    (gradient,) = torch.autograd.grad(output[:, ::2].sum(), x)
    assert bool(gradient[:, ::2].isfinite().all())


def test_what_follows_the_code_gives_the_same() -> None:
    layer = layer_of("Elman", 3, 4)
    x = torch.randn(1, 2, 3, dtype=torch.float64)
    expected = layer.settle(x, steps=8, tolerance=0.2)

    def run(value: Tensor) -> Any:
        return layer.settle(value, steps=8, tolerance=0.2)

    found = torch.func.vmap(run)(x.unsqueeze(0))
    for value, wanted in zip(found, expected, strict=True):
        assert_close(value[0], wanted)
    compiled = torch.compile(run, backend="eager", fullgraph=True)(x)
    for value, wanted in zip(compiled, expected, strict=True):
        assert_close(value, wanted)


def test_autocast() -> None:
    module: Any = load(zoo.path("LSTM"), name="zoo_lstm")
    torch.manual_seed(1)
    layer = module.LSTM(3, 4)
    x = torch.randn(1, 2, 3)
    exact, _, _ = layer.settle(x, steps=30, tolerance=1e-2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast, _, _ = layer.settle(x, steps=30, tolerance=1e-2)
    assert cast.dtype == torch.bfloat16
    assert_close(cast.float(), exact, rtol=0, atol=0.05)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((2, 1, 3), {}, r"x: expected a batch with one step, got \(2, 1, 3\)"),
        ((1, 3), {}, r"x: expected a batch with one step, got \(1, 3\)"),
        ((1, 2, 3), {"steps": 0}, "steps: expected a whole number above 0, got 0"),
        ((1, 2, 3), {"tolerance": -1.0}, "tolerance: expected a number from 0 on"),
    ],
)
def test_what_cannot_settle(
    shape: tuple[int, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        layer_of("Elman", 3, 4).settle(torch.zeros(shape).double(), **options)
