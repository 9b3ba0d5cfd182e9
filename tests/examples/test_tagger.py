"""Names are tagged after a short training, better with a random field."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "tagger"
LINE = r"^{} +right words (\d+\.\d)%, sentences (\d+\.\d)%; impossible (\d+\.\d)%$"


def test_a_short_run(tmp_path: Path) -> None:
    output = tmp_path / "new" / "folder"
    done = subprocess.run(
        [sys.executable, EXAMPLE / "main.py", "--epochs", "6", "--output", output],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout.startswith("compiled tagger.rnn to tagger.py\nverified\n")
    found = {}
    for name in ("WordTagger", "Tagger"):
        line = re.search(LINE.format(name), done.stdout, re.MULTILINE)
        assert line is not None, done.stdout
        found[name] = tuple(map(float, line.groups()))
    assert done.returncode == (0 if found["Tagger"][1] >= 85 else 1)
    assert found["Tagger"][0] > 93
    assert found["Tagger"][1] > found["WordTagger"][1] - 2
    assert found["Tagger"][2] < 3
    text = (output / "tagger.py").read_text(encoding="utf-8")
    assert "self.crf = LinearChainCRF(k_size, **factory)" in text
