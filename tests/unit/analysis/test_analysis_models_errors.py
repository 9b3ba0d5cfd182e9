"""Mistakes in models: names that are taken, one error for each, any text answered."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from analysis_specs import cell, found, model_spec, program_of, report_on

import rnndsl.runtime
from rnndsl.analysis.reserved import (
    CELL_NAMES,
    MODEL_ATTRIBUTES,
    MODULE_ATTRIBUTES,
)
from rnndsl.analysis.resolve import resolve
from rnndsl.diagnostics import Report
from rnndsl.diagnostics.render import render_text
from rnndsl.syntax.parse import parse
from rnndsl.syntax.read import source_of


def test_arguments_cannot_be_what_a_model_has() -> None:
    own = {n for n in dir(rnndsl.runtime.RecurrentModel) if not n.startswith("_")}
    assert own - set(MODULE_ATTRIBUTES) <= set(MODEL_ATTRIBUTES)
    assert list(MODEL_ATTRIBUTES) == sorted(MODEL_ATTRIBUTES)
    assert set(rnndsl.runtime.__all__) <= set(CELL_NAMES)
    lines = "layer GRU(K)"
    for name in ("loss", "head", "forward", "engine"):
        text = model_spec(lines, f"M(I, K as {name})", "input x: [I]")
        assert found(text) == [f"RNN023 {name}"]
    for name in ("dtype", "batch_first"):
        text = model_spec(lines, f"M(I, K as {name})", "input x: [I]")
        assert found(text) == [f"RNN058 {name}"]
    assert found(model_spec(lines, "M(I, K as dropout)", "input x: [I]")) == []


NAMES = {
    "model and cell": ("GRU(I)", "input x: [I]", "layer GRU(3)", ["RNN022 GRU"]),
    "class of the step": (
        "GRUCell(I)",
        "input x: [I]",
        "layer GRU(3)",
        ["RNN068 GRUCell"],
    ),
    "case": ("Gru(I)", "input x: [I]", "layer GRU(3)", ["RNN068 Gru"]),
    "runtime": (
        "RecurrentModel(I)",
        "input x: [I]",
        "layer GRU(3)",
        ["RNN023 RecurrentModel"],
    ),
    "dimension twice": ("M(I, I)", "input x: [I]", "layer GRU(3)", ["RNN022 I"]),
    "one argument": (
        "M(K, k)",
        "input x: [K]",
        "layer GRU(k)",
        ["RNN058 k"],
    ),
    "argument twice": (
        "M(I, K as input_size)",
        "input x: [I]",
        "layer GRU(K)",
        ["RNN058 input_size"],
    ),
    "dimension": ("M(I, concat)", "input x: [I]", "layer GRU(concat)", []),
    "function": ("M(I, tanh)", "input x: [I]", "layer GRU(3)", ["RNN023 tanh"]),
    "input twice": (
        "M(I)",
        "input x: [I], x: [I]",
        "layer GRU(3)",
        ["RNN022 x"],
    ),
    "input and dimension": ("M(I)", "input I: [I]", "layer GRU(3)", ["RNN022 I"]),
    "argument of forward": (
        "M(I)",
        "input lengths: [I]",
        "layer GRU(3)",
        ["RNN023 lengths"],
    ),
    "keyword": ("M(I)", "input lambda: [I]", "layer GRU(3)", ["RNN023 lambda"]),
    "unknown dimension": ("M(I)", "input x: [J]", "layer GRU(3)", ["RNN056 J"]),
    "no dimension": ("M()", "input x: [J]", "layer GRU(3)", ["RNN056 J"]),
    "unknown size": ("M(I)", "input x: [I]", "layer GRU(Q)", ["RNN056 Q"]),
    "size of an input": ("M(I)", "input x: [I]", "layer GRU(x)", ["RNN056 x"]),
    "too large": (
        "M(I)",
        "input x: [I]",
        "layer GRU(9999999999)",
        ["RNN047 9999999999"],
    ),
    "matrix": (
        "M(I)",
        "input x: [I, I, 3, I]",
        "layer GRU(3)",
        ["RNN072 [I, I, 3, I]"],
    ),
    "unused input": (
        "M(I)",
        "input x: [I], u: [3]",
        "layer GRU(3)",
        ["RNN024 u"],
    ),
}


@pytest.mark.parametrize(
    ("head", "first", "lines", "expected"), NAMES.values(), ids=NAMES.keys()
)
def test_names(head: str, first: str, lines: str, expected: list[str]) -> None:
    assert found(model_spec(lines, head, first)) == expected


RESIDUAL = "layer parallel(LSTM(64), GRU(64)), residual"


def test_what_to_do_about_a_residual_that_does_not_fit() -> None:
    lines = f"embed 64\nlayer LSTM(128), bidirectional\n{RESIDUAL}"
    words = "input words: tokens(V)"
    (diagnostic,) = report_on(model_spec(lines, "M(V)", words))
    assert (diagnostic.code, diagnostic.span.text) == ("RNN088", "residual")
    assert diagnostic.label == "the input has width 256, the output 128"
    assert diagnostic.help == (
        "add `project(256)`, or write `skip` to put it beside the output"
    )
    for cure in (f"{RESIDUAL}, project(256)", RESIDUAL.replace("residual", "skip")):
        assert found(model_spec(lines.replace(RESIDUAL, cure), "M(V)", words)) == []


CASCADES = {
    "unknown cell": ("layer GRV(3)\nlayer GRU(3), residual\nhead linear(2)", ["GRV"]),
    "unknown size": ("layer GRU(Z) x 3, residual\nlayer GRU(3), residual", ["Z"]),
    "misspelt input": ("inptu x\nlayer GRU(3)", ["inptu"]),
    "misfit of copies": ("layer GRU(3) x 9, residual", ["residual"]),
    "map": ("map linear(Z), tanh\nlayer GRU(3), residual", ["Z"]),
    "head": ("layer GRU(3)\nhead linear(Z)\nloss cross_entropy", ["Z"]),
    "after a good map": (
        "layer GRV(3)\nmap linear(4)\nlayer GRU(3), residual",
        ["GRV", "residual"],
    ),
}


@pytest.mark.parametrize(("lines", "expected"), CASCADES.values(), ids=CASCADES.keys())
def test_one_mistake_is_one_error(lines: str, expected: list[str]) -> None:
    first = "" if "inptu" in lines else "input x: [I]"
    text = model_spec(lines, "M(I)", first or "dropout 0.1")
    assert [place.split(" ", 1)[1] for place in found(text)] == expected


def test_a_wrong_cell_is_reported_once() -> None:
    text = cell("u = nowhere") + "\nmodel M(I):\n    input x: [I]\n    layer A(3)\n"
    assert found(text) == ["RNN020 nowhere"]


def test_models_cannot_be_imported(tmp_path: Path) -> None:
    text = model_spec("layer GRU(3)")
    (tmp_path / "models.rnn").write_text(text, encoding="utf-8")
    (diagnostic,) = report_on('from "models.rnn" import M\n', tmp_path)
    assert (diagnostic.code, diagnostic.label) == (
        "RNN066",
        "a model, not a cell or a function",
    )
    assert program_of('from "models.rnn" import GRU\n', tmp_path).models == ()


BLOCK = re.compile(r"^```rnn\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LANGUAGE = (Path(__file__).parents[3] / "docs" / "language.md").read_text("utf-8")
BLOCKS = [text for text in BLOCK.findall(LANGUAGE) if "model " in text]


@pytest.mark.parametrize("text", BLOCKS)
def test_models_of_the_reference_resolve(text: str) -> None:
    assert program_of(text).models


WORD = re.compile(r"[A-Za-z_]\w*|[0-9.]+|\n *|[ \t]+|.", re.DOTALL)


@pytest.mark.parametrize("seed", range(8))
def test_models_with_words_exchanged(seed: int) -> None:
    """Always a program or an error, nothing else."""
    rng = random.Random(seed)
    good = 0
    for _ in range(80):
        text = rng.choice(BLOCKS)
        words = WORD.findall(text)
        solid = [i for i, word in enumerate(words) if word[0].isalnum()]
        for _ in range(rng.randint(1, 3)):
            words[rng.choice(solid)] = words[rng.choice(solid)]
        report = Report()
        source = source_of("spec.rnn", "".join(words))
        file = parse(source, report)
        if file is None:
            continue
        program = resolve(file, source, None, report)
        assert (program is None) is report.has_errors
        good += program is not None
        for diagnostic in report.diagnostics:
            spans = [diagnostic.span, *(label.span for label in diagnostic.labels)]
            assert all(0 <= s.start <= s.end <= len(s.source.text) for s in spans)
        assert render_text(report.diagnostics, colour=True) or program
    assert good > 0


@pytest.mark.parametrize(
    ("cell", "first", "lines", "advice"),
    [
        (
            "GRU",
            "input x: [6]",
            "layer GRU(5), residual, project(4)",
            "write `project(6)`, or write `skip` to put it beside the output",
        ),
        (
            "ConvLSTM",
            "input x: [1, 4, 3]",
            "layer ConvLSTM(2, 4, 3), residual\nmap flatten",
            "write `skip` to put it beside the output",
        ),
    ],
)
def test_a_residual_beside_a_projection_and_of_images(
    cell: str, first: str, lines: str, advice: str
) -> None:
    spec = model_spec(lines, "M()", first).replace("import ", f"import {cell}, ", 1)
    (diagnostic,) = (d for d in report_on(spec) if d.code == "RNN088")
    assert diagnostic.help == advice


@pytest.mark.parametrize(
    ("lines", "advice"),
    [
        ("layer paralel(GRU(3), GRU(3))", "did you mean `parallel`?"),
        ("layer LSTTM(3)", "did you mean `LSTM`?"),
        ("layer Elmann(3)", "did you mean `Elman`? Import it: `from zoo import Elman`"),
        ("layer GRU(3)\nhead mlp(5, rleu, 2)", "did you mean `relu`?"),
        ("layer GRU(3)\nhead mlp(5, J, 2)", "add it to the head: `(I, J)`"),
        ("layer GRU(rel)", "add it to the head: `(I, rel)`"),
    ],
)
def test_words_one_key_away(lines: str, advice: str) -> None:
    (diagnostic,) = report_on(model_spec(lines))
    assert diagnostic.help == advice
