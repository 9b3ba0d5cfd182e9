"""Kernels on a GPU against the loops of torch operations, cell by cell."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import copy
import threading
from typing import Any

import pytest
import torch
from gpu_cases import B, D, H, T, close, gradients, inputs, module_of, weighted

from rnndsl import zoo
from rnndsl.runtime.specification import KernelLoops

pytestmark = pytest.mark.gpu
# Of values of size 1: kernels and torch add up and round in other places.
ALLOWED = {
    torch.float64: 1e-10,
    torch.float32: 2e-4,
    torch.bfloat16: 0.15,
    torch.float16: 0.03,
}
EXACT, HALF = tuple(ALLOWED)[:2], tuple(ALLOWED)[2:]
FEW = ("LSTM", "GRU", "MGU", "SRU", "SLSTM")
CASES = [
    *((cell, dtype) for cell in zoo.cell_names() for dtype in EXACT),
    *(
        (cell, dtype)
        for cell in ("LSTM", "GRU", "MGU", "SRU", "SLSTM")
        for dtype in HALF
    ),
]


def pair(cell: str, dtype: torch.dtype = torch.float32) -> tuple[Any, Any]:
    """A layer over kernels, and one like it in torch operations."""
    made = getattr(module_of(cell), cell)
    names = (argument for _, argument in made.specification.dimensions)
    sizes = dict(zip(names, (D, H, 4, 3), strict=False))
    layer = made(**sizes, device="cuda", dtype=dtype)
    plain = copy.deepcopy(layer)
    layer.engine, plain.engine = "cuda", "fused"
    return layer, plain


def drawn(layer: Any, dtype: torch.dtype, steps: int, rows: int) -> list[torch.Tensor]:
    """Inputs that logarithms and roots can be taken of."""
    return [
        torch.rand(steps, rows, *shape, device="cuda").add(0.1).to(dtype)
        for shape in layer._input_shapes
    ]


def has_kernels(cell: str) -> bool:
    kernels = getattr(module_of(cell), cell).specification.kernels
    return isinstance(kernels, KernelLoops)


@pytest.mark.parametrize(("cell", "dtype"), CASES, ids=str)
def test_every_cell(cell: str, dtype: torch.dtype) -> None:
    if not has_kernels(cell):
        pytest.skip("this cell has no kernels")
    layer, plain = pair(cell, dtype)
    lengths = torch.tensor([T, 1, T - 2, 3, 2], device="cuda")
    for options in ({}, {"lengths": lengths}):
        given = drawn(layer, dtype, T, B)
        found = []
        for module in (layer, plain):
            module.zero_grad()
            values = [value.clone().requires_grad_() for value in given]
            output = module(*values, **options)[0]
            if output.requires_grad:
                (output * output.detach().cos()).sum().backward()
            with torch.no_grad():
                unkept = module(*values, **options)[0]
            found.append([output.detach(), unkept, *gradients(module, *values)])
        for mine, other in zip(*found, strict=True):
            assert (mine is None) == (other is None)
            if mine is not None and other is not None:
                scale = other.double().abs().max().clamp(min=1)
                error = (mine.double() - other.double()).abs().max() / scale
                assert float(error) <= ALLOWED[dtype]


@pytest.mark.parametrize(("steps", "rows"), [(1, 1), (1, B), (T, 1), (3, 0)])
def test_small_sizes(steps: int, rows: int) -> None:
    for cell in ("LSTM", "SRU", "MGU"):
        layer, plain = pair(cell)
        x = torch.randn(steps, rows, D, device="cuda")
        values = [x.clone().requires_grad_() for _ in range(2)]
        for module, value in zip((layer, plain), values, strict=True):
            # An expanded gradient, as a sum has.
            module(value)[0].sum().backward()
        close(gradients(layer, values[0]), gradients(plain, values[1]))


def test_not_a_number_stays_in_its_row() -> None:
    layer, plain = pair("LSTM")
    x, y = inputs()
    lengths = torch.tensor([T, 2, T, 1, T], device="cuda")
    with torch.no_grad():
        for value in (x, y):
            value[5:, 1] = torch.nan
            value[:, 2] = torch.nan
    kept = [0, 1, 3, 4]
    for module, value in ((layer, x), (plain, y)):
        weighted((module(value, lengths=lengths)[0][:, kept], ())).backward()
    assert torch.isfinite(x.grad[:, kept]).all()
    close(x.grad[:, kept], y.grad[:, kept])


def test_a_thread_of_its_own_compiles() -> None:
    """Its first work on the GPU may be to load kernels."""
    layer, plain = pair("UGRNN", torch.float64)
    x = torch.randn(T, B, D, device="cuda", dtype=torch.float64)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(layer(x)[0].detach()))
    thread.start()
    thread.join()
    assert found
    close(found[0], plain(x)[0])


def test_other_streams() -> None:
    layer, plain = pair("GRU")
    x = torch.randn(T, B, D, device="cuda")
    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream()):
        output = layer(x)[0]
        weighted((output, ())).backward()
        torch.cuda.synchronize()
    expected = plain(x)[0]
    weighted((expected, ())).backward()
    close([output, *gradients(layer)], [expected, *gradients(plain)])


def test_they_are_chosen_by_themselves() -> None:
    layer, _ = pair("LSTM")
    layer.engine = "auto"
    assert "\n  cuda: chosen: " in layer.explain()
