"""The spec generator: valid, repeatable, and in all of the language."""

from __future__ import annotations

import re

import pytest
from spec_generator import generate

from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source, SpecError
from rnndsl.formulas.features import ALL_FUNCTIONS

SEEDS = 400


@pytest.fixture(scope="module")
def specs() -> list[str]:
    return [generate(seed) for seed in range(SEEDS)]


def _is_valid(text: str) -> bool:
    try:
        assert Compilation(Source("fuzz.rnn", text), None).program.cells
    except SpecError:
        return False
    return True


def test_nearly_all_specs_are_valid(specs: list[str]) -> None:
    valid = sum(_is_valid(text) for text in specs)
    assert valid >= 0.99 * SEEDS


def test_a_seed_gives_one_spec(specs: list[str]) -> None:
    assert [generate(seed) for seed in range(20)] == specs[:20]
    assert len(set(specs)) == SEEDS


@pytest.mark.parametrize("function", [f for f in ALL_FUNCTIONS if f != "conv"])
def test_every_function_is_used(specs: list[str], function: str) -> None:
    assert any(f"{function}(" in text for text in specs)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^def \w+\(\w+, \w+, \w+\) = ",
        r"^    const \w+ = ",
        r"^    (input|state) .*\w: \[\]",
        r"^    state .*\w: \[\w+\] = \w*[a-zA-Z]\w*",
        r"^    state .*\w: \[\w*\] = -?[0-9.]+",
        r"^    (param|bias) .*\w: \[\]",
        r"^    param .*\w+\{\w+(,\w+)+\}: \[\w+, \w+\]",
        r"^    param .*\w: \[\d, \w+\]",
        r"^    bias .*: \[\w+\] as \w+",
        r" ~ uniform\(-1 / sqrt\(\w+\), 1 / sqrt\(\w+\)\)",
        r" ~ orthogonal",
        r" = \{-?[0-9.]+, -?[0-9.]+",
        r"^    (\w+)\[t\] = \w+\[t\]$",
        r"^    (\w+)\[t\] = \w+\[t-1\]$",
        r"^    \w+ = \w+$",
        r"^    \w+ = [0-9.]+$",
        r"@ \w+\[t\].* @ \w+\[t-1\]",
        r"@ \([^()]+\)",
        r"\w\[t-[234]\]",
        r"(\w+ @ \w+(\[t\]|\[t-1\])).*\1",
        r"where\([^(]+ (<|<=|>|>=|==|!=) ",
        r"\*\* -1",
        r"\*\* 0\.5",
        r"\*\* 2 \*\* -1",
        r" / ",
        r"--|-\w+\(",
        r"^    output \w+\[t-1\]$",
        r"^    output \w+ @ \w+\[t\]",
    ],
)
def test_every_form_is_written(specs: list[str], pattern: str) -> None:
    assert any(re.search(pattern, text, re.MULTILINE) for text in specs)
