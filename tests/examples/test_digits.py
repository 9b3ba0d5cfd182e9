"""The example of the README runs from a spec to pictures."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"
PNG = b"\x89PNG\r\n\x1a\n"


def width_and_height(picture: Path) -> tuple[int, int]:
    """The size that a PNG file's header states."""
    header = picture.read_bytes()[:24]
    assert header.startswith(PNG)
    return int.from_bytes(header[16:20]), int.from_bytes(header[20:24])


def test_a_short_run(tmp_path: Path) -> None:
    output = tmp_path / "new" / "folder"
    done = subprocess.run(
        [sys.executable, EXAMPLE / "main.py", "--epochs", "6", "--output", output],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout.startswith("compiled digits.rnn to echo_cell.py\n"), done.stderr
    assert re.search(r"^verified in \d\d+ comparisons$", done.stdout, re.MULTILINE)
    found = re.search(r"^test accuracy (\d+\.\d\d)%$", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    accuracy = float(found[1])
    assert accuracy > 85
    assert done.returncode == (0 if accuracy >= 96 else 1)
    assert "class Echo(RecurrentLayer):" in (output / "echo_cell.py").read_text()
    for name in ("learning_curve.png", "predictions.png"):
        assert min(width_and_height(output / name)) > 500
