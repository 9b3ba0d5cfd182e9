"""What may stand in the parentheses of ``one_to_one``."""

from __future__ import annotations

import pytest
from analysis_specs import found, model_spec, program_of, report_on

from rnndsl.analysis.model import Settling

LINES = {
    "once": ("io one_to_one(settle = 1)", []),
    "tolerance first": ("io one_to_one(tolerance = 0, settle = 5)", []),
    "no name": ("io one_to_one(100)", ["RNN095 100"]),
    "nothing": ("io one_to_one()", ["RNN095 ()"]),
    "tolerance alone": (
        "io one_to_one(tolerance = 0.1)",
        ["RNN095 (tolerance = 0.1)"],
    ),
    "no steps": ("io one_to_one(settle = 0)", ["RNN095 0"]),
    "half a step": ("io one_to_one(settle = 2.5)", ["RNN095 2.5"]),
    "a word": ("io one_to_one(settle = always)", ["RNN095 always"]),
    "negative": ("io one_to_one(settle = 9, tolerance = -1)", ["RNN095 -1"]),
    "twice": ("io one_to_one(settle = 9, settle = 8)", ["RNN081 settle"]),
    "misspelt": ("io one_to_one(setle = 9)", ["RNN084 setle"]),
    "a sequence": (
        "io many_to_one(settle = 9)",
        ["RNN095 settle = 9"],
    ),
    "weights that change": (
        "io one_to_one(settle = 9)\nlayer GRU(4), weight_drop(0.5)",
        ["RNN094 weight_drop"],
    ),
}


@pytest.mark.parametrize(("lines", "expected"), LINES.values(), ids=LINES)
def test_lines(lines: str, expected: list[str]) -> None:
    assert found(model_spec(f"layer GRU(3)\n{lines}")) == expected


def test_what_is_resolved() -> None:
    spec = model_spec("layer GRU(3)\nio one_to_one(settle = 20, tolerance = 1e-3)")
    (model,) = program_of(spec).models
    assert model.settling == Settling(span=model.span, steps=20, tolerance=0.001)
    (model,) = program_of(model_spec("layer GRU(3)\nio one_to_one")).models
    assert model.settling is None


def test_advice() -> None:
    spec = model_spec("layer GRU(3)\nio one_to_one(setle = 9)")
    assert [d.help for d in report_on(spec)] == ["did you mean `settle`?"]
    (diagnostic,) = report_on(model_spec("layer GRU(3)\nio one_to_one(7)"))
    assert diagnostic.message == (
        "`one_to_one` is written `io one_to_one(settle = 100, tolerance = 0.001)`"
    )
