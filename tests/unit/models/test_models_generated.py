"""What is generated for a model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import handwritten_models.tagger
import pytest
from convolution_specs import CONVOLUTIONS
from head_specs import HEADS
from model_specs import ALL, TAGGER, model, module
from sequence_specs import REPEATED, SEQUENCES
from verified_specs import VERIFIED

import rnndsl
from rnndsl import compile_text
from rnndsl.backends.torch.imports import export_rank

HANDWRITTEN = Path(handwritten_models.tagger.__file__)


def test_the_tagger_is_as_a_person_wrote_it() -> None:
    text = compile_text(TAGGER, "tagger.rnn")
    written = HANDWRITTEN.read_text(encoding="utf-8")
    start = "TAGGER_SPECIFICATION = "
    assert text[text.index(start) :] == written[written.index(start) :]


def test_generated_models_are_laid_out_as_ruff_would(tmp_path: Path) -> None:
    for name, spec in {**ALL, **REPEATED}.items():
        (tmp_path / f"{name}.py").write_text(
            compile_text(spec, f"{name}.rnn"), encoding="utf-8"
        )
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_many_branches_and_long_names_are_laid_out_as_ruff_would(
    tmp_path: Path,
) -> None:
    cells = ", ".join(["GRU(H)"] * 14)
    merges = ("concat", "sum", "mean", "product")
    names = ", ".join(f"a_rather_long_name_of_an_input_{i}: [H]" for i in range(3))
    lines = "\n".join(
        f"    layer parallel({cells}, merge = {merge}), state learned"
        for merge in merges
    )
    spec = (
        "from zoo import GRU\n\ncell Fed(I, H):\n    input x: [I], "
        f"{names}\n    state h: [H]\n    param W: [H, I]\n"
        "    h[t] = W @ x[t] + h[t-1]"
        + "".join(f" + a_rather_long_name_of_an_input_{i}[t]" for i in range(3))
        + f"\n    output h[t]\n\nmodel Wide(I, H):\n    input x: [I], {names}\n"
        f"    layer Fed(H), reverse\n{lines}\n    loss mse\n"
    )
    (tmp_path / "wide.py").write_text(compile_text(spec, "wide.rnn"), encoding="utf-8")
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "wide.py"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_generated_models_have_exact_types(tmp_path: Path) -> None:
    for name in (
        "stateful",
        "separate",
        "separate_max",
        "shared",
        "mixed",
        "timed",
        "once",
        "attention",
        "one_hot",
        *HEADS,
        *CONVOLUTIONS,
        *SEQUENCES,
        *REPEATED,
        *VERIFIED,
    ):
        path = tmp_path / f"{name.replace(' ', '_')}.py"
        spec = {**ALL, **REPEATED, **VERIFIED}[name]
        path.write_text(compile_text(spec, f"{name}.rnn"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", *map(str, tmp_path.glob("*.py"))],
        cwd=Path(rnndsl.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_models_are_exported_behind_the_cells() -> None:
    assert module("tagger").__all__ == ["GRU", "LSTM", "GRUCell", "LSTMCell", "Tagger"]


def test_names_of_inputs_do_not_clash_with_those_of_the_method() -> None:
    spec = """
from zoo import TimeAwareLSTM

model Clash(I):
    input state_1: [I], dt: []
    layer parallel(TimeAwareLSTM(4), TimeAwareLSTM(4), merge = sum), residual
"""
    text = compile_text(spec.replace("(4)", "(I)"), "clash.rnn")
    body = text[text.index("class Clash") :]
    assert "def forward(\n        self,\n        state_1: Tensor,\n" in body
    assert "(y_1, state_1_), (y_2, state_2) = side_by_side(\n" in body
    assert "lambda: self.layer_1_1(state_1, dt, state[0], lengths" in body
    assert "x = state_1 + y\n" in body


@pytest.mark.parametrize(
    "inputs", ["y_1: [I]", "given: [I]", "forward_1: [I]", "x_: [I]"]
)
def test_odd_names_of_inputs(inputs: str) -> None:
    spec = f"""
from zoo import GRU, LSTM

model Odd(I):
    input {inputs}
    layer parallel(GRU(3), GRU(3), merge = mean), bidirectional(sum, LSTM(3))
    map gelu
    head linear(2)
"""
    text = compile_text(spec, "odd.rnn")
    assert "class Odd(RecurrentModel)" in text
    name = inputs.partition(":")[0]
    assert f"return self.run(({name},), state, lengths=" in text
    assert f"        ({name},) = inputs\n" in text


def test_explanation() -> None:
    stack = model("stack", 3, 6, 2)
    lines = stack.explain().splitlines()
    assert lines[:2] == [
        "Stack(input_size=3, hidden_size=6, classes=2), from stack.rnn",
        f"parameters: {sum(p.numel() for p in stack.parameters())} in 22 tensors",
    ]
    assert "stack.rnn:8  layer LSTM(4), skip" in lines
    assert (
        lines[lines.index("stack.rnn:8  layer LSTM(4), skip") + 1] == "    (T, B, 11)"
    )
    assert "step by step: yes" in lines
    assert "layer_3: LSTM(7, 4), from zoo/lstm.rnn" in lines
    assert "  engine asked for: auto" in lines
    mixed = model("mixed", 3, 4).explain()
    reason = "layer_1 (mixed.rnn:5) reads the sequence from its end"
    assert f"step by step: no: {reason}" in mixed
    tokens = model("one_hot", 3).explain()
    assert "one_hot.rnn:5  one_hot\n    not made" in tokens


def test_engine_of_all_layers() -> None:
    stack = model("stack", 3, 6, 2)
    assert stack.engine == "auto"
    stack.engine = "reference"
    assert [stack.layer_1.engine, stack.layer_3.engine] == ["reference"] * 2
    assert stack.engine == "reference"
    stack.layer_2.engine = "fused"
    assert stack.engine == "mixed"


def test_exports_are_sorted_as_ruff_sorts_them() -> None:
    given = ["Given", "GRU10Cell", "GRU2Cell", "GIven", "GRU10", "GRU2", "lower"]
    assert sorted(given, key=export_rank) == [
        *("GRU2", "GRU10", "GIven", "GRU2Cell", "GRU10Cell", "Given", "lower")
    ]
