"""The equations of variants are verified like those of any cell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from variant_specs import module_of, spec

from rnndsl.compiler import open_text
from rnndsl.verify import render_table, verify_program

SPECS = {
    "GRUReset": "GRU(4)\n    reset",
    "LSTMReset": "LSTM(4), state learned\n    reset",
    "LSTMZoneoutResetEmitting": "LSTM(4), zoneout(0.1), emit(f)\n    reset",
    "LSTMRecurrentDropoutZoneout": "LSTM(4), zoneout(0.1), recurrent_dropout(0.2)",
    "MGUZoneout": "MGU(4), zoneout(0.1)",
    "PeepholeLSTMZoneout": "PeepholeLSTM(4), zoneout(c = 0.1)",
    "LSTMEmitting": "LSTM(4), emit(c, f)",
    "RGLRUEmitting": "RGLRU, emit(h, log_a)",
    "MinGRUZoneoutEmitting": "MinGRU(4), emit(z, h), zoneout(0.1)",
    "MGURecurrentDropout": "MGU(4), recurrent_dropout(0.1)",
}

# Computed for all steps at once as well.
SCANS = ("RGLRUEmitting", "MinGRUZoneoutEmitting")


@pytest.mark.parametrize("name", SPECS)
def test_a_variant_is_what_its_equations_say(name: str) -> None:
    cell = SPECS[name].partition("(")[0].partition(",")[0]
    text = f"from zoo import {cell}\n\nmodel M(I):\n    input x: [I]\n"
    text += f"    layer {SPECS[name]}\n"
    program = open_text(text.encode(), "variant.rnn", Path()).program
    report = verify_program(program, module_of(text), seed=3)
    assert report.passed, render_table(report)
    found = [result for result in report.results if result.name == name]
    scan = ["scan"] if name in SCANS else []
    assert {result.engine for result in found} == {"", "fused", "reference", *scan}
    assert {result.subject for result in found} >= {"layer", "cell"}


MODELS = (
    (
        "layer MGU(4), zoneout(0.1), emit(n, h), recurrent_dropout(0.3)",
        "layer LSTM(5), bidirectional, weight_drop(0.2)",
        "io many_to_one(state c)",
        "loss mse",
    ),
    (
        "reset",
        "layer parallel(LSTM(5), GRU(4)), bidirectional, emit(i, n), state learned",
        "io many_to_one(state)",
    ),
    ("reset", "layer GRU(4), emit(z)", "layer LSTM(3), recurrent_dropout(0.2)"),
)


@pytest.mark.parametrize("lines", MODELS)
def test_models_of_variants_are_what_their_specs_say(lines: tuple[str, ...]) -> None:
    text = spec(*lines, imports="GRU, LSTM, MGU")
    program = open_text(text.encode(), "variant.rnn", Path()).program
    program = replace(program, cells=())
    report = verify_program(program, module_of(text), seed=5)
    assert report.passed, render_table(report)
    assert {result.engine for result in report.results} == {"", "fused", "reference"}
