"""A language model comes near the perplexity of the grammar that wrote the text."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "language_model"
SCRIPT = """
import random, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from corpus import read_corpus
folder = Path(sys.argv[2])
(folder / "ptb.train.txt").write_text(" a b \\n <unk> N a \\n")
(folder / "ptb.valid.txt").write_text("b\\n")
(folder / "ptb.test.txt").write_text("a c\\n")
corpus = read_corpus(folder)
print(corpus.words)
print([corpus.parts[part].tolist() for part in ("train", "valid", "test")])
"""


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False
    )


def test_a_short_run(tmp_path: Path) -> None:
    output = tmp_path / "new" / "folder"
    done = run(EXAMPLE / "main.py", "--epochs", "2", "--output", output)
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout.startswith("compiled language_model.rnn to language_model.py\n")
    found = {
        name: float(number)
        for name, number in re.findall(
            r"^test perplexity(.*) (\d+\.\d\d)$", done.stdout, re.MULTILINE
        )
    }
    frequencies, best = found[" of word frequencies"], found[" of the grammar"]
    assert best < found[""] < 1.3 * best
    assert frequencies > 4 * best
    assert done.returncode == (0 if found[""] <= 1.1 * best else 1)
    text = (output / "language_model.py").read_text(encoding="utf-8")
    assert "F.linear(x, self.embedding.weight, self.head_bias)" in text


def test_files_of_the_penn_treebank(tmp_path: Path) -> None:
    done = run("-c", SCRIPT, EXAMPLE, tmp_path)
    assert done.returncode == 0, done.stderr
    words, parts = done.stdout.splitlines()
    assert words == "('<eos>', 'a', '<unk>', 'N', 'b')"
    assert parts == "[[1, 4, 0, 2, 3, 1, 0], [4, 0], [1, 0]]"
