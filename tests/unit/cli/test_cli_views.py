"""All views of all cells of the zoo, from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_cases import Run

from rnndsl import zoo
from rnndsl.cli.views import EMITTED, SHOWN

SPEC = "from zoo import LSTM, GRUD, RWKV, CfC, SCRN, MinGRU\n"


@pytest.mark.parametrize("view", SHOWN)
def test_every_cell_can_be_shown(view: str, run: Run, folder: Path) -> None:
    names = zoo.cell_names()
    (folder / "all.rnn").write_text(f"from zoo import {', '.join(names)}\n")
    result = run("show", "all.rnn", "--as", view)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith("\n")
    assert "  \n" not in result.stdout
    assert "Symbol(" not in result.stdout
    blocks = {"latex": r"\begin{align*}", "mermaid": "flowchart"}
    assert result.stdout.count(blocks.get(view, "cell ")) >= len(names)


@pytest.mark.parametrize("stage", ["ir", "gradient", "plan"])
def test_a_stage_prints_all_cells(stage: str, run: Run, folder: Path) -> None:
    (folder / "two.rnn").write_text("from zoo import LSTM, GRU\n")
    result = run("compile", "two.rnn", "--emit", stage)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "cell LSTM(I, H)\n" in result.stdout
    assert "\n\ncell GRU(I, H)\n" in result.stdout
    assert not (folder / "two.py").exists()


def test_unrolled(run: Run, elman: Path) -> None:
    result = run("show", "elman.rnn", "--as", "mermaid", "--unroll", "3")
    assert result.stdout.count("subgraph") == 3
    assert "subgraph" not in run("show", "elman.rnn", "--as", "mermaid").stdout


def test_views_do_not_depend_on_hashing(folder: Path) -> None:
    (folder / "many.rnn").write_text(SPEC)
    code = (
        "from pathlib import Path\n"
        "from rnndsl.cli.views import EMITTED, SHOWN\n"
        "from rnndsl.compiler import open_spec\n"
        "spec = open_spec(Path('many.rnn'))\n"
        f"for name in {[n for n in EMITTED if n != 'python']}:\n"
        "    print(EMITTED[name](spec))\n"
        "for view in SHOWN.values():\n"
        "    for index in range(len(spec.program.cells)):\n"
        "        print(view(spec, index, 0), view(spec, index, 2))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            cwd=folder,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1
    assert outputs.pop()


def test_the_equations_are_shown_without_sympy(folder: Path) -> None:
    (folder / "many.rnn").write_text(SPEC)
    code = (
        "import sys\n"
        "from rnndsl.cli.main import main\n"
        "sys.argv = ['rnndsl', 'show', 'many.rnn']\n"
        "assert main() == 0\n"
        "assert not {'sympy', 'torch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)
    assert set(EMITTED) == {"ast", "ir", "gradient", "plan", "python"}
