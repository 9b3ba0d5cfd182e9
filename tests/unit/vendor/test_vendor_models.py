"""Torch's kernels in the layers of a model."""

from __future__ import annotations

import copy
from types import ModuleType
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from rnndsl import compile_text

MODEL = """
from zoo import LSTM, GRU

model Tagger(I, K):
    input x: [I]
    layer LSTM(6), bidirectional
    layer parallel(GRU(5), LSTM(4))
    head linear(K)
"""


@pytest.fixture
def model() -> Any:
    module = ModuleType("tagger")
    exec(compile(compile_text(MODEL, "tagger.rnn"), "tagger.py", "exec"), vars(module))
    torch.manual_seed(5)
    return module.Tagger(3, 4, dtype=torch.float64)


def gradients(model: Any, x: torch.Tensor) -> list[torch.Tensor]:
    output, _ = model(x)
    return list(torch.autograd.grad(output.square().sum(), list(model.parameters())))


def test_all_layers_of_a_model(model: Any) -> None:
    plain = copy.deepcopy(model)
    model.engine, plain.engine = "vendor", "reference"
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    assert_close(model(x)[0], plain(x)[0], rtol=1e-11, atol=1e-12)
    assert_close(gradients(model, x), gradients(plain, x), rtol=1e-10, atol=1e-12)
