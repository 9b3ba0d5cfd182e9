"""Models are resolved, with every width known."""

from __future__ import annotations

import pytest
from analysis_specs import cell, found, model_spec, program_of

from rnndsl.analysis.model import (
    Embedding,
    Exchange,
    Loss,
    LossKind,
    Model,
    OneHot,
    Pooling,
    Reduction,
    TokenInput,
    VectorInput,
)
from rnndsl.analysis.model_layers import (
    Activation,
    Convolution,
    Dropout,
    Flatten,
    InitialState,
    LinearMap,
    Merge,
    RecurrentLayer,
    Softmax,
    SpatialPool,
    TiedMap,
)
from rnndsl.analysis.models.terms import LAYER_OPTIONS
from rnndsl.analysis.width import Width


def model_of(text: str) -> Model:
    """The only model of a spec in which nothing is wrong."""
    (model,) = program_of(text).models
    return model


def layers_of(body: str) -> list[str]:
    """The recurrent layers as ``name: width below -> width``."""
    model = model_of(model_spec(body))
    return [
        f"{layer.name}: {layer.input_width} -> {layer.output_width}"
        for layer in model.layers
        if isinstance(layer, RecurrentLayer)
    ]


TAGGER = '''from zoo import GRU, LSTM

model Tagger(V, K as classes):
    """Names the entity of every word."""
    input words: tokens(V)
    embed 17, frozen
    layer LSTM(9), bidirectional(concat), dropout(0.3)
    layer parallel(LSTM(5), GRU(7)), skip, state learned
    io many_to_many
    head linear(K)
    loss cross_entropy(ignore = -100, smoothing = 0.1)
'''


def test_whole_model() -> None:
    model = model_of(TAGGER)
    assert (model.name, model.docstring) == (
        "Tagger",
        "Names the entity of every word.",
    )
    assert [(d.name, d.argument) for d in model.dimensions] == [
        ("V", "v_size"),
        ("K", "classes"),
    ]
    (words,) = model.inputs
    assert isinstance(words, TokenInput)
    assert (words.name, words.vocabulary) == ("words", "V")
    assert isinstance(model.front, Embedding)
    assert (model.front.width, model.front.frozen) == (17, True)
    first, second = model.layers
    assert isinstance(first, RecurrentLayer)
    assert isinstance(second, RecurrentLayer)
    (both,) = first.branches
    assert both.forward == both.backward
    assert both.forward is not None
    assert both.forward.sizes == (("I", None), ("H", 9))
    assert both.forward.output_width == Width(number=9)
    assert (both.merge, first.dropout) == (Merge.CONCAT, 0.3)
    assert (first.input_width, first.output_width) == (Width.of(17), Width.of(18))
    assert [b.backward for b in second.branches] == [None, None]
    assert [b.forward.cell for b in second.branches if b.forward] == ["LSTM", "GRU"]
    assert second.skip
    assert second.initial_state is InitialState.LEARNED
    assert second.output_width == Width.of(18 + 5 + 7)
    assert (model.exchange, model.pooling) == (Exchange.MANY_TO_MANY, None)
    (head,) = model.head
    assert isinstance(head, LinearMap)
    assert (head.input_width, head.width) == (Width.of(30), "K")
    assert model.output_width == Width.of("K")
    assert model.loss is not None
    loss = model.loss
    assert (loss.kind, loss.ignore) == (LossKind.CROSS_ENTROPY, -100)
    assert loss.smoothing == 0.1
    assert [c.name for c in model.cells] == ["LSTM", "GRU"]


def test_defaults() -> None:
    model = model_of(model_spec("layer GRU(H)", "M(I, H)", "input x: [I]"))
    (layer,) = model.layers
    assert isinstance(layer, RecurrentLayer)
    assert (layer.dropout, layer.variational, layer.project) == (0, 0, None)
    assert not layer.residual
    assert not layer.skip
    assert layer.initial_state is InitialState.ZERO
    assert (model.front, model.pooling, model.loss, model.head) == (
        None,
        None,
        None,
        (),
    )
    assert model.exchange is Exchange.MANY_TO_MANY
    assert model.output_width == Width.of("H")
    assert model.docstring == ""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("layer GRU(5) x 3", ["I -> 5", "5 -> 5", "5 -> 5"]),
        ("layer GRU(5), skip", ["I -> I + 5"]),
        ("layer GRU(5) x 2, skip", ["I -> I + 5", "I + 5 -> I + 10"]),
        ("layer GRU(I), bidirectional\nlayer GRU(I)", ["I -> 2 * I", "2 * I -> I"]),
        ("layer GRU(I), bidirectional, skip", ["I -> 3 * I"]),
        ("layer GRU(I), bidirectional(mean), residual", ["I -> I"]),
        ("layer GRU(5), bidirectional(concat, LSTM(7))", ["I -> 12"]),
        ("layer GRU(5), bidirectional(LSTM(7))", ["I -> 12"]),
        ("layer GRU(5), reverse, project(I), residual", ["I -> I"]),
        ("layer LSTMP(9, 4)", ["I -> 4"]),
        ("layer LSTMP(9, I), residual", ["I -> I"]),
        ("layer parallel(GRU(5), LSTM(I), GRU(2))", ["I -> I + 7"]),
        ("layer parallel(GRU(5), LSTM(5), merge = sum)", ["I -> 5"]),
        ("layer parallel(GRU(5), LSTM(5), merge = sum), bidirectional", ["I -> 10"]),
        ("map linear(3), tanh\nlayer GRU(3), residual", ["3 -> 3"]),
        ("layer GRU(3)\nmap mlp(8, relu, I)\nlayer GRU(2)", ["I -> 3", "I -> 2"]),
    ],
)
def test_widths(lines: str, expected: list[str]) -> None:
    named = [f"layer_{i}: {text}" for i, text in enumerate(expected, start=1)]
    assert layers_of(lines) == named


def test_width_arithmetic() -> None:
    width = Width.of("K") + Width.of(3) + Width.of("H") + Width.of("K") + Width.of(4)
    assert str(width) == "H + 2 * K + 7"
    assert width.text({"K": "key_size"}) == "H + 2 * key_size + 7"
    assert width.value({"H": 10, "K": 100}) == 217
    assert width == Width.of(7) + Width.of("K") + Width.of("K") + Width.of("H")
    assert (width.dim, Width.of("K").dim, Width.of(3).dim) == (None, "K", 3)
    assert (Width.of("K") + Width.of("K")).dim is None
    assert str(Width()) == "0"


def test_directions() -> None:
    text = "layer GRU(5), reverse\nlayer GRU(5), bidirectional(product, LSTM(5))"
    one, two = model_of(model_spec(text)).layers
    assert isinstance(one, RecurrentLayer)
    assert isinstance(two, RecurrentLayer)
    (reverse,) = one.branches
    assert reverse.forward is None
    assert reverse.backward is not None
    assert reverse.merge is None
    (both,) = two.branches
    assert both.forward is not None
    assert both.backward is not None
    assert (both.forward.cell, both.backward.cell) == ("GRU", "LSTM")
    assert both.merge is Merge.PRODUCT


def test_further_inputs_feed_cells_by_name() -> None:
    first = "input x: [I], dt: [], mask: [4], delta: [4]"
    text = "layer TimeAwareLSTM(5)\nmap linear(4)\nlayer GRUD(3)\nlayer GRU(2)"
    model = model_of(model_spec(text, "M(I)", first))
    uses = [
        layer.branches[0].forward
        for layer in model.layers
        if isinstance(layer, RecurrentLayer)
    ]
    assert [use.extra_inputs for use in uses if use] == [
        ("dt",),
        ("mask", "delta"),
        (),
    ]
    assert [i.shape for i in model.inputs if isinstance(i, VectorInput)] == [
        ("I",),
        (),
        (4,),
        (4,),
    ]


def test_maps() -> None:
    lines = (
        "layer GRU(3)\nmap clamp(-1, 2.5), leaky_relu, elu(0.5), dropout(0.1)\n"
        "dropout 0.2, variational\nhead mlp(8, relu, K), tanh"
    )
    model = model_of(model_spec(lines, "M(I, K)", "input x: [I]"))
    shown = [
        (layer.function, layer.constants)
        for layer in (*model.layers, *model.head)
        if isinstance(layer, Activation)
    ]
    assert shown == [
        ("clamp", (-1, 2.5)),
        ("leaky_relu", (0.01,)),
        ("elu", (0.5,)),
        ("relu", ()),
        ("tanh", ()),
    ]
    drops = [layer for layer in model.layers if isinstance(layer, Dropout)]
    assert [(d.probability, d.variational) for d in drops] == [
        (0.1, False),
        (0.2, True),
    ]
    maps = [layer for layer in model.head if isinstance(layer, LinearMap)]
    assert [(str(m.input_width), m.width) for m in maps] == [("3", 8), ("8", "K")]


@pytest.mark.parametrize("pooling", list(Pooling))
def test_poolings(pooling: Pooling) -> None:
    lines = f"layer GRU(3)\nio many_to_one({pooling.value})"
    model = model_of(model_spec(lines))
    assert (model.exchange, model.pooling) == (Exchange.MANY_TO_ONE, pooling)
    assert model.exchange_span is not None
    assert model.exchange_span.text == f"io many_to_one({pooling.value})"


@pytest.mark.parametrize("kind", list(LossKind))
def test_losses(kind: LossKind) -> None:
    sizes = "(90, 20)" if kind is LossKind.ADAPTIVE_SOFTMAX else ""
    lines = f"layer GRU(3)\nhead linear(2)\nloss {kind.value}{sizes}"
    loss = model_of(model_spec(lines)).loss
    assert isinstance(loss, Loss)
    assert (loss.kind, loss.ignore, loss.smoothing) == (kind, None, 0)


def test_options_of_embeddings() -> None:
    text = "embed 3, padding(2), given\nlayer GRU(3)"
    model = model_of(model_spec(text, "M(V)", "input x: tokens(V)"))
    front = model.front
    assert isinstance(front, Embedding)
    assert (front.frozen, front.given, front.padding) == (False, True, 2)


def test_a_tied_head() -> None:
    text = "embed I\nlayer GRU(I)\nhead tied"
    model = model_of(model_spec(text, "M(V, I)", "input x: tokens(V)"))
    (head,) = model.head
    assert isinstance(head, TiedMap)
    assert (head.input_width, head.width) == (Width.of("I"), "V")
    assert model.output_width == Width.of("V")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("embed 4\nlayer GRU(3)\nhead tied", "RNN088 tied"),
        ("embed 4\nlayer GRU(4)\nhead tied, linear(4), tied", "RNN081 tied"),
        ("embed 4, padding(0)\nlayer GRU(4)\nhead tied", "RNN094 tied"),
        ("embed 4\nlayer GRU(4)\nhead tied(2)", "RNN095 (2)"),
        ("embed 4, given, given\nlayer GRU(4)", "RNN081 given"),
        ("embed 4, padding\nlayer GRU(4)", "RNN095 padding"),
        ("embed 4, padding(V)\nlayer GRU(4)", "RNN095 V"),
        ("embed 4, loose\nlayer GRU(4)", "RNN084 loose"),
    ],
)
def test_wrong_tables_and_ties(lines: str, expected: str) -> None:
    assert found(model_spec(lines, "M(V)", "input x: tokens(V)")) == [expected]


def test_options_of_losses() -> None:
    lines = "layer GRU(3)\nhead linear(4)\nloss "
    loss = model_of(model_spec(f"{lines}ctc(blank = 3, reduction = sum)")).loss
    assert loss is not None
    assert (loss.blank, loss.reduction) == (3, Reduction.SUM)
    assert not loss.zero_infinity
    loss = model_of(model_spec(f"{lines}ctc(zero_infinity, blank = 1)")).loss
    assert loss is not None
    assert loss.zero_infinity
    twice = model_spec(f"{lines}ctc(zero_infinity, zero_infinity)")
    assert found(twice) == ["RNN081 zero_infinity"]
    assert found(model_spec(f"{lines}mse(zero_infinity)")) == ["RNN095 zero_infinity"]
    text = f"{lines}adaptive_softmax(V, 20, 50, ignore = 0)"
    loss = model_of(model_spec(text, "M(I, V)")).loss
    assert loss is not None
    assert (loss.classes, loss.cutoffs, loss.ignore) == ("V", (20, 50), 0)
    assert loss.reduction is Reduction.MEAN


def test_softmax() -> None:
    model = model_of(model_spec("map softmax\nlayer GRU(3)\nhead log_softmax"))
    first, *_ = model.layers
    (last,) = model.head
    assert isinstance(first, Softmax)
    assert isinstance(last, Softmax)
    assert (first.is_log, last.is_log) == (False, True)
    assert model.output_width == Width.of(3)


def test_one_hot() -> None:
    text = "one_hot\nmap linear(3)\nlayer GRU(3)"
    model = model_of(model_spec(text, "M(V)", "input x: tokens(V)"))
    assert isinstance(model.front, OneHot)
    (first, _) = model.layers
    assert isinstance(first, LinearMap)
    assert first.input_width == Width.of("V")


def test_cells_of_the_file_and_under_other_names() -> None:
    text = "from zoo import GRU as Gated\n\n" + cell("")
    text += "\nmodel M(N):\n    input x: [N]\n    layer A(3)\n    layer Gated(N)\n"
    program = program_of(text)
    assert [c.name for c in program.cells] == ["Gated", "A"]
    assert [c.name for c in program.models[0].cells] == ["A", "Gated"]


def test_docstring_of_the_file_describes_its_only_model() -> None:
    text = model_spec("layer GRU(3)")
    assert model_of('"""A model."""\n\n' + text).docstring == "A model."
    assert program_of('"""Two."""\n\n' + text + cell("")).models[0].docstring == ""


@pytest.mark.parametrize("option", LAYER_OPTIONS)
def test_options_that_are_listed_are_known(option: str) -> None:
    assert f"RNN083 {option}" not in found(model_spec(f"layer GRU(3), {option}"))


def map_shapes(first: str, lines: str, head: str) -> list[str]:
    """What each convolution, pool and flattening of a model leaves."""
    shown = []
    for layer in model_of(model_spec(lines, head, first)).layers:
        match layer:
            case Convolution(width=width, extent=extent):
                shown.append(f"{layer.input_width} -> {width} of {extent}")
            case SpatialPool(extent=extent):
                shown.append(f"{extent}")
            case Flatten(width=wide):
                shown.append(f"{wide}")
    return shown


@pytest.mark.parametrize(
    ("first", "maps", "expected"),
    [
        (
            "input x: [C, 29, 30]",
            "conv(16, 3), max_pool(2), conv(C, 1), mean_pool(3), flatten",
            [
                "C -> 16 of (29, 30)",
                "(14, 15)",
                "16 -> C of (14, 15)",
                "(4, 5)",
                "20 * C",
            ],
        ),
        (
            "input x: [C, N, 7]",
            "conv(C, 3), flatten",
            ["C -> C of ('N', 7)", "7 * C * N"],
        ),
        ("input x: [N, C]", "flatten", ["C * N"]),
        ("input x: [C, N, N]", "flatten", ["C * N * N"]),
        ("input x: [C, N]", "conv(N, 3), max_pool", ["C -> N of ('N',)", "()"]),
    ],
)
def test_convolutions(first: str, maps: str, expected: list[str]) -> None:
    lines = f"map {maps}\nlayer GRU(3)"
    assert map_shapes(first, lines, "M(C, N)" if "N" in first else "M(C)") == expected


def test_products_of_widths() -> None:
    three, c, n = Width.of(3), Width.of("C"), Width.of("N")
    width = (n + three) * c * Width.of(2) + c * c
    assert str(width) == "6 * C + C * C + 2 * C * N"
    assert width == c * (Width.of(2) * (three + n) + c)
    assert width.value({"C": 5, "N": 7}) == 5 * (2 * 10 + 5)
    assert (three * c).text({"C": "c_size"}) == "3 * c_size"
    assert (c * Width.of(1)).dim == "C"
    assert (c * n).dim is None
    assert (c * Width()).dim == 0
