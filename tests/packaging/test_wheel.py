"""The package as it is installed: sdist, wheel, and a place away from the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = ("pyproject.toml", "README.md", "LICENSE", "rnndsl", "grammars", "templates")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")


def finished(*command: str | Path, cwd: Path) -> str:
    """Runs a command that must succeed; returns its output."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sdist of a copy of the tree."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in SHIPPED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=LEFT_OUT)
        else:
            shutil.copy(source, copy / name)
    finished(sys.executable, "-m", "build", "--no-isolation", cwd=copy)
    (path,) = copy.glob("dist/*.whl")
    return path


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a new environment with the wheel, and the dependencies of this one."""
    folder = tmp_path_factory.mktemp("environment")
    finished(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    python = folder / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = finished(python, "-c", where, cwd=folder).strip()
    # A .pth file adds a folder, not what the .pth files of that folder add: an editable
    # install of the checkout stays out.
    Path(site, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = (sys.executable, "-m", "pip", "--python", python)
    finished(*pip, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    return python


def test_every_file_of_the_tree_is_in_the_wheel(wheel: Path) -> None:
    expected = set()
    for top in ("rnndsl", "grammars", "templates"):
        for path in (ROOT / top).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                relative = path.relative_to(ROOT)
                expected.add(str(relative if top == "rnndsl" else "rnndsl" / relative))
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == expected
    assert {"rnndsl/py.typed", "rnndsl/grammars/rnn.lark"} <= packed


def test_the_installed_compiler_compiles_everything(
    python: Path, tmp_path: Path
) -> None:
    rnndsl = python.with_name("rnndsl")
    specs = [*(ROOT / "rnndsl" / "zoo").glob("*.rnn"), *ROOT.glob("examples/**/*.rnn")]
    for spec in specs:
        folder = tmp_path / spec.parent.name
        folder.mkdir(exist_ok=True)
        shutil.copy(spec, folder)
    copies = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.rnn"))
    assert len(copies) >= 10
    finished(rnndsl, "compile", *copies, cwd=tmp_path)
    for copy in copies:
        assert (tmp_path / copy).with_suffix(".py").stat().st_size > 1000
    script = (
        "import torch, rnndsl; from zoo.lstm import LSTM; layer = LSTM(3, 5);"
        "layer(torch.randn(7, 2, 3))[0].sum().backward();"
        "print(rnndsl.__file__, tuple(layer.weight_hh_l0.grad.shape))"
    )
    output = finished(python, "-c", script, cwd=tmp_path)
    assert output.endswith("(20, 5)\n")
    assert output.startswith(str(python.parents[1]))
    assert finished(rnndsl, "explain", "RNN001", cwd=tmp_path).startswith("# RNN001: ")
