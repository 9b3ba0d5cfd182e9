"""Standalone modules carry the runtime they need, and no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from model_specs import ALL

from rnndsl import compile_text, zoo

SCRIPT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("rnndsl", "lark", "sympy", "jinja2"):
            raise ImportError(f"refused: {name}")

sys.meta_path.insert(0, Refuse())
import torch
import alone

model = alone.Classifier(3, 4)
x = torch.randn(6, 5, 3)
output, state = model(x, lengths=torch.tensor([2, 6, 1, 3, 6]))
loss = model.loss(output, torch.zeros(5, dtype=torch.long))
loss.backward()
print(all(p.grad is not None for p in model.parameters()), output.shape)
"""


def files(text: str) -> list[str]:
    """What is bundled of the runtime, without the folders."""
    lines = text.splitlines()
    return [x.rpartition(".")[2] for x in lines if x.startswith("# rnndsl.runtime.")]


def test_cells_alone_bring_nothing_of_models() -> None:
    carried = files(compile_text(zoo.read("GRU"), "gru.rnn", standalone=True))
    assert "layer" in carried
    assert not {"model", "means", "pooling", "dropout", "learned"} & set(carried)
    assert not {"kept_state", "model_specification", "layout"} & set(carried)


@pytest.mark.parametrize(
    ("name", "needed", "others"),
    [
        ("attention", {"pooling", "means", "model"}, {"dropout", "learned"}),
        ("mixed", {"learned", "model"}, {"dropout", "means", "pooling", "one_hot"}),
        ("one_hot", {"one_hot", "means"}, {"dropout", "learned", "pooling"}),
        (
            "translator",
            {"conditioned", "attention", "feeding", "generating", "beam"},
            {"crf", "learned", "pooling"},
        ),
        ("series", {"generating"}, {"conditioned", "attention"}),
        ("video", {"convolution"}, {"adaptive", "ctc", "crf"}),
        ("crf", {"crf", "means"}, {"adaptive", "ctc", "pooling"}),
        ("ctc", {"ctc", "means"}, {"adaptive", "crf", "pooling"}),
        ("adaptive", {"adaptive", "means"}, {"crf", "ctc", "pooling"}),
    ],
)
def test_what_a_model_needs(name: str, needed: set[str], others: set[str]) -> None:
    carried = files(compile_text(ALL[name], f"{name}.rnn", standalone=True))
    assert len(carried) == len(set(carried))
    assert needed <= set(carried)
    assert not others & set(carried)


def test_runs_where_the_compiler_cannot_be_imported(tmp_path: Path) -> None:
    text = compile_text(ALL["attention"], "alone.rnn", standalone=True)
    (tmp_path / "alone.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "True torch.Size([5, 4])\n"
