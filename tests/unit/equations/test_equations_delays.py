"""Inputs and states of earlier steps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from equation_modules import ENGINES, faults, layer_of, module_of
from torch import Tensor

from rnndsl import compile_text

T, B, D, H = 7, 3, 4, 2
DELAYED = """
cell Delayed(I, H):
    input  x: [I], s: []
    state  h: [H] = h0, n: [] = 2
    param  W: [H, I], V: [H, I], U: [H, H], h0: [H]

    h[t] = tanh(W @ x[t] + V @ x[t-2] + U @ h[t-3]) + 0.3 * h[t-1] * n[t-1]
    n[t] = 0.5 * n[t-2] + s[t-1]
    output h[t] - 0.1 * h[t-2]
"""
engines = pytest.mark.parametrize("engine", ENGINES)


def by_hand(
    layer: torch.nn.Module, x: Tensor, s: Tensor, order: range, end: str
) -> list[Tensor]:
    """One row, its steps in this order; what was before the first is its start."""
    named = dict(layer.named_parameters())
    W, V, U, h0 = (named[f"{name}_l0{end}"] for name in ("W", "V", "U", "h0"))
    nothing = torch.zeros(D, dtype=torch.float64)
    xs, ss = [nothing, nothing], [torch.zeros((), dtype=torch.float64)]
    hs, ns = [h0, h0, h0], [torch.full((), 2.0, dtype=torch.float64)] * 2
    outputs = []
    for t in order:
        pre = W @ x[t] + V @ xs[-2] + U @ hs[-3]
        h = torch.tanh(pre) + 0.3 * hs[-1] * ns[-1]
        outputs.append(h - 0.1 * hs[-2])
        ns.append(0.5 * ns[-2] + ss[-1])
        hs.append(h)
        xs.append(x[t])
        ss.append(s[t])
    return outputs


@engines
def test_rows_are_what_they_are_by_hand(engine: str) -> None:
    layer = layer_of(DELAYED, "Delayed", engine, D, H, bidirectional=True)
    x = torch.randn(T, B, D, dtype=torch.float64, requires_grad=True)
    s = torch.randn(T, B, dtype=torch.float64, requires_grad=True)
    lengths = [7, 3, 1]
    output, _ = layer(x, s, lengths=torch.tensor(lengths))
    rows = []
    for row, length in enumerate(lengths):
        forward = by_hand(layer, x[:, row], s[:, row], range(length), "")
        back = range(length - 1, -1, -1)
        backward = by_hand(layer, x[:, row], s[:, row], back, "_reverse")[::-1]
        both = torch.cat((torch.stack(forward), torch.stack(backward)), -1)
        rows.append(torch.nn.functional.pad(both, (0, 0, 0, T - length)))
    expected = torch.stack(rows, 1)
    torch.testing.assert_close(output, expected, rtol=1e-13, atol=1e-13)
    leaves = [x, s, *layer.parameters()]
    weights = torch.randn_like(expected)
    found = torch.autograd.grad((output * weights).sum(), leaves)
    wanted = torch.autograd.grad((expected * weights).sum(), leaves)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@engines
def test_a_sequence_goes_on_where_it_ended(engine: str) -> None:
    layer = layer_of(DELAYED, "Delayed", engine, D, H, batch_first=True)
    x = torch.randn(B, T, D, dtype=torch.float64)
    s = torch.randn(B, T, dtype=torch.float64)
    whole, last = layer(x, s)
    first, state = layer(x[:, :2], s[:, :2])
    second, state = layer(x[:, 2:], s[:, 2:], state)
    joined = torch.cat((first, second), 1)
    torch.testing.assert_close(joined, whole, rtol=0, atol=1e-14)
    assert len(state) == len(last) == 8
    for one, other in zip(state, last, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-14)


def test_the_states_of_delays_come_last() -> None:
    cell = module_of(DELAYED).DelayedCell
    names = [state.name for state in cell.specification.states]
    assert names == ["h", "n", "x_1", "x_2", "s_1", "h_2", "h_3", "n_2"]
    starts = [state.initial for state in cell.specification.states]
    assert starts == ["h0", 2, 0, 0, 0, "h0", "h0", 2]


def test_generated_modules_are_clean(tmp_path: Path) -> None:
    assert faults(tmp_path, DELAYED) == ""


def test_a_delay_stands_under_the_line_that_reads_it() -> None:
    text = compile_text(DELAYED, "spec.rnn")
    assert "    # spec.rnn:7  h_3[t] = h_2[t-1]\n    h_3 = h_2_prev\n" in text
