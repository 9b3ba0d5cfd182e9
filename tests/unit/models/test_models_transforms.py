"""Masks and pieces under compilation, export, transforms and autocast."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from model_cases import flat
from model_specs import model
from torch import nn
from torch.testing import assert_close

STEPS, ROWS = 4, 3
NAMES = ["stack", "separate", "shared", "attention"]


def case(name: str) -> tuple[Any, torch.Tensor, torch.Tensor]:
    ours = model(name, *((3, 6, 2) if name == "stack" else (3, 2)))
    for parameter in ours.parameters():
        nn.init.uniform_(parameter, -0.6, 0.6)
    mask = torch.tensor([[1, 0, 1], [1, 1, 0], [0, 1, 1], [1, 1, 0]]).bool()
    return ours, torch.randn(STEPS, ROWS, 3, dtype=torch.float64), mask


@pytest.mark.parametrize("name", NAMES)
def test_masks_under_compilation(name: str) -> None:
    ours, x, mask = case(name)
    fast = torch.compile(ours, backend="eager", fullgraph=True)
    assert_close(flat(fast(x, mask=mask)), flat(ours(x, mask=mask)))
    other = mask.flip(1)
    assert_close(flat(fast(x, mask=other)), flat(ours(x, mask=other)))


@pytest.mark.parametrize("name", NAMES)
def test_masks_under_export(name: str) -> None:
    ours, x, mask = case(name)
    program = torch.export.export(ours, (x,), {"mask": mask})
    other = mask.flip(1)
    result = program.module()(x, mask=other)
    assert_close(flat(result), flat(ours(x, mask=other)))


@pytest.mark.parametrize("name", NAMES)
def test_masks_under_transforms(name: str) -> None:
    ours, x, mask = case(name)
    values, masks = torch.stack((x, -x)), torch.stack((mask, mask.flip(1)))
    result = torch.func.vmap(lambda x, mask: ours(x, mask=mask)[0])(values, masks)
    expected = [ours(v, mask=m)[0] for v, m in zip(values, masks, strict=True)]
    assert_close(result, torch.stack(expected))
    found = torch.func.grad(lambda x: ours(x, mask=mask)[0].square().sum())(x)
    x.requires_grad_()
    (wanted,) = torch.autograd.grad(ours(x, mask=mask)[0].square().sum(), x)
    assert_close(found, wanted)


@pytest.mark.parametrize("name", NAMES)
def test_masks_and_packed_sequences_under_autocast(name: str) -> None:
    ours, x, mask = case(name)
    ours, x = ours.float(), x.float()
    single = nn.utils.rnn.pack_sequence([x[:3, 0], x[:, 1]], enforce_sorted=False)
    with torch.autocast("cpu", torch.bfloat16):
        output, _, *_ = ours(x, mask=mask)
        packed, _ = ours(single)
    assert output.dtype == torch.bfloat16
    expected, _ = ours(x, mask=mask)
    assert_close(output.float(), expected, rtol=0.05, atol=0.05)
    if isinstance(packed, nn.utils.rnn.PackedSequence):
        packed = packed.data
    assert packed.dtype == torch.bfloat16


@pytest.mark.parametrize("steps", [1, 3])
def test_pieces_under_compilation(steps: int) -> None:
    ours, x, mask = case("stack")
    ours.truncation = steps
    x.requires_grad_()
    fast = torch.compile(ours, backend="eager", fullgraph=True)
    result, expected = fast(x, mask=mask)[0], ours(x, mask=mask)[0]
    assert_close(result, expected)
    (found,) = torch.autograd.grad(result.square().sum(), x)
    (wanted,) = torch.autograd.grad(expected.square().sum(), x)
    assert_close(found, wanted)


def test_double_backward_through_masks() -> None:
    ours, x, mask = case("stack")
    x = x[:, :2].clone().requires_grad_()
    assert torch.autograd.gradgradcheck(
        lambda x: ours(x, mask=mask[:, :2])[0], (x,), fast_mode=True
    )
