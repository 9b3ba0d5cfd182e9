"""Every cell of the zoo, compiled and verified: values and gradients, all engines."""

from __future__ import annotations

import pytest
import torch
from mutation import load_source
from zoo_programs import zoo_compilation

from rnndsl import zoo
from rnndsl.verify import VerificationReport, render_table, verify_program
from rnndsl.verify.compare import TOLERANCES

TWINS = {
    "Elman": "torch.nn.RNN",
    "ElmanReLU": "torch.nn.RNN, relu",
    "GRU": "torch.nn.GRU",
    "LSTM": "torch.nn.LSTM",
    "LSTMP": "torch.nn.LSTM, proj_size",
}
OF_TORCH = ("Elman", "ElmanReLU", "GRU", "IRNN", "LSTM")
# Their gradients are divided by deviations, some of which are small.
NORMALISED = ("LayerNormLSTM",)
# Computed for all steps at once as well.
SCANS = ("HGRN", "MinGRU", "MinLSTM", "QRNN", "RGLRU")


def verified(name: str, seed: int) -> VerificationReport:
    compilation = zoo_compilation(name)
    module = load_source(compilation.module_text, f"verified_{name.lower()}")
    return verify_program(compilation.program, module, seed=seed)


@pytest.mark.parametrize("name", zoo.cell_names())
def test_the_compiled_cell_is_what_its_equations_say(name: str) -> None:
    report = verified(name, seed=0)
    assert report.passed, render_table(report)
    engines = {"", "fused", "reference"}
    engines |= {"vendor"} if name in OF_TORCH else set()
    engines |= {"scan"} if name in SCANS else set()
    assert {result.engine for result in report.results} == engines
    assert {result.dtype for result in report.results} == {"float32", "float64"}
    allowed = {result.tolerance for result in report.results}
    if name in NORMALISED:
        assert max(allowed) <= max(1e-6, 4 * TOLERANCES[torch.float32])
    else:
        assert allowed == {*TOLERANCES.values(), 1e-6}
    references = {result.reference for result in report.results}
    assert references == {
        "interpreter",
        "finite differences",
        *([TWINS[name]] if name in TWINS else []),
    }


def test_the_cases_of_a_layer_of_torch_are_all_there() -> None:
    cases = dict.fromkeys(result.case for result in verified("LSTM", seed=1).results)
    assert list(cases) == [
        "one layer",
        "ragged",
        "declared state, constant inputs",
        "both directions, ragged",
        "without bias",
        "two layers",
        "two layers, both directions, ragged",
    ]


def test_a_seed_repeats_a_report() -> None:
    first, again, other = (verified("MGU", seed) for seed in (3, 3, 4))
    assert first == again
    assert first.results != other.results
