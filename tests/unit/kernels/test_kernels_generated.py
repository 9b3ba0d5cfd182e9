"""Kernels of generated specs compute what the loops of torch operations compute.

``RNNDSL_FUZZ_SEEDS=5000 pytest tests/unit/kernels`` tries more of them.
"""

from __future__ import annotations

import os

import pytest
import torch
from cpu_kernels import needs_compiler
from kernel_cases import draw, largest_error, load_text, run_fused, run_kernels
from spec_generator import generate

from rnndsl import compile_text
from rnndsl.diagnostics import SpecError
from rnndsl.runtime.specification import CellSpecification, KernelLoops

SEEDS = int(os.environ.get("RNNDSL_FUZZ_SEEDS", "24"))


def cells_of(text: str) -> list[CellSpecification]:
    values = vars(load_text(text)).values()
    return [value for value in values if isinstance(value, CellSpecification)]


@needs_compiler
@pytest.mark.parametrize("seed", range(SEEDS))
def test_kernels_of_any_spec_are_exact(seed: int) -> None:
    try:
        text = compile_text(generate(seed))
    except SpecError:
        return
    for cell in cells_of(text):
        for masked in (False, True):
            case = draw(cell, torch.float64, masked=masked, seed=seed)
            expected = run_fused(cell, case)
            finite = all(e is None or torch.isfinite(e).all() for e in expected)
            if finite and isinstance(cell.kernels, KernelLoops):
                assert largest_error(run_kernels(cell, case), expected) < 1e-11


ODD = {
    "a number that no tensor holds": """
cell Odd(H):
    input x: [H]
    state h: [H]
    part = 0.5
    h[t] = part * h[t-1] + (1 - part) * x[t]
    output h[t]
""",
    "a fixed scalar where vectors stand": """
cell Odd(H):
    input x: [H]
    state h: [H]
    param U: [H, H], s: []
    h[t] = x[t] + U @ (h[t-1] + 0.2 + s)
    output h[t]
""",
    "scalars of each row beside vectors": """
cell Odd(H):
    input x: [H], a: []
    state h: [H], s: []
    param U: [H, H], w: []
    s[t] = tanh(w * s[t-1] + a[t])
    h[t] = tanh(U @ h[t-1] + exp(a[t]) * x[t])
    output h[t] * s[t]
""",
    "states that only wait, and swap": """
cell Odd(H):
    input x: [H]
    state a: [H], b: [H], c: [H]
    a[t] = b[t-1]
    b[t] = a[t-1] + x[t]
    c[t] = c[t-1]
    output a[t] * c[t]
""",
    "sums of products": """
cell Odd(I, H):
    input x: [I]
    state h: [H], z: [H]
    param U: [H, H], V: [H, H], W: [H, I], Y: [H, H]
    z[t] = U @ h[t-1] + V @ z[t-1] - Y @ (h[t-1] * z[t-1])
    h[t] = tanh(W @ x[t] + U @ z[t]) + z[t-1]
    output h[t]
""",
    "sums over features, backward": """
cell Odd(H):
    input x: [H]
    state h: [H], s: []
    param U: [H, H], w: []
    h[t] = tanh(U @ h[t-1] + x[t] * s[t-1])
    s[t] = tanh(w * s[t-1])
    output h[t]
""",
    "functions over features, of parts too": """
cell Odd(H):
    input x: [H]
    state h: [H]
    param U_{a,b,c}: [H, H], g: [H]
    a = softmax(U_a @ h[t-1])
    b = layer_norm(U_b @ h[t-1] + x[t]) * g
    h[t] = tanh(a * (U_c @ h[t-1]) + b) + mean(b) * sum(a * h[t-1])
    output h[t]
""",
    "vectors of one entry": """
cell Odd(H):
    input x: [H]
    state h: [H], s: [1]
    param U: [H, H], v: [1], w: [1], P: [1, H]
    s[t] = tanh(P @ h[t-1] + w * s[t-1])
    h[t] = tanh(U @ h[t-1] + x[t]) * sum(v * s[t-1])
    output h[t]
""",
    "names that C++ has for other things": """
cell Odd(H):
    input signed: [H]
    state auto: [H], t_: [H]
    param exp_: [H, H], unit: [H]
    row = tanh(exp_ @ auto[t-1] + signed[t]) * unit
    n = sigmoid(row * unit)
    real = n + 0.5 * t_[t-1]
    auto[t] = real * auto[t-1] + row
    t_[t] = n
    output real
""",
}


@needs_compiler
@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
def test_kernels_of_odd_specs_are_exact(what: str, masked: bool) -> None:
    (cell,) = cells_of(compile_text(ODD[what], "odd.rnn"))
    case = draw(cell, torch.float64, masked=masked, seed=4)
    assert isinstance(cell.kernels, KernelLoops), cell.kernels
    assert largest_error(run_kernels(cell, case), run_fused(cell, case)) < 1e-12
