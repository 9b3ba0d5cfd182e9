"""Structured parameters in models: variants of cells, weights dropped, first states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnndsl import load
from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source
from rnndsl.verify.models.verify import verify_model

SPEC = """from zoo import EchoState, ExpRNN

model Zoned(I):
    input x: [I]
    layer ExpRNN(5), zoneout(h = 0.1), weight_drop(0.3)
    layer parallel(EchoState(6), ExpRNN(4)), state learned
    head linear(2)
    loss mse
"""


def test_a_model_is_what_its_lines_say(tmp_path: Path) -> None:
    path = tmp_path / "zoned.rnn"
    path.write_text(SPEC, encoding="utf-8")
    module: Any = load(path, name="structured_zoned")
    (model,) = Compilation(Source("zoned.rnn", SPEC), None).program.models
    results = list(verify_model(model, module, seed=2))
    assert {result.engine for result in results} >= {"fused", "reference"}
    assert [result for result in results if not result.passed] == []
    zoned = module.Zoned(3)
    frozen = [name for name, p in zoned.named_parameters() if not p.requires_grad]
    assert frozen == ["layer_2_1.weight_ih_l0", "layer_2_1.weight_hh_l0"]
