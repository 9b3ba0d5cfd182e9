"""The example of an encoder and a decoder learns to spell words backward."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "translation"


def test_a_short_run(tmp_path: Path) -> None:
    output = tmp_path / "new" / "folder"
    done = subprocess.run(
        [sys.executable, EXAMPLE / "main.py", "--steps", "250", "--output", output],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout.startswith("compiled reverse.rnn to reverse.py\n"), done.stderr
    found = re.search(r"^new words .* (\d+\.\d)%$", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    accuracy = float(found[1])
    assert accuracy > 60
    assert done.returncode == (0 if accuracy >= 95 else 1)
    text = (output / "reverse.py").read_text(encoding="utf-8")
    assert "class ReverserEncoder(RecurrentModel):" in text
    assert "class Reverser(ConditionedModel):" in text
