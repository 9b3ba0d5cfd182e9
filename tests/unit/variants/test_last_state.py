"""``many_to_one(state)``: what a model remembers in the end, as its output."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from variant_specs import ENGINES, LENGTHS, ROWS, STEPS, build, spec, vectors

from rnndsl import SpecError, compile_text


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("state", "index"), [("", 0), (" h", 0), (" c", 1)])
def test_of_both_directions_as_torch_has_them(
    state: str, index: int, engine: str
) -> None:
    lines = ("layer LSTM(4), bidirectional", f"io many_to_one(state{state})")
    model = build(spec(*lines, "head linear(2)"), 3)
    model.engine = engine
    vendor = nn.LSTM(3, 4, bidirectional=True, dtype=torch.float64)
    vendor.load_state_dict(model.layer_1.state_dict())
    x = vectors(3)
    output, _ = model(x, lengths=torch.tensor(LENGTHS))
    for row, length in enumerate(LENGTHS):
        last = vendor(x[:length, row])[1][index]
        wanted = model.head(torch.cat((last[0], last[1])))
        assert_close(output[row], wanted, rtol=0, atol=1e-12)


def test_of_branches_and_variants() -> None:
    text = spec(
        "reset",
        "layer GRU(4)",
        "layer parallel(LSTM(5), LSTM(2)), bidirectional, zoneout(0.1), emit(c)",
        "io many_to_one(state c)",
    )
    model = build(text, 3).eval()
    output, state, emitted = model(vectors(3), lengths=torch.tensor(LENGTHS))
    assert output.shape == (ROWS, 14)
    assert_close(output, torch.cat([entry[1][0] for entry in state[1:]], -1))
    assert_close(output[:, 5:10], emitted["layer_2_1.reverse.c"][0])
    ends = torch.tensor(LENGTHS) - 1
    assert_close(output[:, :5], emitted["layer_2_1.c"][ends, torch.arange(ROWS)])


def test_of_cells_that_differ_and_narrow_outputs() -> None:
    text = spec("layer GRU(5), bidirectional(concat, LSTM(4))", "io many_to_one(state)")
    output, state = build(text, 3)(vectors(3))
    assert_close(output, torch.cat((state[0][0], state[1][0][0]), -1))
    narrow = "layer LSTMP(6, 2)", "io many_to_one(state c)", "head linear(3)"
    model = build(spec(*narrow, imports="LSTMP"), 4)
    assert model.head.in_features == 6
    output, state = model(vectors(4))
    assert_close(output, model.head(state[0][1][0]))


def test_a_step_at_a_time_and_of_one_row() -> None:
    model = build(spec("layer LSTM(4)", "io many_to_one(state c)"), 3)
    x = vectors(3)
    whole, _ = model(x)
    state = None
    for t in range(STEPS):
        output, state = model.step(x[t], state=state)
    assert_close(output, whole, rtol=0, atol=1e-12)
    assert_close(model(x[:, 1])[0], whole[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("layer GRU(4), project(3)", "project"),
        ("layer GRU(4), dropout(0.1)", "dropout"),
        ("layer GRU(I), residual", "residual"),
        ("layer GRU(4), skip", "skip"),
        ("layer GRU(4), bidirectional(sum)", "bidirectional"),
        ("layer parallel(GRU(4), GRU(4), merge = sum)", "parallel(GRU(4), GRU(4), "),
    ],
)
def test_what_acts_on_outputs_is_excluded(line: str, place: str) -> None:
    with pytest.raises(SpecError) as caught:
        compile_text(spec(line, "io many_to_one(state)"))
    (found,) = caught.value.diagnostics
    assert found.code == "RNN094"
    assert found.span.text.startswith(place)
