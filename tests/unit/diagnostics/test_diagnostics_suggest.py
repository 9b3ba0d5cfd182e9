"""Did-you-mean, measured on every slip of one key."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator, Sequence

import pytest

from rnndsl import zoo
from rnndsl.diagnostics.suggest import suggest
from rnndsl.formulas.features import ALL_FUNCTIONS

LETTERS = string.ascii_lowercase + "_"
NAMES = {"zoo": zoo.cell_names(), "functions": tuple(ALL_FUNCTIONS)}


def slips(name: str, rng: random.Random) -> Iterator[str]:
    """Each place with a letter lost, doubled, swapped, replaced, and one put before."""
    for i, char in enumerate(name):
        yield name[:i] + name[i + 1 :]
        yield name[:i] + char + name[i:]
        yield name[:i] + rng.choice(LETTERS) + name[i:]
        yield name[:i] + rng.choice(LETTERS) + name[i + 1 :]
        if i + 1 < len(name):
            yield name[:i] + name[i + 1] + char + name[i + 2 :]


def right(names: Sequence[str], seed: int) -> float:
    rng = random.Random(seed)
    typed = [
        (slip, name)
        for name in names
        for slip in slips(name, rng)
        if slip and slip not in names
    ]
    return sum(suggest(slip, names) == name for slip, name in typed) / len(typed)


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nine_of_ten_slips_are_understood(kind: str, seed: int) -> None:
    assert right(NAMES[kind], seed) >= 0.9


@pytest.mark.parametrize(
    ("typed", "names", "meant"),
    [
        ("sigmod", ("sigmoid", "sign", "sin"), "sigmoid"),
        ("thanh", ("sinh", "tanh"), "tanh"),
        ("lstm", ("GRU", "LSTM"), "LSTM"),
        ("Elmann", ("Elman", "ElmanReLU"), "Elman"),
        ("W_j", ("W_i", "V_j"), "W_i"),
        ("ab", ("ba", "cb"), "ba"),
        ("Wf", ("W", "f", "W_f", "W_i"), "W_f"),
        ("hid", ("hit", "h_id"), "h_id"),
        ("q", ("h", "c", "x"), None),
        ("zzzz", ("sigmoid", "tanh"), None),
        ("tanh", ("tanh",), None),
        ("", ("a",), None),
        ("n" * 100, ("n" * 99,), None),
        ("a", (), None),
    ],
)
def test_suggestions(typed: str, names: tuple[str, ...], meant: str | None) -> None:
    assert suggest(typed, names) == meant


def test_first_of_equals() -> None:
    assert suggest("cat", ("car", "cap")) == "car"
    assert suggest("cat", ("cap", "car")) == "cap"
