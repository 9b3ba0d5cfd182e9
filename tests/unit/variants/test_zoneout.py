"""Zoneout: the states of a layer keep entries of their old value."""

from __future__ import annotations

import pytest
import torch
from plain_variants import Step, gru_step, lstm_step, run
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
    watched,
)

from rnndsl.runtime import ZoneoutMask

CASES = {
    "lstm": (spec("layer LSTM(5), zoneout(0.3)"), lstm_step),
    "lstm_h": (spec("layer LSTM(5), zoneout(h = 0.4)"), lstm_step),
    "lstm_two": (spec("layer LSTM(5), zoneout(c = 0.4, h = 0.1)"), lstm_step),
    "gru": (spec("layer GRU(5), zoneout(0.3)"), gru_step),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("training", [True, False])
def test_as_a_plain_loop(name: str, engine: str, training: bool) -> None:
    text, step = CASES[name]
    model = build(text, 3).train(training)
    model.engine = engine
    x = vectors(3)
    with watched(model) as masks:
        output, (last,) = model(x, lengths=torch.tensor(LENGTHS))
    given = {key.removeprefix("layer_1_"): value for key, value in masks.items()}
    assert given
    wanted, states = run(step, model.layer_1, x, given, lengths=LENGTHS)
    assert_close(output, wanted, rtol=0, atol=1e-12)
    last = last if isinstance(last, tuple) else (last,)
    for found, state in zip(last, states, strict=True):
        assert_close(found[0], state, rtol=0, atol=1e-12)
    leaves = [x, *model.parameters()]
    for found, other in zip(
        gradients(output, leaves), gradients(wanted, leaves), strict=True
    ):
        assert_close(found, other, rtol=0, atol=1e-11)


@pytest.mark.parametrize("engine", ENGINES)
def test_directions_have_masks_of_their_own(engine: str) -> None:
    text = spec("layer GRU(4), zoneout(0.5), bidirectional")
    model = build(text, 3, batch_first=True).train()
    model.engine = engine
    x = vectors(3, ROWS, STEPS)
    with watched(model) as masks:
        output, _ = model(x, lengths=torch.tensor(LENGTHS))
    ahead = {"zoneout_h": masks["layer_1_forward_zoneout_h"]}
    back = {"zoneout_h": masks["layer_1_backward_zoneout_h"]}
    assert not torch.equal(ahead["zoneout_h"], back["zoneout_h"])
    steps = x.transpose(0, 1)
    one, _ = run(gru_step, model.layer_1_forward, steps, ahead, lengths=LENGTHS)
    other, _ = run(
        gru_step, model.layer_1_backward, steps, back, lengths=LENGTHS, reverse=True
    )
    wanted = torch.cat((one, other), -1).transpose(0, 1)
    assert_close(output, wanted, rtol=0, atol=1e-12)


def test_branches_and_repetitions_have_masks_of_their_own() -> None:
    text = spec("layer parallel(GRU(4), LSTM(4)) x 2, zoneout(0.5), state learned")
    model = build(text, 3).train()
    with watched(model) as masks:
        output, _ = model(vectors(3))
    assert output.shape == (STEPS, ROWS, 8)
    assert list(masks) == [
        f"layer_{layer}_{state}"
        for layer in (1, 2)
        for state in ("1_zoneout_h", "2_zoneout_h", "2_zoneout_c")
    ]
    drawn = [mask.flatten().tolist() for mask in masks.values()]
    assert len({tuple(values) for values in drawn}) == 6


def test_a_step_at_a_time_is_the_sequence() -> None:
    model = build(CASES["lstm_two"][0], 3).eval()
    x = vectors(3)
    whole, last = model(x)
    state, outputs = None, []
    for t in range(STEPS):
        output, state = model.step(x[t], state=state)
        outputs.append(output)
    assert_close(torch.stack(outputs), whole, rtol=0, atol=1e-12)
    assert state is not None
    assert_close(state, last, rtol=0, atol=1e-12)


def test_in_evaluation_the_old_value_has_its_share() -> None:
    mask = ZoneoutMask(0.25, 7).eval()
    share = mask(torch.randn(3, 2, 5))
    assert_close(share, torch.full((3, 2, 7), 0.25))
    scalar = ZoneoutMask(0.25).eval()(torch.randn(3, 2, 5, dtype=torch.float64))
    assert_close(scalar, torch.full((3, 2), 0.25, dtype=torch.float64))


def test_masks_are_drawn_for_each_step_and_entry() -> None:
    mask = ZoneoutMask(0.3, 40)
    x = torch.zeros(50, 30, 2)
    share = mask(x)
    assert torch.equal(share, (share > 0.5).float())
    assert 0.29 < share.mean() < 0.31
    for axis in range(3):
        assert share.std(axis).min() > 0
    torch.manual_seed(4)
    first = mask(x)
    torch.manual_seed(4)
    assert torch.equal(mask(x), first)
    assert not torch.equal(mask(x), first)


def test_no_row_sees_what_is_not_a_number_in_another() -> None:
    model = build(CASES["lstm"][0], 3).train()
    x = vectors(3).detach()
    x[2, 1] = torch.nan
    x.requires_grad_()
    output, _ = model(x)
    clean = [0, 2, 3]
    assert output[:, clean].isfinite().all()
    (d_x,) = torch.autograd.grad(output[:, clean].sum(), x)
    assert d_x[:, clean].isfinite().all()


@pytest.mark.parametrize("engine", ENGINES)
def test_differentiated_twice(engine: str) -> None:
    model = build(CASES["lstm"][0], 2).eval()
    model.engine = engine
    x = vectors(2, 3, 2)
    assert torch.autograd.gradgradcheck(lambda x: model(x)[0], (x,))


def test_in_lower_precision() -> None:
    model = build(CASES["gru"][0], 3, dtype=torch.float32).train()
    x = torch.randn(STEPS, ROWS, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, _ = model(x)
    assert output.dtype == torch.bfloat16
    assert output.isfinite().all()


def test_the_variant_is_a_class_of_the_module() -> None:
    module = module_of(CASES["lstm"][0])
    assert module.__all__[-1] == "M"
    assert "LSTMZoneout" in module.__all__
    layer = module.LSTMZoneout(3, 5)
    assert [item.name for item in layer.specification.inputs] == [
        "x",
        "zoneout_h",
        "zoneout_c",
    ]
    plain = module.LSTM(3, 5)
    plain.load_state_dict(layer.state_dict())
    x, never = torch.randn(4, 2, 3), torch.zeros(4, 2, 5)
    assert_close(layer(x, never, never)[0], plain(x)[0])


def test_scalar_states_and_names_that_are_taken() -> None:
    cell = """
cell Own(I, H):
    input  x: [I]
    state  n: [] = 1, h: [H]
    param  W: [H, I], w: [H], zoneout_h: [H]
    n[t] = 0.5 * n[t-1] + 1
    h_new = tanh(W @ x[t] + w * h[t-1])
    h[t] = h_new / n[t] + zoneout_h
    output h[t] * n[t]

model M(I):
    input x: [I]
    layer Own(4), zoneout(0.3)
"""
    model = build(cell, 3).eval()
    x = vectors(3)
    found, _ = model(x)
    layer = model.layer_1
    n, h = torch.ones(ROWS, 1, dtype=x.dtype), x.new_zeros(ROWS, 4)
    outputs = []
    for t in range(STEPS):
        n_new = 0.5 * n + 1
        new = torch.tanh(x[t] @ layer.W_l0.t() + layer.w_l0 * h)
        h = 0.3 * h + 0.7 * (new / n_new + layer.zoneout_h_l0)
        n = 0.3 * n + 0.7 * n_new
        outputs.append(h * n)
    assert_close(found, torch.stack(outputs), rtol=0, atol=1e-12)


@pytest.mark.parametrize("step", [lstm_step, gru_step])
def test_the_plain_loops_are_those_of_torch(step: Step) -> None:
    kind = torch.nn.LSTM if step is lstm_step else torch.nn.GRU
    text = CASES["lstm" if step is lstm_step else "gru"][0]
    layer = build(text, 3).layer_1
    other = kind(3, 5, dtype=torch.float64)
    other.load_state_dict(layer.state_dict())
    x = vectors(3)
    assert_close(run(step, layer, x, {})[0], other(x)[0], rtol=0, atol=1e-12)
