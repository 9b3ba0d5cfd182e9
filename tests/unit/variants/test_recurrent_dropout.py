"""Recurrent dropout: one mask a sequence for what weights are multiplied with."""

from __future__ import annotations

import pytest
import torch
from plain_variants import gru_step, lstm_step, run
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

from rnndsl.runtime import RecurrentDropoutMask

CASES = {
    "lstm": (spec("layer LSTM(5), recurrent_dropout(0.4)"), lstm_step),
    "gru": (spec("layer GRU(5), recurrent_dropout(0.4)"), gru_step),
    "both": (spec("layer LSTM(5), zoneout(0.2), recurrent_dropout(0.4)"), lstm_step),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_as_a_plain_loop(name: str, engine: str) -> None:
    text, step = CASES[name]
    model = build(text, 3).train()
    model.engine = engine
    x = vectors(3)
    with watched(model) as masks:
        output, _ = model(x, lengths=torch.tensor(LENGTHS))
    given = {key.removeprefix("layer_1_"): value for key, value in masks.items()}
    wanted, _ = run(step, model.layer_1, x, given, lengths=LENGTHS)
    assert_close(output, wanted, rtol=0, atol=1e-12)
    leaves = [x, *model.parameters()]
    for found, other in zip(
        gradients(output, leaves), gradients(wanted, leaves), strict=True
    ):
        assert_close(found, other, rtol=0, atol=1e-11)


def test_evaluation_is_the_plain_cell() -> None:
    text = CASES["lstm"][0]
    model = build(text, 3).eval()
    plain = module_of(text).LSTM(3, 5, dtype=torch.float64)
    plain.load_state_dict(model.layer_1.state_dict())
    x = vectors(3)
    assert_close(model(x)[0], plain(x)[0], rtol=0, atol=1e-12)


def test_one_mask_for_all_steps_of_a_row() -> None:
    mask = RecurrentDropoutMask(0.25, 60)
    x = torch.zeros(7, 200, 2, dtype=torch.float64)
    drawn = mask(x)
    assert drawn.dtype == torch.float64
    assert drawn.stride(0) == 0
    kept = drawn[0] != 0
    assert_close(drawn[:, kept], torch.full_like(drawn[:, kept], 4 / 3))
    assert 0.74 < kept.double().mean() < 0.76
    assert not torch.equal(kept[0], kept[1])
    torch.manual_seed(4)
    first = mask(x)
    torch.manual_seed(4)
    assert torch.equal(mask(x), first)
    assert not torch.equal(mask(x), first)
    assert torch.equal(mask.eval()(x), torch.ones(7, 200, 60, dtype=torch.float64))


@pytest.mark.parametrize("engine", ENGINES)
def test_operands_that_pass_through_a_local(engine: str) -> None:
    cell = """
cell Own(I, H):
    input  x: [I]
    state  h: [H]
    param  W: [H, I], U: [H, H], V: [H, H], w: [H]
    r = sigmoid(U @ h[t-1])
    q = r * h[t-1] + W @ x[t]
    p = V @ q
    h[t] = w * h[t-1] + tanh(p + W @ x[t])
    output h[t]

model M(I):
    input x: [I]
    layer Own(I), recurrent_dropout(0.5), reverse
"""
    model = build(cell, 4).train()
    model.engine = engine
    x = vectors(4)
    with watched(model) as masks:
        output, _ = model(x)
    layer, mask = model.layer_1, masks["layer_1_dropout_h"][0]
    h = x.new_zeros(ROWS, 4)
    outputs = []
    for t in reversed(range(STEPS)):
        dropped = h * mask
        r = torch.sigmoid(dropped @ layer.U_l0.t())
        p = (r * dropped + x[t] @ layer.W_l0.t()) @ layer.V_l0.t()
        h = layer.w_l0 * h + torch.tanh(p + x[t] @ layer.W_l0.t())
        outputs.append(h)
    assert_close(output, torch.stack(outputs[::-1]), rtol=0, atol=1e-12)
