"""Dropout: on in training, off in evaluation; variational, one mask a sequence."""

from __future__ import annotations

import pytest
import torch
from model_cases import ENGINES, ROWS, STEPS
from model_specs import model
from torch.testing import assert_close

from rnndsl.runtime import VariationalDropout


def test_variational_dropout_has_one_mask_for_all_steps() -> None:
    dropout = VariationalDropout(0.25)
    x = torch.rand(7, 300, 40) + 1
    result = dropout(x)
    kept = result[0] != 0
    assert torch.equal(result != 0, kept.expand(7, -1, -1))
    assert_close(result[:, kept], x[:, kept] / 0.75)
    assert 0.73 < kept.float().mean() < 0.77
    assert not torch.equal(kept[0], kept[1])
    assert dropout.eval()(x) is x
    assert not VariationalDropout(1.0)(x).any()
    assert VariationalDropout(0.0)(x) is x


@pytest.mark.parametrize("engine", ENGINES)
def test_dropout_is_drawn_anew_and_repeatable(engine: str) -> None:
    stack = model("stack", 3, 6, 2).train()
    stack.engine = engine
    x = torch.randn(STEPS, ROWS, 3, dtype=torch.float64)
    torch.manual_seed(5)
    first, second = stack(x)[0], stack(x)[0]
    torch.manual_seed(5)
    again = stack(x)[0]
    assert_close(again, first, rtol=0, atol=0)
    assert not torch.allclose(second, first)
    stack.eval()
    assert_close(stack(x)[0], stack(x)[0], rtol=0, atol=0)


def test_the_probabilities_are_those_of_the_spec() -> None:
    stack = model("stack", 3, 6, 2)
    found = {
        name: (type(module).__name__, module.p)
        for name, module in stack.named_modules()
        if isinstance(module, torch.nn.Dropout)
    }
    assert found == {
        "dropout_1": ("Dropout", 0.5),
        "dropout_2": ("VariationalDropout", 0.4),
        "layer_1_variational": ("VariationalDropout", 0.25),
        "layer_1_dropout": ("Dropout", 0.5),
        "layer_2_variational": ("VariationalDropout", 0.25),
        "layer_2_dropout": ("Dropout", 0.5),
    }
