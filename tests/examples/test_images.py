"""Images are read row by row after a short training."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "images"


def test_a_short_run(tmp_path: Path) -> None:
    output = tmp_path / "new" / "folder"
    done = subprocess.run(
        [sys.executable, EXAMPLE / "main.py", "--epochs", "4", "--output", output],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout.startswith("compiled images.rnn to images.py\nverified\n")
    found = re.findall(r"^(\w+) +test accuracy (\d+\.\d)%$", done.stdout, re.MULTILINE)
    assert [name for name, _ in found] == ["Mean", "Both", "Convolved"]
    shares = [float(share) for _, share in found]
    assert min(shares) > 60
    assert shares[2] > 85
    assert done.returncode == (0 if shares[2] >= 95 else 1)
    text = (output / "images.py").read_text(encoding="utf-8")
    assert "x = each_step(self.map_1, stripes)" in text
