"""Models as lists and flowcharts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rnndsl.analysis.model import Model
from rnndsl.compiler import open_text
from rnndsl.ir.models.flowchart import model_flowchart, unrolled_model
from rnndsl.ir.models.listing import model_text

STACK = """from zoo import GRU, LSTM

model Stack(V, F, H):
    context image: [F], genre: tokens(4)
    input words: tokens(V), dt: [H]
    embed 5
    map join(image), join(genre, 3), join(dt)
    layer LSTM(H), state from image(tanh), variational(0.1)
    layer parallel(LSTM(4), GRU(4)), bidirectional, skip, dropout(0.5), state learned
    layer GRU(6), bidirectional(sum, LSTM(6)), project(5)
    layer GRU(5) x 2, shared, residual, state from genre
    map clamp(-1, 1)
    io many_to_one(mean)
    head dropout(0.1), linear(3)
    loss cross_entropy(ignore = 0, smoothing = 0.1)
"""
WRITER = """from zoo import GRU

model Writer(V):
    input words: tokens(V)
    one_hot
    map linear(4)
    layer GRU(5), emit(h)
    stateful
    truncate 35
    head linear(V)
    loss cross_entropy
    generate stop(2)
"""
IMAGES = """from zoo import GRU

model Images(C):
    input x: [C, 8, 9]
    map conv(3, 3), relu, max_pool(2), conv(4, 1), mean_pool, conv_time(4, 2)
    layer GRU(4), reverse
    layer GRU(4), bidirectional(separate)
    map softmax
    io many_to_one
    loss adaptive_softmax(20, 3, 9)
"""
REVIEW = """from zoo import LSTM

model Review(I):
    input x: [I]
    layer parallel(LSTM(5), LSTM(4)), bidirectional
    io many_to_one(state c)
    head linear(1)
    loss binary
"""
MEMORY = """from zoo import Elman

model Memory(I):
    input x: [I]
    layer Elman(6)
    io one_to_one(settle = 50, tolerance = 0.001)
"""
TRANSLATOR = """from zoo import GRU, LSTM

model Translator(S, V):
    context speaker: [3]
    encoder:
        input source: tokens(S)
        embed 4
        map join(speaker)
        layer LSTM(5), bidirectional(sum)
        layer GRU(6), bidirectional
    decoder:
        input target: tokens(V)
        embed 3
        layer LSTM(5), state from encoder
        layer GRU(4), state from encoder(tanh)
        attend encoder, additive
        map linear(3)
        feed
        head linear(V)
    loss cross_entropy
"""
BELL = """from zoo import GRU

model Bell(I):
    input z: [I]
    layer GRU(3)
    io one_to_many(repeat)
"""
SPECS = {
    "bell": BELL,
    "translator": TRANSLATOR,
    "stack": STACK,
    "writer": WRITER,
    "images": IMAGES,
    "review": REVIEW,
    "memory": MEMORY,
}


def model(name: str) -> Model:
    (found,) = open_text(SPECS[name].encode(), "m.rnn", Path()).program.models
    return found


def edges(chart: str) -> list[tuple[str, str, str]]:
    """Source, label and target of each arrow."""
    pattern = r"^ +(\w+) (?:-->|-\.->|--? ?\.? ?\"([^\"]*)\" \.?--?>) (\w+)$"
    return [
        (found[1], found[2] or "", found[3])
        for found in re.finditer(pattern, chart, re.MULTILINE)
    ]


def boxes(chart: str) -> list[str]:
    return re.findall(r"^ +(\w+)[(\[].*[)\]]$", chart, re.MULTILINE)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_every_arrow_is_between_boxes(name: str, steps: int) -> None:
    found = model(name)
    chart = unrolled_model(found, steps) if steps else model_flowchart(found)
    names = boxes(chart)
    assert len(names) == len(set(names))
    lines = [line for line in chart.splitlines() if ">" in line.replace("br>", "")]
    arrows = edges(chart)
    assert len(arrows) == len(lines)
    for source, _, target in arrows:
        assert source in names
        assert target in names
    reached = {target for _, _, target in arrows} | {source for source, _, _ in arrows}
    assert set(names) <= reached


def test_a_stack_folded() -> None:
    arrows = edges(model_flowchart(model("stack")))
    assert ("layer_1", "next step", "layer_1") in arrows
    assert ("layer_2_1_backward", "step before", "layer_2_1_backward") in arrows
    assert ("layer_1_state", "first state", "layer_1") in arrows
    assert ("context_image", "", "layer_1_state") in arrows
    assert ("layer_1", "skip", "layer_2_skip") in arrows
    assert ("layer_3_projection", "residual", "layer_4_residual") in arrows
    assert ("context_genre", "", "join_2_embedding") in arrows
    assert [s for s, _, t in arrows if t == "layer_2_merge"] == [
        "layer_2_1_directions",
        "layer_2_2_directions",
    ]
    assert arrows.count(("output", "", "loss")) == 1


def test_a_stack_unfolded() -> None:
    chart = unrolled_model(model("stack"), 3)
    arrows = edges(chart)
    assert chart.count("subgraph") == 3
    assert ("layer_1_t1", "", "layer_1_t2") in arrows
    assert ("layer_2_1_backward_t3", "", "layer_2_1_backward_t2") in arrows
    # The first state of a layer that runs backward is that of the last step.
    assert ("layer_1_state", "first state", "layer_1_t1") in arrows
    begun = "layer_2_1_backward_state"
    assert (begun, "first state", "layer_2_1_backward_t3") in arrows
    pooled = [source for source, _, target in arrows if target == "pooling"]
    assert pooled == ["function_1_t1", "function_1_t2", "function_1_t3"]
    assert ("pooling", "", "function_2") in arrows


def test_the_last_step_alone_is_pooled() -> None:
    arrows = edges(unrolled_model(model("images"), 3))
    assert [s for s, _, target in arrows if target == "pooling"] == ["function_2_t3"]


def test_a_model_that_reads_its_outputs() -> None:
    folded = edges(model_flowchart(model("writer")))
    assert ("output", "generate", "input_words") in folded
    unfolded = edges(unrolled_model(model("writer"), 2))
    assert ("output_t1", "generate", "input_words_t2") in unfolded


def test_a_list() -> None:
    assert model_text(model("writer")) == (
        "model Writer(V)\n"
        "\n"
        "  size  V  v_size\n"
        "\n"
        "  input_words  words: tokens(V)\n"
        "  one_hot      one_hot                  [V]\n"
        "  map_1        linear(4)                [4]\n"
        "  layer_1      GRUEmitting(5), emits h  [5]  over time\n"
        "  head         linear(V)                [V]\n"
        "  output       output                   [V]\n"
        "  target       target\n"
        "  loss         cross_entropy                 of output, target\n"
        "\n"
        "  stateful\n"
        "  truncate  35\n"
        "  generate  stop(2)\n"
    )


def test_shapes_follow_extents_and_directions() -> None:
    text = model_text(model("images"))
    shapes = dict(re.findall(r"^  (\w+) .*? (2 of \[.*?\]|\[[^:]*?\])", text, re.M))
    assert shapes["map_1"] == "[3, 8, 9]"
    assert shapes["pool_1"] == "[3, 4, 4]"
    assert shapes["map_2"] == "[4, 4, 4]"
    assert shapes["pool_2"] == "[4]"
    assert shapes["layer_2_directions"] == "2 of [4]"
    assert shapes["output"] == "2 of [4]"


def test_a_state_comes_from_the_last_step_of_each_direction() -> None:
    arrows = edges(unrolled_model(model("review"), 3))
    assert [source for source, _, target in arrows if target == "pooling"] == [
        "layer_1_1_forward_t3",
        "layer_1_1_backward_t1",
        "layer_1_2_forward_t3",
        "layer_1_2_backward_t1",
    ]
    assert re.search(r"  pooling +last c +\[18\] ", model_text(model("review")))


def test_what_settles_has_no_time() -> None:
    assert "subgraph" in (chart := unrolled_model(model("writer"), 2))
    assert "_t1" in chart
    chart = unrolled_model(model("memory"), 2)
    assert ("layer_1", "next step", "layer_1") in edges(chart)
    assert "  settle  50, tolerance = 0.001\n" in model_text(model("memory"))


def test_an_encoder_and_a_decoder() -> None:
    arrows = edges(model_flowchart(model("translator")))
    assert ("encoder_layer_2_directions", "", "attention_1") in arrows
    assert ("encoder_layer_1_forward", "first state", "layer_1") in arrows
    assert ("encoder_layer_1_backward", "first state", "layer_1") in arrows
    assert ("encoder_layer_2_forward", "", "layer_2_state") in arrows
    assert ("layer_2_state", "first state", "layer_2") in arrows
    assert ("context_speaker", "", "encoder_join_1") in arrows
    assert ("feed", "next step", "layer_1") in arrows


def test_an_encoder_has_steps_of_its_own() -> None:
    chart = unrolled_model(model("translator"), 2)
    arrows = edges(chart)
    assert chart.count("subgraph") == 4
    assert '  subgraph source2["source, t = 2"]' in chart
    attended = [a for a in arrows if a[2].startswith("attention_1_t")]
    assert len(attended) == 2 * (1 + 2)
    assert ("encoder_layer_1_forward_t2", "first state", "layer_1_t1") in arrows
    assert ("encoder_layer_1_backward_t1", "first state", "layer_1_t1") in arrows
    assert ("encoder_layer_1_backward_t2", "", "encoder_layer_1_backward_t1") in arrows
    assert ("feed_t1", "", "layer_1_t2") in arrows


def test_an_input_that_is_repeated_is_there_once() -> None:
    arrows = edges(unrolled_model(model("bell"), 2))
    assert ("input_z", "", "layer_1_t1") in arrows
    assert ("input_z", "", "layer_1_t2") in arrows
