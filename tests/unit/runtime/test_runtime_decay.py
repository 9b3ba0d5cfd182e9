"""A cell unlike those of torch.nn, against a loop written out here."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from handwritten.decay import Decay, DecayCell
from handwritten.pairs import ENGINES, flat, gradients
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

T, B, D, H = 6, 3, 5, 4
engines = pytest.mark.parametrize("engine", ENGINES)


def leaf(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def times(*shape: int) -> Tensor:
    return torch.rand(*shape, dtype=torch.float64, requires_grad=True)


def by_hand(
    layer: Decay, block: str, x: Tensor, dt: Tensor, h: Tensor, s: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """One row, x (T, D), dt (T,), h (H), s ()."""
    w, u, k = (getattr(layer, n + block) for n in ("weight_ih_", "weight_hh_", "k_"))
    offset = getattr(layer, "offset_" + block)
    outputs = []
    for t in range(len(x)):
        s = 0.5 * s + dt[t]
        h = torch.tanh(w @ x[t] + u @ h + (0 if offset is None else offset))
        h = h * torch.exp(-s)
        outputs.append(k * h)
    return torch.stack(outputs), h, s


@engines
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("given", [True, False])
def test_ragged_stack(engine: str, bias: bool, given: bool) -> None:
    layer: Any = Decay(D, H, 2, bias, bidirectional=True, dtype=torch.float64)
    layer.engine = engine
    lengths = [4, 6, 1]
    x, dt = leaf(T, B, D), times(T, B)
    h, s = leaf(4, B, H), times(4, B)
    sequences = [
        pack_padded_sequence(v, torch.tensor(lengths), enforce_sorted=False)
        for v in (x, dt)
    ]
    output, last = layer(*sequences, (h, s) if given else None)
    padded, _ = pad_packed_sequence(output)
    found = [padded, *last]

    rows = []
    for row, length in enumerate(lengths):
        below, spans, ends = x[:length, row], dt[:length, row], []
        for number in range(2):
            outputs = []
            for direction, suffix in enumerate(("", "_reverse")):
                block = f"l{number}{suffix}"
                index = 2 * number + direction
                first = (
                    (h[index, row], s[index, row])
                    if given
                    else (getattr(layer, "h0_" + block), torch.ones_like(s[0, 0]))
                )
                flips = (0,) if direction else ()
                y, *end = by_hand(
                    layer, block, below.flip(flips), spans.flip(flips), *first
                )
                outputs.append(y.flip(flips))
                ends.append(end)
            below = torch.cat(outputs, -1)
        rows.append((torch.cat((below, below.new_zeros(T - length, 2 * H))), ends))
    expected = [
        torch.stack([row for row, _ in rows], 1),
        torch.stack([torch.stack([e[0] for e in ends]) for _, ends in rows], 1),
        torch.stack([torch.stack([e[1] for e in ends]) for _, ends in rows], 1),
    ]
    assert_close(found, expected, rtol=0, atol=1e-13)
    leaves = [x, dt, h, s, *layer.parameters()]
    assert_close(
        gradients(found, leaves), gradients(expected, leaves), rtol=0, atol=1e-12
    )


@engines
def test_unbatched_and_batch_first(engine: str) -> None:
    layer: Any = Decay(D, H, 2, batch_first=True, dtype=torch.float64)
    layer.engine = engine
    x, dt, h, s = leaf(B, T, D), leaf(B, T), leaf(2, B, H), leaf(2, B)
    output, (h_last, s_last) = layer(x, dt, (h, s))
    assert output.shape == (B, T, H)
    for row in range(B):
        single = layer(x[row], dt[row], (h[:, row], s[:, row]))
        expected = [output[row], h_last[:, row], s_last[:, row]]
        assert_close(flat(single), expected, rtol=0, atol=1e-13)
    assert flat(layer(x[0], dt[0]))[2].shape == (2,)


@engines
def test_cell_returns_output_and_state(engine: str) -> None:
    layer, cell = (kind(D, H, dtype=torch.float64) for kind in (Decay, DecayCell))
    cell.engine = engine
    cell.load_state_dict({n[:-3]: p for n, p in layer.state_dict().items()})
    x, dt = leaf(T, B, D), leaf(T, B)
    outputs, state = [], None
    for t in range(T):
        output, state = cell(x[t], dt[t], state)
        outputs.append(output)
    expected = flat(layer(x, dt))
    assert_close([torch.stack(outputs)], expected[:1], rtol=0, atol=1e-13)
    assert_close(flat(state), [e[0] for e in expected[1:]], rtol=0, atol=1e-13)
    single = cell(x[0, 1], dt[0, 1])
    assert_close(flat(single)[0], outputs[0][1], rtol=0, atol=1e-13)
    assert flat(single)[2].shape == ()


@engines
def test_learned_first_state_gets_its_gradient(engine: str) -> None:
    layer: Any = Decay(D, H, dtype=torch.float64)
    layer.engine = engine
    x, dt = torch.randn(T, B, D).double(), torch.rand(T, B).double()
    layer(x, dt)[0].sum().backward()
    expected = torch.zeros(H, dtype=torch.float64)
    step = 1e-6
    for unit in range(H):
        for sign in (1, -1):
            with torch.no_grad():
                layer.h0_l0[unit] += sign * step
                expected[unit] += sign * layer(x, dt)[0].sum() / (2 * step)
                layer.h0_l0[unit] -= sign * step
    assert_close(layer.h0_l0.grad, expected, rtol=0, atol=1e-8)
