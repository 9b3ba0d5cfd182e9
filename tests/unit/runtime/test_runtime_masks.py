"""A layer with a mask runs each row without the steps that do not count."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from handwritten.pairs import ENGINES, flat, gradients
from torch import Tensor
from torch.testing import assert_close

from rnndsl import load, zoo

T, B, D, H = 7, 4, 5, 3
OPTIONS: dict[str, Any] = {"num_layers": 2, "bidirectional": True}


def pair(name: str, engine: str) -> tuple[Any, Any]:
    """A layer of two layers and directions, and torch's with the same weights."""
    ours = getattr(load(zoo.path(name)), name)(D, H, **OPTIONS, dtype=torch.float64)
    theirs = getattr(torch.nn, name)(D, H, **OPTIONS, dtype=torch.float64)
    theirs.load_state_dict(ours.state_dict())
    ours.engine = engine
    return ours, theirs


def random_mask() -> Tensor:
    mask = torch.rand(T, B) < 0.6
    mask[2] = True
    mask[0, 0] = mask[6, 1] = mask[3, 2] = False
    return mask


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["GRU", "LSTM"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_rows_are_those_of_torch(name: str, engine: str, batch_first: bool) -> None:
    ours, theirs = pair(name, engine)
    ours.batch_first = batch_first
    x, mask = torch.randn(T, B, D, dtype=torch.float64), random_mask()
    expected = torch.zeros(T, B, 2 * H, dtype=torch.float64)
    lasts: list[list[Tensor]] = []
    for row in range(B):
        steps = mask[:, row].nonzero().squeeze(1)
        output, last = theirs(x[steps, row])
        expected = expected.index_put((steps, torch.tensor(row)), output)
        lasts.append(flat(last))
    wanted = [torch.stack(values, 1) for values in zip(*lasts, strict=True)]
    x[~mask] = float("nan")
    given = (x.transpose(0, 1), mask.t()) if batch_first else (x, mask)
    output, last = ours(given[0], mask=given[1])
    if batch_first:
        output = output.transpose(0, 1)
    assert_close(output, expected, rtol=1e-12, atol=1e-12)
    assert_close(flat(last), wanted, rtol=1e-12, atol=1e-12)
    names = [name for name, _ in ours.named_parameters()]
    found = gradients((output, *flat(last)), list(ours.parameters()))
    leaves = [theirs.get_parameter(name) for name in names]
    assert_close(found, gradients((expected, *wanted), leaves), rtol=0, atol=1e-11)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_single_sequence_has_a_mask(engine: str) -> None:
    ours, theirs = pair("GRU", engine)
    x, mask = torch.randn(T, D, dtype=torch.float64), torch.rand(T) < 0.6
    mask[3] = True
    mask[1] = False
    output, last = ours(x, mask=mask)
    expected, wanted = theirs(x[mask])
    assert_close(output[mask], expected, rtol=1e-12, atol=1e-12)
    assert not output[~mask].any()
    assert_close(last, wanted, rtol=1e-12, atol=1e-12)


def test_masks_are_traced() -> None:
    ours, _ = pair("GRU", "auto")
    x, mask = torch.randn(T, B, D, dtype=torch.float64), random_mask()
    compiled = torch.compile(ours, backend="eager", fullgraph=True)
    assert_close(flat(compiled(x, mask=mask)), flat(ours(x, mask=mask)))
