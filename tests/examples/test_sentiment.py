"""Reviews are understood after a short training."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "sentiment"


def test_a_short_run(tmp_path: Path) -> None:
    output = tmp_path / "new" / "folder"
    done = subprocess.run(
        [sys.executable, EXAMPLE / "main.py", "--epochs", "5", "--output", output],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.startswith("compiled sentiment.rnn to sentiment.py\nverified\n")
    counting = re.search(r"counting words (\d+\.\d)%$", done.stdout, re.MULTILINE)
    reading = re.search(r"^test accuracy (\d+\.\d)%$", done.stdout, re.MULTILINE)
    assert counting is not None
    assert reading is not None
    assert float(counting[1]) < 60
    assert float(reading[1]) >= 97
    assert "  0%  the plot was not good\n" in done.stdout
    text = (output / "sentiment.py").read_text(encoding="utf-8")
    assert "self.pooling = AttentionPooling(48, **factory)" in text
