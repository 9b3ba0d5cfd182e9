from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from cli_cases import ELMAN, Run

import rnndsl.verify
from rnndsl.analysis.program import Program
from rnndsl.verify.report import Result, VerificationReport

GOOD = Result(
    name="Elman",
    subject="layer",
    quantity="forward",
    reference="interpreter",
    engine="fused",
    dtype="float64",
    case="plain",
    error=1e-16,
    tolerance=1e-12,
    worst="h",
)
BAD = replace(GOOD, quantity="gradients", error=float("nan"), worst="W")


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> list[Result]:
    """What the verification finds, instead of running it."""
    results = [GOOD]

    def verify(
        program: Program, module: ModuleType, *, seed: int
    ) -> VerificationReport:
        assert program.cells[0].name == "Elman"
        assert isinstance(module.Elman, type)
        return VerificationReport(seed=seed, results=tuple(results))

    monkeypatch.setattr(rnndsl.verify, "verify_program", verify)
    return results


def test_a_module_that_is_right(run: Run, elman: Path) -> None:
    result = run("verify", "elman.rnn", "--seed", "3")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "Elman"
    assert result.stdout.endswith("all passed (seed 3)\n")
    assert [path.name for path in elman.parent.iterdir()] == ["elman.rnn"]


def test_a_module_that_is_wrong(run: Run, elman: Path, results: list[Result]) -> None:
    results.append(BAD)
    result = run("verify", "elman.rnn")
    assert result.exit_code == 1
    assert "1 FAILED" in result.stdout
    assert result.stdout.endswith("2 comparisons, 1 failed (seed 0)\n")


def test_colour(run: Run, elman: Path, results: list[Result]) -> None:
    results.append(BAD)
    text = run("verify", "elman.rnn", "--color", "always").stdout
    assert "\x1b[32mok\x1b[0m\n" in text
    assert "\x1b[31m\x1b[1m1 FAILED\x1b[0m\n" in text


@pytest.mark.usefixtures("results")
def test_several_specs(run: Run, elman: Path) -> None:
    Path("my-elman.rnn").write_text(ELMAN)
    lines = run("verify", "elman.rnn", "my-elman.rnn").stdout.splitlines()
    assert [line for line in lines if line.endswith(".rnn")] == [
        "elman.rnn",
        "my-elman.rnn",
    ]


def test_json(run: Run, elman: Path, results: list[Result]) -> None:
    results.append(BAD)
    result = run("verify", "elman.rnn", "--format", "json", "--seed", "5")
    assert result.exit_code == 1
    (record,) = json.loads(result.stdout)
    assert (record["spec"], record["seed"]) == ("elman.rnn", 5)
    assert record["passed"] is False
    good, bad = record["results"]
    assert (good["error"], good["passed"], good["engine"]) == (1e-16, True, "fused")
    assert (bad["error"], bad["passed"], bad["worst"]) == (None, False, "W")


def test_a_rejected_spec(run: Run, elman: Path) -> None:
    elman.write_text(ELMAN.replace("@ x[t]", "@ y[t]"))
    result = run("verify", "elman.rnn")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error[RNN020]" in result.stderr


MODEL = (
    ELMAN
    + """

model Tagger(V, K):
    input words: tokens(V)
    embed 3
    layer Elman(4), bidirectional
    head linear(K)
    loss cross_entropy
"""
)


def test_a_model(run: Run, folder: Path) -> None:
    (folder / "tagger.rnn").write_text(MODEL)
    result = run("verify", "tagger.rnn", "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    (record,) = json.loads(result.stdout)
    assert record["passed"] is True
    found = {(each["name"], each["subject"]) for each in record["results"]}
    assert found == {
        ("Elman", "cell"),
        ("Elman", "interpreter"),
        ("Elman", "layer"),
        ("Tagger", "interpreter"),
        ("Tagger", "model"),
    }
    text = run("verify", "tagger.rnn").stdout
    assert "\nTagger\n  what " in text
