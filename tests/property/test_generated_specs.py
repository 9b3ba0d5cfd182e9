"""Random specs: the compiler's output against autograd and the interpreter.

``RNNDSL_FUZZ_SEEDS=2000 pytest tests/property`` runs more of them.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from differential import DisagreementError, check_text
from shrinking import shrink
from spec_generator import generate

from rnndsl import SpecError, compile_text
from rnndsl.diagnostics import Report, Source
from rnndsl.syntax.format import format_source
from rnndsl.syntax.parse import parse

SEEDS = range(int(os.environ.get("RNNDSL_FUZZ_SEEDS", "60")))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _disagrees(text: str, seed: int) -> bool:
    try:
        check_text(text, seed)
    except SpecError:
        return False
    except DisagreementError:
        return True
    return False


def test_engines_and_interpreter_agree() -> None:
    rejected = 0
    for seed in SEEDS:
        text = generate(seed)
        try:
            check_text(text, seed)
        except SpecError:
            rejected += 1
        except DisagreementError as error:
            small = shrink(text, lambda part, seed=seed: _disagrees(part, seed))
            pytest.fail(f"seed {seed}: {error}\n\n{small}")
    assert rejected <= 0.05 * len(SEEDS)


def test_generated_modules_are_clean_and_repeatable(tmp_path: Path) -> None:
    for seed in SEEDS:
        text = generate(seed)
        module = compile_text(text, "fuzz.rnn")
        assert module == compile_text(text, "fuzz.rnn")
        (tmp_path / f"seed_{seed}.py").write_text(module, encoding="utf-8")
    # A spec may well compare a value with itself; that is for the author to judge.
    for command in (["format", "--check"], ["check", "--ignore", "PLR0124"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "-q", "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_formatting_keeps_the_meaning() -> None:
    for seed in SEEDS:
        source = Source("fuzz.rnn", generate(seed))
        report = Report()
        formatted = format_source(source, report)
        assert formatted is not None
        again = Source("fuzz.rnn", formatted)
        assert parse(again, report) == parse(source, report)
        assert format_source(again, report) == formatted
