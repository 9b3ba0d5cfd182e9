"""Values of locals and states over time, beside the output."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close
from variant_specs import (
    ENGINES,
    LENGTHS,
    ROWS,
    STEPS,
    build,
    gradients,
    module_of,
    spec,
    vectors,
)

from rnndsl.runtime import RecurrentLayer


def lstm_values(
    x: Tensor, layer: Any, *, suffix: str = "", reverse: bool = False
) -> dict[str, Tensor]:
    """Every value of an LSTM at all steps of each row, (T, B, H), zero behind its end.

    x: (T, B, I), of LENGTHS.
    """
    W, U = (getattr(layer, f"weight_{k}_l0{suffix}") for k in ("ih", "hh"))
    b, d = (getattr(layer, f"bias_{k}_l0{suffix}") for k in ("ih", "hh"))
    width = U.shape[1]
    found = {
        name: [[x.new_zeros(width)] * ROWS for _ in range(STEPS)] for name in "hcifgo"
    }
    for row, length in enumerate(LENGTHS):
        h, c = x.new_zeros(width), x.new_zeros(width)
        for t in reversed(range(length)) if reverse else range(length):
            gates = W @ x[t, row] + b + U @ h + d
            i, f, g, o = gates.chunk(4)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            c = f * c + i * g
            h = o * c.tanh()
            for name, value in zip("hcifgo", (h, c, i, f, g, o), strict=True):
                found[name][t][row] = value
    return {
        name: torch.stack([torch.stack(rows) for rows in steps])
        for name, steps in found.items()
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_gates_and_states_of_both_directions(engine: str) -> None:
    model = build(spec("layer LSTM(5), emit(c, f, i), bidirectional"), 3)
    model.engine = engine
    x = vectors(3)
    output, _, emitted = model(x, lengths=torch.tensor(LENGTHS))
    ahead = lstm_values(x, model.layer_1)
    back = lstm_values(x, model.layer_1, suffix="_reverse", reverse=True)
    assert list(emitted) == [
        *(f"layer_1.{name}" for name in "cfi"),
        *(f"layer_1.reverse.{name}" for name in "cfi"),
    ]
    for name in "cfi":
        assert_close(emitted[f"layer_1.{name}"], ahead[name], rtol=0, atol=1e-12)
        value = emitted[f"layer_1.reverse.{name}"]
        assert_close(value, back[name], rtol=0, atol=1e-12)
    wanted = torch.cat((ahead["h"], back["h"]), -1)
    assert_close(output, wanted, rtol=0, atol=1e-12)
    leaves = [x, *model.parameters()]
    everything = torch.cat((output, *emitted.values()), -1)
    values = [wanted, *(ahead[n] for n in "cfi"), *(back[n] for n in "cfi")]
    for found, other in zip(
        gradients(everything, leaves),
        gradients(torch.cat(values, -1), leaves),
        strict=True,
    ):
        assert_close(found, other, rtol=0, atol=1e-11)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_loss_on_a_gate_trains(engine: str) -> None:
    model = build(spec("layer LSTM(4), emit(f)"), 3)
    model.engine = engine
    x = vectors(3).detach()
    optimiser = torch.optim.Adam(model.parameters(), 0.1)
    losses = []
    for _ in range(30):
        _, _, emitted = model(x)
        loss = ((emitted["layer_1.f"] - 0.9) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]


def test_what_is_emitted_changes_neither_output_nor_weights() -> None:
    lines = "layer LSTM(4){}, bidirectional(sum), dropout(0.2)", "layer GRU(4){} x 2"
    plain = build(spec(*(line.format("") for line in lines)), 3)
    text = spec(lines[0].format(", emit(o)"), lines[1].format("") + ", emit(h)")
    emitting = build(text, 3)
    emitting.load_state_dict(plain.state_dict())
    x = vectors(3)
    output, state, emitted = emitting.eval()(x)
    wanted, last = plain.eval()(x)
    assert_close(output, wanted, rtol=0, atol=1e-14)
    assert_close(state, last, rtol=0, atol=1e-14)
    assert_close(emitted["layer_3.h"], output, rtol=0, atol=0)
    names = ["layer_1.o", "layer_1.reverse.o", "layer_2.h", "layer_3.h"]
    assert list(emitted) == names


def test_branches_and_layers_that_run_backward() -> None:
    text = spec("layer parallel(GRU(4), LSTM(3)), emit(h, i), reverse", "map linear(2)")
    model = build(text, 3)
    x = vectors(3)
    output, _, emitted = model(x, lengths=torch.tensor(LENGTHS))
    assert [(n, tuple(v.shape)) for n, v in emitted.items()] == [
        ("layer_1_1.h", (STEPS, ROWS, 4)),
        ("layer_1_2.h", (STEPS, ROWS, 3)),
        ("layer_1_2.i", (STEPS, ROWS, 3)),
    ]
    values = lstm_values(x, model.layer_1_2, reverse=True)
    assert_close(emitted["layer_1_2.i"], values["i"], rtol=0, atol=1e-12)
    assert_close(emitted["layer_1_2.h"], values["h"], rtol=0, atol=1e-12)
    inside = torch.cat((emitted["layer_1_1.h"], emitted["layer_1_2.h"]), -1)
    ends = torch.tensor(LENGTHS)
    valid = torch.arange(STEPS).unsqueeze(1) < ends
    assert_close(output[valid], model.map_1(inside)[valid], rtol=0, atol=1e-12)


def test_in_the_form_of_the_inputs() -> None:
    text = spec("layer LSTM(4), emit(f)")
    model, first = build(text, 3), build(text, 3, batch_first=True)
    first.load_state_dict(model.state_dict())
    x, lengths = vectors(3), torch.tensor(LENGTHS)
    wanted = model(x, lengths=lengths)[2]["layer_1.f"]
    assert (wanted == 0).any()
    swapped = first(x.transpose(0, 1), lengths=lengths)[2]["layer_1.f"]
    assert_close(swapped, wanted.transpose(0, 1), rtol=0, atol=0)
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    value = model(packed)[2]["layer_1.f"]
    assert isinstance(value, PackedSequence)
    assert_close(pad_packed_sequence(value)[0], wanted, rtol=0, atol=1e-12)
    single = model(x[:4, 0])[2]["layer_1.f"]
    assert_close(single, wanted[:4, 0], rtol=0, atol=1e-12)
    mask = torch.tensor([True, False, True, True, False, True])
    masked = model(x, mask=mask.unsqueeze(1).expand(-1, ROWS))[2]["layer_1.f"]
    assert (masked[~mask] == 0).all()
    assert_close(masked[mask], model(x[mask])[2]["layer_1.f"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("exchange", ["many_to_many", "many_to_one", "one_to_one"])
def test_a_step_at_a_time(exchange: str) -> None:
    model = build(spec("layer LSTM(4), emit(c, f)", f"io {exchange}"), 3)
    x = vectors(3)
    state, found = None, []
    for t in range(STEPS):
        _, state, emitted = model.step(x[t], state=state)
        found.append(emitted["layer_1.f"])
    assert_close(emitted["layer_1.c"], state[0][1][0], rtol=0, atol=0)
    steps = torch.stack(found)
    assert steps.shape == (STEPS, ROWS, 4)
    if exchange != "one_to_one":
        assert_close(steps, model(x)[2]["layer_1.f"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_scalars_constants_and_what_no_state_needs(engine: str) -> None:
    cell = """
cell Own(I, H):
    input  x: [I]
    state  h: [H], n: [], s: [I]
    param  W: [H, I], U: [H, H], a: [H], k: []
    z = sigmoid(W @ x[t])
    rate = exp(-a)
    two = 2
    n[t] = n[t-1] + k
    s[t] = x[t]
    h[t] = rate * h[t-1] + z * n[t]
    q = tanh(U @ h[t])
    r = n[t-1] / (1 + k)
    output h[t] - q

model M(I):
    input x: [I]
    layer Own(4), emit(q, n, z, rate, two, s, h, r)
"""
    model = build(cell, 3)
    model.engine = engine
    x = vectors(3)
    output, _, emitted = model(x, lengths=torch.tensor(LENGTHS))
    layer = model.layer_1
    valid = torch.arange(STEPS).unsqueeze(1) < torch.tensor(LENGTHS)
    rate = (-layer.a_l0).exp()
    h, n, k = x.new_zeros(ROWS, 4), x.new_zeros(ROWS), layer.k_l0
    values: dict[str, list[Tensor]] = {name: [] for name in "qnzshr"}
    for t in range(STEPS):
        z = (x[t] @ layer.W_l0.t()).sigmoid()
        r, n = n / (1 + k), n + k
        h = rate * h + z * n.unsqueeze(-1)
        q = (h @ layer.U_l0.t()).tanh()
        for name, value in zip("qnzshr", (q, n, z, x[t], h, r), strict=True):
            values[name].append(value)
    wanted = {name: torch.stack(steps) for name, steps in values.items()}
    wanted["rate"] = rate.expand(STEPS, ROWS, 4)
    wanted["two"] = torch.full((STEPS, ROWS), 2.0, dtype=x.dtype)
    for name, value in emitted.items():
        own = wanted[name.removeprefix("layer_1.")]
        assert value.shape == own.shape
        assert_close(value[valid], own[valid], rtol=0, atol=1e-12)
        assert not value[~valid].any()
    assert_close(output[valid], (wanted["h"] - wanted["q"])[valid], rtol=0, atol=1e-12)
    leaves = [x, *model.parameters()]
    names = [name.removeprefix("layer_1.") for name in emitted]
    found = [emitted[f"layer_1.{name}"][valid].flatten() for name in names]
    other = [wanted[name][valid].flatten() for name in names]
    for one, two in zip(
        gradients(torch.cat(found), leaves),
        gradients(torch.cat(other), leaves),
        strict=True,
    ):
        assert_close(one, two, rtol=0, atol=1e-11)


def test_a_layer_by_itself() -> None:
    module = module_of(spec("layer LSTM(4), emit(c, f)"))
    layer: RecurrentLayer = module.LSTMEmitting(3, 4, bidirectional=True)
    output, _ = layer(torch.randn(5, 2, 3))
    assert output.shape == (5, 2, 24)
    own, emitted = layer.separate(output)
    assert own.shape == (5, 2, 8)
    assert list(emitted) == ["c", "f", "reverse.c", "reverse.f"]
    plain = module.LSTM(3, 4)
    assert plain.separate(own[..., :4])[1] == {}
    with pytest.raises(ValueError, match=r"c, f stand beside it"):
        module.LSTMEmitting(3, 4, num_layers=2)


@pytest.mark.parametrize("engine", ENGINES)
def test_differentiated_twice(engine: str) -> None:
    model = build(spec("layer LSTM(3), emit(c, g)"), 2)
    model.engine = engine

    def everything(x: Tensor) -> Tensor:
        output, _, emitted = model(x)
        return torch.cat((output, *emitted.values()), -1)

    assert torch.autograd.gradcheck(everything, (vectors(2, 3, 2),))
    assert torch.autograd.gradgradcheck(everything, (vectors(2, 2, 2),))


def test_no_row_sees_what_is_not_a_number_in_another() -> None:
    model = build(spec("layer LSTM(4), emit(c, f)"), 3)
    x = vectors(3).detach()
    x[4:, 0] = torch.nan  # behind the end of the row
    x[2, 1] = torch.nan
    x.requires_grad_()
    output, _, emitted = model(x, lengths=torch.tensor(LENGTHS))
    values = torch.cat((output, *emitted.values()), -1)
    clean = [0, 2, 3]
    assert values[:, clean].isfinite().all()
    (d_x,) = torch.autograd.grad(values[:, clean].sum(), x)
    assert d_x[:, clean].isfinite().all()
