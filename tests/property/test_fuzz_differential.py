"""Generated specs, run three ways with the same result.

``RNNDSL_FUZZ_SEEDS=5000 pytest tests/property`` tries more of them. A failure prints
the smallest spec that fails alike; it belongs into ``regressions``.
"""

from __future__ import annotations

import os
import traceback
from pathlib import Path

import pytest
import torch
from differential import check_text
from shrinking import shrink
from spec_generator import generate

from rnndsl.diagnostics import SpecError

SEEDS = int(os.environ.get("RNNDSL_FUZZ_SEEDS", "120"))
CHUNK = 10
REGRESSIONS = sorted((Path(__file__).parent / "regressions").glob("*.rnn"))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """The tensors are too small for more."""
    torch.set_num_threads(1)


def _failure(text: str, seed: int) -> str | None:
    """What goes wrong, and where; None if nothing does or the spec is rejected."""
    try:
        check_text(text, seed)
    except SpecError:
        return None
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {place.name}"
    return None


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_three_ways_to_run_a_spec_agree(first: int) -> None:
    for seed in range(first, min(first + CHUNK, SEEDS)):
        text = generate(seed)
        failure = _failure(text, seed)
        if failure is not None:
            small = shrink(text, lambda t: _failure(t, seed) == failure)
            pytest.fail(f"seed {seed}: {failure}\n\n{small}")


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.stem)
def test_what_once_went_wrong_stays_right(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for seed in range(4):
        check_text(text, seed)


def test_a_wrong_derivative_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parent / "regressions" / "memory.rnn").read_text("utf-8")
    check_text(text, 0)
    import differential

    compiled = differential.compiled

    def spoilt(source: str) -> str:
        assert "aten.tanh_backward" in source
        return source.replace("aten.tanh_backward", "aten.sigmoid_backward")

    monkeypatch.setattr(differential, "compiled", lambda t: spoilt(compiled(t)))
    with pytest.raises(differential.DisagreementError, match="gradient of x is off"):
        check_text(text, 0)
