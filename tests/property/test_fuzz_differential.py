"""Generated specs, run three ways with the same result.

``RNNDSL_FUZZ_SEEDS=5000 pytest tests/property`` tries more of them. A failure prints
the smallest spec that fails alike; it belongs into ``regressions``.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from differential import DisagreementError, check_module, check_text
from shrinking import shrink
from spec_generator import generate

from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source, SpecError

SEEDS = int(os.environ.get("RNNDSL_FUZZ_SEEDS", "240"))
CHUNK = 10
REGRESSIONS = sorted((Path(__file__).parent / "regressions").glob("*.rnn"))


# What a wrong compiler or a wrong module can raise.
_RAISED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """The tensors are too small for more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _failure(text: str, seed: int) -> str | None:
    """What goes wrong, and where; None if nothing does or the spec is rejected."""
    try:
        check_text(text, seed)
    except SpecError:
        return None
    except _RAISED as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {place.name}"
    return None


def _smallest(seed: int, failure: str) -> str:
    return shrink(generate(seed), lambda text: _failure(text, seed) == failure)


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_three_ways_to_run_a_spec_agree(first: int) -> None:
    for seed in range(first, min(first + CHUNK, SEEDS)):
        failure = _failure(generate(seed), seed)
        if failure is not None:
            pytest.fail(f"seed {seed}: {failure}\n\n{_smallest(seed, failure)}")


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.stem)
def test_what_once_went_wrong_stays_right(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for seed in range(4):
        check_text(text, seed)


def test_a_wrong_derivative_is_noticed() -> None:
    text = (REGRESSIONS[0].parent / "equal_gradients.rnn").read_text(encoding="utf-8")
    compilation = Compilation(Source("fuzz.rnn", text), None)
    right = compilation.module_text
    wrong = right.replace("aten.tanh_backward", "aten.sigmoid_backward")
    assert wrong != right
    check_module(right, compilation.program, 0)
    with pytest.raises(DisagreementError, match=r"fused, .*: gradient of W is off"):
        check_module(wrong, compilation.program, 0)
