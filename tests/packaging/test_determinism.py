"""The same specs give the same bytes, whatever surrounds the compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from rnndsl.zoo import cell_names, path

SURROUNDINGS = (
    {"PYTHONHASHSEED": "0"},
    {"PYTHONHASHSEED": "1", "LC_ALL": "C", "PYTHONUTF8": "0", "TZ": "Asia/Tokyo"},
    {"PYTHONHASHSEED": "20", "PYTHONOPTIMIZE": "1", "COLUMNS": "20"},
)


def test_every_cell_of_the_zoo(tmp_path: Path) -> None:
    results = []
    for number, variables in enumerate(SURROUNDINGS):
        folder = tmp_path / ("deep/" * number) / "run"
        folder.mkdir(parents=True)
        for spec in {path(name) for name in cell_names()}:
            shutil.copy(spec, folder)
        subprocess.run(
            [sys.executable, "-m", "rnndsl", "compile", *sorted(os.listdir(folder))],
            cwd=folder,
            env={**os.environ, **variables},
            check=True,
            capture_output=True,
        )
        results.append({p.name: p.read_bytes() for p in folder.glob("*.py")})
    first, *others = results
    assert len(first) >= 10
    for other in others:
        assert other == first
