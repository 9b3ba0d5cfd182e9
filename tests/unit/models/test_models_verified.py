"""``verify`` on models: right ones pass in every case, and what the report says."""

from __future__ import annotations

import pytest
import torch
from convolution_specs import CONVOLUTIONS
from head_specs import HEADS
from model_cases import CASES, LENGTHS, Case, flat
from model_specs import ALL
from sequence_specs import REPEATED, SEQUENCES
from test_models_random import SEEDS, spec
from torch.testing import assert_close
from verified import verified
from verified_specs import VERIFIED

from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source
from rnndsl.verify import render_table
from rnndsl.verify.models.interpreter import run_model
from rnndsl.verify.models.parameters import Parameters

SPECS = {**ALL, **HEADS, **CONVOLUTIONS, **SEQUENCES, **REPEATED, **VERIFIED}


@pytest.mark.parametrize("name", SPECS)
def test_a_compiled_model_is_what_its_spec_says(name: str) -> None:
    report = verified(SPECS[name])
    assert report.passed, render_table(report)
    engines = {result.engine for result in report.results} - {""}
    assert engines == {"fused", "reference"}
    assert {result.dtype for result in report.results} == {"float32", "float64"}
    assert {result.quantity for result in report.results} == {"forward", "gradients"}


@pytest.mark.parametrize("seed", SEEDS[:6])
def test_random_stacks(seed: int) -> None:
    report = verified(spec(seed), seed=seed)
    assert report.passed, render_table(report)


def test_a_model_that_streams_is_stepped() -> None:
    subjects = {result.subject for result in verified(ALL["stack"]).results}
    assert subjects == {"interpreter", "model", "step"}
    subjects = {result.subject for result in verified(ALL["mixed"]).results}
    assert subjects == {"interpreter", "model"}


def test_the_cases_of_a_model() -> None:
    cases = dict.fromkeys(result.case for result in verified(ALL["last"]).results)
    assert list(cases) == [
        "whole sequences",
        "NaN in another row",
        "a row without a batch",
        "batch first, declared state",
        "training, ragged",
        "padding of NaN, a row of no steps",
        "batch first, ragged, padding of NaN, declared state",
        "mask, NaN where it is false",
        "packed, batch first, declared state",
    ]


def test_a_seed_repeats_a_report() -> None:
    first, again, other = (verified(ALL["mean"], seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first.results != other.results


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_interpreter_is_the_model_written_by_hand(case: Case) -> None:
    _, other = case.pair()
    compilation = Compilation(Source("spec.rnn", ALL[case.name]), None)
    (model,) = compilation.program.models
    names = [dimension.name for dimension in model.dimensions]
    x = case.input()
    with torch.no_grad():
        values = run_model(
            model,
            dict(zip(names, case.sizes, strict=True)),
            Parameters(dict(other.state_dict())),
            {model.inputs[0].name: x},
            tuple(tuple(range(length)) for length in LENGTHS),
            None,
        )
        expected = other(x, lengths=torch.tensor(LENGTHS), state=None)
    wanted = flat(expected)
    assert_close(values.output, wanted[0], rtol=0, atol=1e-12)
    for found, state in zip(values.last.values(), wanted[1:], strict=False):
        assert_close(found, state, rtol=0, atol=1e-12)
