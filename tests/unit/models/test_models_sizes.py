"""Sequences of no or one step, batches of no or one row: as torch.nn takes them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from model_cases import ENGINES, flat, gradients
from model_specs import ALL, SIZE, contexts_of, inputs_of, random_model
from torch import nn
from torch.testing import assert_close

from rnndsl import load, zoo

models = pytest.mark.parametrize("name", ALL)
LAYERS = pytest.mark.parametrize("name", ["GRU", "LSTM"])


def leading_of(module: Any, steps: int, rows: int) -> tuple[int, ...]:
    return (rows,) if module.specification.exchange == "one_to_one" else (steps, rows)


@models
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("steps", "rows"), [(3, 0), (1, 0), (1, 1), (1, 4), (5, 1)])
def test_rows_and_steps(name: str, engine: str, steps: int, rows: int) -> None:
    ours = random_model(name, engine)
    kind = ours.specification.exchange
    contexts = contexts_of(ours, rows)
    inputs = inputs_of(ours, *leading_of(ours, steps, rows))
    output, state, *_ = ours(*contexts, *inputs)
    wanted = (steps, rows) if ours.specification.has_steps else (rows,)
    assert output.shape[: len(wanted)] == wanted
    assert all(value.shape[1] == rows for value in flat(state))
    assert output.isfinite().all()
    trained = [value for value in ours.parameters() if value.requires_grad]
    found = gradients((output, *flat(state)), trained)
    assert all(gradient.isfinite().all() for gradient in found)
    assert rows or not any(gradient.any() for gradient in found)
    if kind != "one_to_one":
        lengths = torch.zeros(rows).long()
        option = "lengths"
        if hasattr(ours, "encoder"):
            option = f"{ours.specification.inputs[0].name}_lengths"
        emptied = ours(*contexts, *inputs, **{option: lengths})[0]
        assert emptied.shape == output.shape
        assert emptied.isfinite().all()


@models
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_no_steps(name: str, rows: int) -> None:
    ours = random_model(name)
    if ours.specification.exchange == "one_to_one":
        return
    with pytest.raises(RuntimeError, match="expected at least one step, got none"):
        ours(*contexts_of(ours, rows), *inputs_of(ours, 0, rows))
    with pytest.raises(RuntimeError, match="expected at least one step, got none"):
        ours(*contexts_of(ours), *inputs_of(ours, 0))
    ours.batch_first = True
    with pytest.raises(RuntimeError, match="expected at least one step, got none"):
        ours(*contexts_of(ours, rows), *inputs_of(ours, rows, 0))


@LAYERS
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch_first", [False, True])
def test_layers_are_as_those_of_torch(
    name: str, engine: str, batch_first: bool
) -> None:
    options: dict[str, Any] = {
        "num_layers": 2,
        "bidirectional": True,
        "batch_first": batch_first,
    }
    ours = getattr(load(zoo.path(name)), name)(5, 3, **options)
    theirs = getattr(nn, name)(5, 3, **options)
    ours.load_state_dict(theirs.state_dict())
    ours.engine = engine
    for steps, rows in ((1, 0), (4, 0), (1, 1), (4, 1), (1, 3)):
        x = torch.randn(*((rows, steps) if batch_first else (steps, rows)), 5)
        result, expected = ours(x), theirs(x)
        assert_close(flat(result), flat(expected))
        found = gradients(result, list(ours.parameters()))
        wanted = gradients(expected, list(theirs.parameters()))
        assert_close(found, wanted)
    assert_close(flat(ours(x[0, :1])), flat(theirs(x[0, :1])))
    for rows in (0, 2):
        x = torch.zeros(*((rows, 0) if batch_first else (0, rows)), 5)
        kinds = []
        for module in (ours, theirs):
            with pytest.raises(RuntimeError) as caught:
                module(x)
            kinds.append(caught.type)
        assert issubclass(kinds[0], kinds[1])


@pytest.mark.parametrize("name", ["GRUCell", "LSTMCell"])
def test_cells_are_as_those_of_torch(name: str) -> None:
    cell = getattr(load(zoo.path(name.removesuffix("Cell"))), name)(5, 3)
    vendor = getattr(nn, name)(5, 3)
    vendor.load_state_dict(cell.state_dict())
    for rows in (0, 1):
        x = torch.randn(rows, 5)
        assert_close(flat(cell(x)), flat(vendor(x)))


@pytest.mark.parametrize(
    ("name", "vendor", "floats"),
    [
        ("one_hot", nn.CrossEntropyLoss(), False),
        ("binary", nn.BCEWithLogitsLoss(), True),
        ("stack", nn.MSELoss(), True),
        ("timed", nn.L1Loss(), True),
    ],
)
def test_losses_of_nothing_are_those_of_torch(
    name: str, vendor: nn.Module, floats: bool
) -> None:
    ours = random_model(name)
    output = ours(*inputs_of(ours, 2, 0))[0]
    target = torch.rand_like(output) if floats else output[..., 0].long()
    flat_target = target.flatten(0, 1)
    expected = vendor(output.flatten(0, 1), flat_target)
    assert expected.isnan()
    for options in ({}, {"lengths": torch.zeros(0).long()}):
        assert ours.loss(output, target, **options).isnan()
    output = ours(*inputs_of(ours, 2, 1))[0]
    target = torch.rand_like(output) if floats else output[..., 0].long().abs() % SIZE
    expected = vendor(output.flatten(0, 1), target.flatten(0, 1))
    assert_close(ours.loss(output, target), expected)
    nothing = torch.zeros(2, 1).bool()
    assert ours.loss(output, target, mask=nothing).isnan()
