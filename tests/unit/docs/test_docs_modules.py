"""The page on generated modules is executed, block after block."""

import re
import sys
from pathlib import Path

import pytest
import torch

from rnndsl import load, zoo

PAGE = Path(__file__).parents[3] / "docs" / "modules.md"


def test_the_page_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    torch.manual_seed(2)
    monkeypatch.setitem(sys.modules, "lstm", load(zoo.path("LSTM")))
    page = PAGE.read_text("utf-8")
    specs = re.findall(r"<!-- (\w+)\.rnn -->\n```rnn\n(.*?)```", page, re.DOTALL)
    for name, spec in specs:
        (tmp_path / f"{name}.rnn").write_text(spec, encoding="utf-8")
        monkeypatch.setitem(sys.modules, name, load(tmp_path / f"{name}.rnn"))
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 11
    scope: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), scope)
    assert "engine asked for: fused" in capsys.readouterr().out
