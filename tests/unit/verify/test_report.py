"""The report's verdict and its table, character by character."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from rnndsl.verify.report import Result, VerificationReport, render_table
from rnndsl.verify.subject import refused_engines

RESULT = Result(
    name="LSTM",
    subject="layer",
    quantity="forward",
    reference="interpreter",
    engine="fused",
    dtype="float64",
    case="one layer",
    error=3e-16,
    tolerance=1e-12,
    worst="output",
)


def report(*results: Result) -> VerificationReport:
    return VerificationReport(seed=3, results=results)


@pytest.mark.parametrize(
    ("change", "passed"),
    [
        ({}, True),
        ({"error": 1e-12}, True),
        ({"error": 1.1e-12}, False),
        ({"error": math.inf}, False),
        ({"error": math.nan}, False),
        ({"error": 0.0, "problem": "fails"}, False),
    ],
)
def test_a_result_passes_within_its_tolerance(
    change: dict[str, object], passed: bool
) -> None:
    result = replace(RESULT, **change)  # type: ignore[arg-type]
    assert result.passed is passed
    assert report(RESULT, result).passed is passed
    assert report(RESULT, result).failures == (() if passed else (result,))


def test_nothing_compared_is_no_pass() -> None:
    assert not report().passed


def test_the_table_shows_the_worst_case_of_each_line() -> None:
    results = (
        RESULT,
        replace(RESULT, case="ragged", error=7.2e-15, worst="last c"),
        replace(RESULT, quantity="gradients", error=2e-13, worst="weight_hh_l0"),
        replace(RESULT, engine="reference", case="ragged"),
    )
    assert render_table(report(*results)) == (
        "LSTM\n"
        "  what   compared   with         engine     dtype    cases    error  allowed\n"
        "  layer  forward    interpreter  fused      float64      2  7.2e-15    1e-12"
        "  ok\n"
        "  layer  gradients  interpreter  fused      float64      1  2.0e-13    1e-12"
        "  ok\n"
        "  layer  forward    interpreter  reference  float64      1  3.0e-16    1e-12"
        "  ok\n"
        "\n"
        "4 comparisons, all passed (seed 3)\n"
    )


def test_engines_that_did_not_run_are_named() -> None:
    found = VerificationReport(
        seed=3, results=(RESULT,), not_run=(("cuda", "kernels need an NVIDIA GPU"),)
    )
    assert render_table(found).endswith(
        "  ok\n\nnot run: cuda: kernels need an NVIDIA GPU\n"
        "1 comparisons, all passed (seed 3)\n"
    )
    assert refused_engines() == (
        ("cuda", "kernels need an NVIDIA GPU, and tensors are on cpu"),
    )


def test_failures_are_told_apart_and_explained() -> None:
    results = (
        RESULT,
        replace(RESULT, case="ragged", error=0.5, worst="last c"),
        replace(RESULT, name="Odd", problem="fails: RuntimeError: no"),
    )
    assert render_table(report(*results)) == (
        "LSTM\n"
        "  what   compared  with         engine  dtype    cases    error  allowed\n"
        "  layer  forward   interpreter  fused   float64      2  5.0e-01    1e-12"
        "  1 FAILED\n"
        "\n"
        "Odd\n"
        "  what   compared  with         engine  dtype    cases  error  allowed\n"
        "  layer  forward   interpreter  fused   float64      1   none    1e-12"
        "  1 FAILED\n"
        "\n"
        "failed:\n"
        "  LSTM layer, fused, float64, ragged: last c differs from interpreter by "
        "5.0e-01, allowed 1e-12\n"
        "  Odd layer, fused, float64, one layer: fails: RuntimeError: no\n"
        "\n"
        "3 comparisons, 2 failed (seed 3)\n"
    )


def test_what_is_empty_leaves_no_gap_in_a_failure() -> None:
    result = replace(
        RESULT, name="NF", subject="interpreter", engine="", case="", problem="no"
    )
    text = render_table(report(result))
    assert "  NF interpreter, float64: no\n" in text
