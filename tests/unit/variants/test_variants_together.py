"""Options that change cells, together with each other and with the rest of a model."""

from __future__ import annotations

import pytest
import torch
from plain_variants import gru_step, lstm_step, run
from torch import Tensor
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

from rnndsl import SpecError, compile_text

CAPTION = """from zoo import LSTM

model M(F, V):
    context image: [F]
    input words: tokens(V)
    embed 5
    map join(image)
    layer LSTM(6), state from image(tanh), emit(f), zoneout(0.1), weight_drop(0.2)
    io one_to_many
    head linear(V)
    loss cross_entropy
    generate start(1), stop(2)
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_everything_at_once(engine: str) -> None:
    text = spec(
        "reset",
        "layer LSTM(5), zoneout(h = 0.3, c = 0.2), recurrent_dropout(0.4), emit(c, f), "
        "state learned, bidirectional, variational(0.2), dropout(0.1), skip",
        "layer parallel(GRU(4), LSTM(3)) x 2, zoneout(0.3), weight_drop(0.4), emit(h)",
        "io many_to_one(mean)",
    )
    model = build(text, 3, batch_first=True).train()
    x, lengths = vectors(3, ROWS, STEPS), torch.tensor(LENGTHS)
    marked = torch.rand(ROWS, STEPS) < 0.3
    found = []
    for name in (engine, "reference"):
        model.engine = name
        torch.manual_seed(3)
        output, state, emitted = model(x, lengths=lengths, reset=marked)
        assert len(state) == 6
        values = torch.cat([output.flatten(), *(v.flatten() for v in emitted.values())])
        found.append((values, *gradients(values, [x, *model.parameters()])))
    for one, other in zip(*found, strict=True):
        assert_close(one, other, rtol=0, atol=1e-11)
    assert all(gradient.abs().sum() > 0 for gradient in found[0][1:])


@pytest.mark.parametrize("engine", ENGINES)
def test_masks_states_and_gates_of_one_plain_loop(engine: str) -> None:
    text = spec("layer LSTM(5), emit(h, c), recurrent_dropout(0.4), zoneout(c = 0.2)")
    model = build(text, 3).train()
    model.engine = engine
    x = vectors(3)
    with watched(model) as masks:
        output, _, emitted = model(x, lengths=torch.tensor(LENGTHS))
    given = {key.removeprefix("layer_1_"): value for key, value in masks.items()}
    wanted, last = run(lstm_step, model.layer_1, x, given, lengths=LENGTHS)
    assert_close(output, wanted, rtol=0, atol=1e-12)
    assert_close(emitted["layer_1.h"], wanted, rtol=0, atol=1e-12)
    ends = emitted["layer_1.c"][torch.tensor(LENGTHS) - 1, torch.arange(ROWS)]
    assert_close(ends, last[1], rtol=0, atol=1e-12)


def test_layers_that_share_weights_draw_masks_of_their_own() -> None:
    text = spec("map linear(4)", "layer GRU(4) x 2, shared, zoneout(0.5), emit(z)")
    model = build(text, 3).train()
    drawn: list[Tensor] = []
    model.layer_1_zoneout_h.register_forward_hook(lambda *a: drawn.append(a[-1]))
    x = vectors(3)
    output, _, emitted = model(x)
    assert len(drawn) == 2
    assert not torch.equal(*drawn)
    below = model.map_1(x)
    for mask in drawn:
        below, _ = run(gru_step, model.layer_1, below, {"zoneout_h": mask})
    assert_close(output, below, rtol=0, atol=1e-12)
    assert list(emitted) == ["layer_1.z", "layer_2.z"]


def test_directions_that_stay_apart() -> None:
    model = build(spec("layer GRU(4), bidirectional(separate), emit(h)"), 3)
    output, _, emitted = model(vectors(3), lengths=torch.tensor(LENGTHS))
    assert output.shape == (STEPS, ROWS, 2, 4)
    assert_close(output[:, :, 0], emitted["layer_1.h"])
    assert_close(output[:, :, 1], emitted["layer_1.reverse.h"])


def test_contexts_and_generation() -> None:
    module = module_of(CAPTION)
    torch.manual_seed(2)
    model = module.M(3, 9).eval()
    image, words = torch.randn(ROWS, 3), torch.randint(3, 9, (STEPS, ROWS))
    output, _, emitted = model(image, words)
    assert emitted["layer_1.f"].shape == (STEPS, ROWS, 6)
    state, found = model.start(image), []
    for t in range(STEPS):
        one, state, values = model.step(words[t], state=state)
        assert_close(one, output[t])
        found.append(values["layer_1.f"])
    assert_close(torch.stack(found), emitted["layer_1.f"])
    for strategy in ("greedy", "beam"):
        written = model.generate(image, max_length=4, strategy=strategy)
        assert written.tokens.shape[:2] == (4, ROWS)


def test_truncated_and_stateful() -> None:
    lines = ("layer LSTM(4), zoneout(0.2), emit(c)", "stateful", "truncate 2")
    model = build(spec(*lines), 3).eval()
    x = vectors(3)
    whole, _, emitted = model(x)
    model.reset_state()
    pieces = [model(piece) for piece in x.split(3)]
    joined = torch.cat([piece[0] for piece in pieces])
    assert_close(joined, whole, rtol=0, atol=1e-12)
    gates = torch.cat([piece[2]["layer_1.c"] for piece in pieces])
    assert_close(gates, emitted["layer_1.c"], rtol=0, atol=1e-12)
    (d_x,) = torch.autograd.grad(whole[-1].sum(), x)
    assert not d_x[:4].any()
    assert d_x[4:].any()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cell_with_a_further_input(engine: str) -> None:
    text = """from zoo import TimeAwareLSTM

model M(I):
    input x: [I], dt: []
    reset
    layer TimeAwareLSTM(4), zoneout(0.1), recurrent_dropout(0.3), emit(kept), reverse
"""
    model = build(text, 3).eval()
    model.engine = engine
    x, dt = vectors(3), torch.rand(STEPS, ROWS, dtype=torch.float64)
    marked = torch.zeros(STEPS, ROWS, dtype=torch.bool)
    marked[3] = True
    output, _, emitted = model(x, dt, reset=marked)
    halves = [model(x[:3], dt[:3]), model(x[3:], dt[3:])]
    wanted = torch.cat([half[0] for half in halves])
    assert_close(output, wanted, rtol=0, atol=1e-12)
    kept = torch.cat([half[2]["layer_1.kept"] for half in halves])
    assert_close(emitted["layer_1.kept"], kept, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("lines", "others"),
    [
        (("reset", "context c: [3]", "map join(c)", "layer GRU(4)"), "c"),
        (("reset", "layer GRU(I)", "generate"), "generate"),
    ],
)
def test_what_marks_exclude(lines: tuple[str, ...], others: str) -> None:
    with pytest.raises(SpecError) as caught:
        compile_text(spec(*lines))
    (found,) = caught.value.diagnostics
    assert (found.code, found.span.text) == ("RNN094", "reset")
    assert f"`{others}`" in found.message


def test_zoneout_of_what_shall_settle() -> None:
    lines = ("layer GRU(4), zoneout(0.1)", "io one_to_one(settle = 9)")
    with pytest.raises(SpecError) as caught:
        compile_text(spec(*lines))
    (found,) = caught.value.diagnostics
    assert (found.code, found.span.text) == ("RNN094", "zoneout")


def test_gates_where_states_have_settled() -> None:
    lines = ("layer LSTM(4), emit(c), recurrent_dropout(0.3)", "io one_to_one({})")
    text = spec(lines[0], lines[1].format("settle = 200, tolerance = 1e-12"))
    model = build(text, 3).eval()
    with torch.no_grad():
        model.layer_1.weight_hh_l0.mul_(0.3)
    x = vectors(3)[0]
    output, state, emitted = model(x)
    assert_close(emitted["layer_1.c"], state[0][1][0], rtol=0, atol=1e-12)
    again, _, _ = model(x, state=state)
    assert_close(again, output, rtol=0, atol=1e-10)


def test_under_transformations_of_torch() -> None:
    text = spec(
        "reset",
        "layer LSTM(4), zoneout(0.2), recurrent_dropout(0.3), emit(f)",
        "layer GRU(3), weight_drop(0.3)",
    )
    model = build(text, 3).eval()
    x, marked = vectors(3, 3).detach(), torch.rand(3, ROWS) < 0.3
    wanted, _, emitted = model(x, reset=marked)
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    assert_close(compiled(x, reset=marked)[0], wanted)
    program = torch.export.export(model, (x,), {"reset": marked}, strict=False)
    assert_close(program.module()(x, reset=marked)[2], emitted)
    many = torch.func.vmap(lambda x: model(x, reset=marked)[0])(torch.stack((x, 2 * x)))
    assert_close(many[0], wanted)
    values, slopes = torch.func.jvp(
        lambda x: model(x, reset=marked)[0], (x,), (torch.ones_like(x),)
    )
    assert_close(values, wanted)
    assert slopes.abs().min() > 0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low, _, gates = model.float()(x.float(), reset=marked)
    assert (low.dtype, gates["layer_1.f"].dtype) == (torch.bfloat16,) * 2
    assert_close(low.double(), wanted, rtol=0.05, atol=0.05)


DELAYED = """
cell Own(I, H):
    input  x: [I]
    state  h: [H] = 0.5
    param  W_{0,1}: [H, I] as weight_ih, U: [H, H] as weight_hh, V: [H, H]
    z = sigmoid(W_0 @ x[t] + W_1 @ x[t-1] + U @ h[t-1])
    h[t] = z * h[t-3] + tanh(V @ h[t-2])
    output h[t]

model M(I):
    input x: [I]
"""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("start", ["", ", state learned"])
def test_delays_start_anew_too(start: str, engine: str) -> None:
    model = build(f"{DELAYED}    reset\n    layer Own(4), emit(z){start}\n", 3).eval()
    model.engine = engine
    names = {name.partition("_l0")[0] for name, _ in model.layer_1.named_parameters()}
    firsts = {"h_first"} if start else set()
    assert names == {"weight_ih", "weight_hh", "V"} | firsts
    x = vectors(3)
    marked = torch.zeros(STEPS, ROWS, dtype=torch.bool)
    marked[2] = marked[5] = True
    output, _, emitted = model(x, reset=marked)
    pieces = [model(piece) for piece in (x[:2], x[2:5], x[5:])]
    wanted = torch.cat([piece[0] for piece in pieces])
    assert_close(output, wanted, rtol=0, atol=1e-12)
    gates = torch.cat([piece[2]["layer_1.z"] for piece in pieces])
    assert_close(emitted["layer_1.z"], gates, rtol=0, atol=1e-12)


def test_of_delays_those_of_states_are_recurrent() -> None:
    options = "recurrent_dropout(0.5), weight_drop(0.5), zoneout(0.1)"
    model = build(f"{DELAYED}    layer Own(4), {options}\n", 3).train()
    inputs = [item.name for item in model.layer_1.specification.inputs]
    assert inputs == ["x", "dropout_h", "dropout_h_2", "zoneout_h"]
    assert model.layer_1._dropped_weights == ("weight_hh", "V")
    assert model(vectors(3))[0].isfinite().all()
