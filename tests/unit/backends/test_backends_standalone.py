"""A standalone module needs torch and nothing else."""

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from rnndsl import compile_text, zoo

# torch itself looks at gradients that are given with SymPy, which its wheels require.
SCRIPT = """
import os
import sys

def importer():
    frame = sys._getframe(2)
    while "importlib" in frame.f_code.co_filename:
        frame = frame.f_back
    return frame.f_code.co_filename

class Refuse:
    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        if root in ("rnndsl", "lark", "jinja2"):
            raise ImportError(f"refused: {name}")
        others = f"{os.sep}site-packages{os.sep}"
        if root == "sympy" and others not in importer():
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


CLASHES = """
cell Capture(I, H):
    input x: [I]
    state h: [H]
    param W: [H, I], U: [H, H]
    h[t] = tanh(W @ x[t] + U @ h[t-1])
    output h[t]

cell Slot(I, H):
    input x: [I]
    state h: [H]
    param W: [H, I]
    h[t] = sigmoid(W @ x[t]) * h[t-1]
    output h[t]

model Memory(I):
    input x: [I]
    layer Capture(5)
    layer Slot(4)
    head linear(3)
    loss mse
"""


def test_classes_may_be_named_as_the_runtime_names_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = compile_text(CLASHES, "clashes.rnn", standalone=True)
    found = re.findall(r"^class (_?(?:Capture|Slot))\b|^(_?Memory)\b", text, re.M)
    names = [first or second for first, second in found]
    assert sorted(names) == ["Capture", "Slot", "_Capture", "_Memory", "_Slot"]
    path = tmp_path / "clashes.py"
    path.write_text(text, encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", str(path)]
    done = subprocess.run(ruff, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    alone, usual = ModuleType("alone"), ModuleType("usual")
    # Where dataclasses look for the annotations of a module.
    monkeypatch.setitem(sys.modules, "alone", alone)
    exec(compile(text, "alone.py", "exec"), alone.__dict__)
    exec(compile(compile_text(CLASHES), "usual.py", "exec"), usual.__dict__)
    results = []
    for module in (alone, usual):
        torch.manual_seed(5)
        model = module.Memory(2)
        output, _ = model(torch.randn(6, 3, 2))
        model.loss(output, torch.zeros_like(output)).backward()
        results.append([output, *(p.grad for p in model.parameters())])
    torch.testing.assert_close(*results, rtol=0, atol=0)
