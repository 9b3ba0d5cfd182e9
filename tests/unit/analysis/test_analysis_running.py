"""Lines that say how a model is run."""

from __future__ import annotations

import pytest
from analysis_specs import found, model_spec, program_of, report_on

from rnndsl.analysis.model import Masking, Model


def model(lines: str) -> Model:
    (resolved,) = program_of(model_spec(lines)).models
    return resolved


def test_stateful_and_truncated() -> None:
    plain = model("layer GRU(3)")
    assert (plain.stateful, plain.truncation) == (None, None)
    both = model("truncate 35\nlayer GRU(3)\nstateful")
    assert both.stateful is not None
    assert both.truncation is not None
    assert (both.stateful.span.text, both.truncation.steps) == ("stateful", 35)
    once = model("layer GRU(3)\nio one_to_one\nstateful")
    assert once.stateful is not None


@pytest.mark.parametrize("masking", list(Masking))
def test_maskings(masking: Masking) -> None:
    lines = f"layer GRU(3)\nio many_to_many(mask = {masking.value})"
    assert model(lines).masking is masking
    assert model("layer GRU(3)\nio many_to_many").masking is Masking.ZERO


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("stateful 3", ["RNN095 3"]),
        ("stateful yes, no", ["RNN095 yes"]),
        ("truncate", ["RNN095 truncate"]),
        ("truncate 0", ["RNN095 0"]),
        ("truncate 2.5", ["RNN095 2.5"]),
        ("truncate -2", ["RNN095 -2"]),
        ("truncate I", ["RNN095 I"]),
        ("truncate 3, 4", ["RNN095 4"]),
        ("truncate 3\ntruncate 4", ["RNN081 truncate"]),
        ("io many_to_many()", ["RNN095 ()"]),
        ("io many_to_many(hold)", ["RNN095 (hold)"]),
        ("io many_to_many(mask = zero, mask = hold)", ["RNN095 (mask = zero, mask ="]),
        ("io many_to_many(mask = held)", ["RNN084 held"]),
        ("io many_to_many(mask = 3)", ["RNN084 3"]),
        ("io many_to_many(masks = hold)", ["RNN084 masks"]),
        ("io many_to_one(mask = hold)", ["RNN095 mask = hold"]),
    ],
)
def test_what_cannot_be_read(lines: str, expected: list[str]) -> None:
    results = found(model_spec(f"layer GRU(3)\n{lines}"))
    assert len(results) == len(expected)
    for one, start in zip(results, expected, strict=True):
        assert one.startswith(start)


@pytest.mark.parametrize("word", ["stateful", "truncate"])
@pytest.mark.parametrize("option", ["bidirectional", "reverse"])
def test_what_runs_in_pieces_runs_forward(word: str, option: str) -> None:
    line = "stateful" if word == "stateful" else "truncate 4"
    spec = model_spec(f"{line}\nlayer GRU(3), dropout(0.1), {option}\nlayer GRU(2)")
    (diagnostic,) = report_on(spec)
    assert (diagnostic.code, diagnostic.span.text) == ("RNN094", word)
    assert diagnostic.message == f"`{word}` and `{option}` exclude one another"
    assert [label.span.text for label in diagnostic.labels] == [option]
    assert diagnostic.label == "what runs backward begins at the end of the sequence"


@pytest.mark.parametrize("option", ["residual", "skip"])
def test_directions_apart_have_no_common_input(option: str) -> None:
    spec = model_spec(f"layer GRU(I), {option}, bidirectional(separate)")
    (diagnostic,) = report_on(spec)
    assert (diagnostic.code, diagnostic.span.text) == ("RNN094", option)
    assert [label.span.text for label in diagnostic.labels] == ["bidirectional"]


@pytest.mark.parametrize("loss", ["crf", "ctc"])
def test_losses_of_sequences_read_one_direction(loss: str) -> None:
    spec = model_spec(f"layer GRU(9), bidirectional(separate)\nloss {loss}")
    (diagnostic,) = report_on(spec)
    assert (diagnostic.code, diagnostic.span.text) == ("RNN094", f"loss {loss}")
    assert [label.span.text for label in diagnostic.labels] == ["bidirectional"]


def test_convolutions_over_time_read_one_direction() -> None:
    lines = "layer GRU(9), bidirectional(separate)"
    assert found(model_spec(f"{lines}\nmap conv_time(4, 3)")) == [
        "RNN151 conv_time(4, 3)"
    ]
    assert found(model_spec(f"{lines}\nhead conv_time(4, 3)")) == [
        "RNN151 conv_time(4, 3)"
    ]


def test_directions_apart_have_equal_widths() -> None:
    spec = model_spec("layer GRU(9), bidirectional(separate, LSTM(8))")
    (diagnostic,) = report_on(spec)
    assert diagnostic.code == "RNN088"
    assert diagnostic.message == "separate directions need equal widths"
    spec = model_spec("layer parallel(GRU(9), LSTM(9), merge = separate)")
    assert found(spec) == ["RNN084 separate"]


def test_one_layer_shares_nothing() -> None:
    assert found(model_spec("layer GRU(I), shared")) == ["RNN095 shared"]
    shared = model("layer GRU(I) x 3, shared\nlayer GRU(I) x 2")
    names = [getattr(layer, "shares", None) for layer in shared.layers]
    assert names == [None, "layer_1", "layer_1", None, None]


def test_one_step_is_not_cut() -> None:
    spec = model_spec("layer GRU(3)\nio one_to_one\ntruncate 4")
    (diagnostic,) = report_on(spec)
    assert (diagnostic.code, diagnostic.span.text) == ("RNN094", "truncate")
    assert [label.span.text for label in diagnostic.labels] == ["one_to_one"]
