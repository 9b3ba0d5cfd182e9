"""The cost of models: formulas against what the generated model has."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import sympy

from rnndsl.compiler import Compilation, open_text
from rnndsl.plan.cost import cost_of
from rnndsl.plan.models.cost import StageCost, stages_of
from rnndsl.plan.models.show_cost import model_cost_text
from rnndsl.plan.sizes import dimension

SIZES = {"V": 14, "K": 5, "H": 7, "I": 3, "C": 2, "F": 6}
MODELS = {
    "tagger": """
    input words: tokens(V)
    embed 6
    layer LSTM(H), bidirectional(concat), dropout(0.3), state learned
    layer parallel(LSTM(4), GRU(4), LSTM(4), merge = mean), skip
    layer GRU(5), bidirectional(sum, LSTM(5)), project(4)
    layer GRU(4) x 3, shared, residual
    head mlp(8, relu, K)
    loss crf
""",
    "pooled": """
    input x: [I], dt: []
    map linear(H), tanh, conv_time(4, 3)
    layer TimeAwareLSTM(5), reverse
    io many_to_one(attention)
    head linear(K)
    loss cross_entropy
""",
    "conditioned": """
    context image: [F], genre: tokens(4)
    input words: tokens(V)
    embed 5
    map join(image), join(genre, 3)
    layer LSTM(H), state from image(tanh), bidirectional
    layer GRU(5), state from genre
    head join(image), linear(5), tied
    loss cross_entropy
""",
    "translator": """
    context guide: [F]
    encoder:
        input words: tokens(V)
        embed 5, padding(0)
        map join(guide)
        layer LSTM(H), bidirectional
        layer GRU(4)
    decoder:
        input labels: tokens(K)
        embed 3
        layer LSTM(6), state from encoder(tanh)
        attend encoder, additive(8)
        map linear(4), tanh
        attend encoder, general
        feed
        head mlp(9, relu, K)
    loss cross_entropy
""",
    "picture": """
    input x: [C, 8, 9]
    map conv(3, 3), relu, max_pool(2), conv(4, 1), flatten
    layer GRU(16)
    loss adaptive_softmax(V, 3, 9)
""",
}


def compiled(name: str) -> Compilation:
    body = MODELS[name]
    names = [size for size in SIZES if re.search(rf"\b{size}\b", body)]
    text = "from zoo import GRU, LSTM, TimeAwareLSTM\n\n"
    text += f"model M({', '.join(names)}):{body}"
    return open_text(text.encode(), "model.rnn", Path())


def stages(name: str) -> dict[str, StageCost]:
    compilation = compiled(name)
    costs = {plan.graph.cell.name: cost_of(plan) for plan in compilation.plans}
    found = stages_of(compilation.program.models[0], costs)
    return {stage.name: stage for stage in found}


def value(formula: sympy.Expr) -> int:
    return int(formula.subs({dimension(n): size for n, size in SIZES.items()}))


@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_those_of_the_module(name: str) -> None:
    compilation = compiled(name)
    module = ModuleType("costly_model")
    sys.modules[module.__name__] = module
    exec(compile(compilation.module_text, module.__name__, "exec"), vars(module))
    (model,) = compilation.program.models
    built = module.M(**{d.argument: SIZES[d.name] for d in model.dimensions})
    total = sum(value(stage.parameters) for stage in stages(name).values())
    assert total == sum(parameter.numel() for parameter in built.parameters())


def test_operations_of_stages() -> None:
    found = stages("pooled")
    assert value(found["map_1"].forward) == 2 * 3 * 7 + 7
    assert value(found["map_1"].backward) == 4 * 3 * 7 + 7
    assert value(found["map_1"].kept) == 3
    assert value(found["tanh"].forward) == 7
    assert value(found["map_2"].forward) == 2 * 7 * 4 * 3 + 4
    assert value(found["head"].forward) == 2 * 5 * 5 + 5
    assert [name for name, stage in found.items() if stage.is_once] == ["head"]
    # 8 * H * I + 10 * H**2 products, 13 * H + 2 functions, as the cell says.
    cell = found["layer_1"]
    assert value(cell.forward) == 8 * 5 * 4 + 10 * 5**2 + 13 * 5 + 2


def test_images_cost_their_places() -> None:
    found = stages("picture")
    assert value(found["map_1"].forward) == 8 * 9 * (2 * 3 * 2 * 9 + 3)
    assert value(found["relu"].forward) == 8 * 9 * 3
    assert value(found["map_2"].forward) == 4 * 4 * (2 * 4 * 3 + 4)


def test_shared_weights_are_counted_once() -> None:
    found = stages("tagger")
    assert value(found["layer_4"].parameters) > 0
    assert value(found["layer_5"].parameters) == 0
    assert found["layer_5"].forward == found["layer_4"].forward


def test_the_table() -> None:
    compilation = compiled("picture")
    costs = {plan.graph.cell.name: cost_of(plan) for plan in compilation.plans}
    text = model_cost_text(compilation.program.models[0], costs)
    assert text.startswith(
        "model M(V, C)\n"
        "The last column is for V = 265, C = 256, T = 100 steps, B = 32 rows.\n"
    )
    assert "  map_1             27*C + 3" in text
    assert "Symbol" not in text
