"""A standalone module needs torch and nothing else."""

import subprocess
import sys
from pathlib import Path

from rnndsl import compile_text, zoo

SCRIPT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("rnndsl", "lark", "sympy", "jinja2"):
            raise ImportError(f"refused: {name}")

sys.meta_path.insert(0, Refuse())
import torch
import lstm

torch.manual_seed(3)
ours = lstm.LSTM(5, 7, num_layers=2, bidirectional=True)
theirs = torch.nn.LSTM(5, 7, num_layers=2, bidirectional=True)
theirs.load_state_dict(ours.state_dict(), strict=True)
x = torch.randn(6, 3, 5)
mine, (h, c) = ours(x)
other, (h2, c2) = theirs(x)
assert ours.engine == "auto" and "fused: chosen" in ours.explain()
mine.sum().backward()
other.sum().backward()
pairs = [(mine, other), (h, h2), (c, c2)]
pairs += [(p.grad, q.grad) for p, q in zip(ours.parameters(), theirs.parameters())]
print(max(float((a - b).abs().max()) for a, b in pairs))
"""


def test_runs_where_the_compiler_cannot_be_imported(tmp_path: Path) -> None:
    text = compile_text(zoo.read("LSTM"), "lstm.rnn", standalone=True)
    assert "rnndsl.runtime import" not in text
    (tmp_path / "lstm.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 5e-6
