"""Modules of generated specs are laid out as ruff would, and the same each time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from spec_generator import generate

from rnndsl.compiler import compile_text
from rnndsl.diagnostics import SpecError

# A spec may compare a value with itself; its module then does so too.
_ALLOWED = "PLR0124"
REGRESSIONS = sorted((Path(__file__).parent / "regressions").glob("*.rnn"))


def _modules() -> dict[str, str]:
    specs = {f"seed_{seed}": generate(seed) for seed in range(1000, 1080)}
    specs |= {path.stem: path.read_text(encoding="utf-8") for path in REGRESSIONS}
    modules = {}
    for name, text in specs.items():
        try:
            modules[name] = compile_text(text, f"{name}.rnn")
        except SpecError:
            continue
    return modules


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("modules")
    for name, text in _modules().items():
        (place / f"{name}.py").write_text(text, encoding="utf-8")
    return place


@pytest.mark.parametrize(
    "command",
    [["check", "--ignore", _ALLOWED], ["format", "--diff"]],
    ids=["check", "format"],
)
def test_ruff_finds_nothing_to_change(folder: Path, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "-q", "--isolated", "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[:4000]


def test_a_spec_compiles_to_the_same_text_again(folder: Path) -> None:
    for path in sorted(folder.glob("seed_*.py"))[:20]:
        spec = generate(int(path.stem.removeprefix("seed_")))
        again = compile_text(spec, f"{path.stem}.rnn")
        assert again == path.read_text(encoding="utf-8")
