"""What is generated for cells that options of a layer change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from variant_specs import module_of, spec

import rnndsl
from rnndsl import compile_text
from rnndsl.analysis.show import equations_text
from rnndsl.compiler import open_text
from rnndsl.ir.lower import lower_cell
from rnndsl.ir.mermaid import step_flowchart
from rnndsl.symbolic.show_gradients import gradients_text

COMMANDS = (
    ("ruff", "format", "--check", "--isolated"),
    ("ruff", "check", "--isolated"),
    ("mypy", "--strict"),
)
LONG = "cell {0}(I, H):\n    input x: [I]\n    state h: [H]\n    param U: [H, H]\n"
SPECS = {
    "masks": spec(
        "layer LSTM(5), zoneout(h = 0.1, c = 0.05), recurrent_dropout(0.2)",
        "layer parallel(GRU(4), LSTM(4)), zoneout(c = 0.1), bidirectional",
        "layer GRU(4) x 2, weight_drop(0.5), zoneout(0.1), state learned, reverse",
    ),
    "emitted": spec(
        "layer LSTM(5), emit(c, f), bidirectional(sum)",
        "layer parallel(GRU(4), LSTM(3)), emit(h, i), reverse",
        "layer LSTM(3), zoneout(0.1), bidirectional, emit(g)",
        "layer GRU(3), bidirectional(concat, LSTM(4)), emit(z, c)",
    ),
    "emitted_once": spec("layer LSTM(5), emit(c)", "io many_to_one"),
    "emitted_at_once": spec("layer LSTM(5), emit(c)", "io one_to_one"),
    "reset": spec(
        "reset",
        "layer LSTM(5), emit(c, f), bidirectional(sum)",
        "layer parallel(GRU(4), LSTM(3)), reverse, state learned",
        "layer LSTM(3), zoneout(0.1), recurrent_dropout(0.2)",
        "io many_to_one(mean)",
    ),
    "states": spec(
        "layer parallel(LSTM(5), LSTM(7)), bidirectional, zoneout(0.1)",
        "io many_to_one(state c)",
    ),
    "long": LONG.format("A" * 40)
    + "    param W: [H, I]\n    h[t] = U @ h[t-1] + W @ x[t]\n    output h[t]\n\n"
    + "model M(I):\n    input x: [I]\n"
    + f"    layer {'A' * 40}(5), zoneout(0.1), recurrent_dropout(0.2), bidirectional\n",
}


@pytest.mark.parametrize("standalone", [False, True])
def test_clean_text(tmp_path: Path, standalone: bool) -> None:
    for name, text in SPECS.items():
        compiled = compile_text(text, f"{name}.rnn", standalone=standalone)
        (tmp_path / f"{name}.py").write_text(compiled, encoding="utf-8")
    paths = [str(path) for path in sorted(tmp_path.glob("*.py"))]
    root = Path(rnndsl.__file__).parents[1]
    for tool, *arguments in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-m", tool, *arguments, *paths],
            cwd=root if tool == "mypy" else tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_equations_are_those_of_the_variant() -> None:
    text = compile_text(SPECS["masks"], "m.rnn")
    start = text.index("def lstm_recurrent_dropout_zoneout_step(")
    body = text[start : text.index("\n\n\n", start)]
    assert (
        body[body.index("    # ") :]
        == """\
    # zoo/lstm.rnn:15  h_dropped = dropout_h[t] * h[t-1]
    h_dropped = dropout_h * h_prev
    # zoo/lstm.rnn:15  i = sigmoid(W_i @ x[t] + b_i + U_i @ h_dropped + d_i)
    i = torch.sigmoid(x @ W_i.t() + b_i + h_dropped @ U_i.t() + d_i)
    # zoo/lstm.rnn:16  f = sigmoid(W_f @ x[t] + b_f + U_f @ h_dropped + d_f)
    f = torch.sigmoid(x @ W_f.t() + b_f + h_dropped @ U_f.t() + d_f)
    # zoo/lstm.rnn:17  g = tanh(W_g @ x[t] + b_g + U_g @ h_dropped + d_g)
    g = torch.tanh(x @ W_g.t() + b_g + h_dropped @ U_g.t() + d_g)
    # zoo/lstm.rnn:18  o = sigmoid(W_o @ x[t] + b_o + U_o @ h_dropped + d_o)
    o = torch.sigmoid(x @ W_o.t() + b_o + h_dropped @ U_o.t() + d_o)
    # zoo/lstm.rnn:19  c_new = f * c[t-1] + i * g
    c_new = f * c_prev + i * g
    # zoo/lstm.rnn:19  c[t] = zoneout_c[t] * c[t-1] + (1 - zoneout_c[t]) * c_new
    c = zoneout_c * c_prev + (1 - zoneout_c) * c_new
    # zoo/lstm.rnn:20  h_new = o * tanh(c_new)
    h_new = o * torch.tanh(c_new)
    # zoo/lstm.rnn:20  h[t] = zoneout_h[t] * h[t-1] + (1 - zoneout_h[t]) * h_new
    h = zoneout_h * h_prev + (1 - zoneout_h) * h_new
    return h, (h, c)"""
    )


def test_models_share_variants_and_names_that_are_taken_are_left() -> None:
    text = spec("layer GRU(4), zoneout(0.1)", "layer GRU(5), zoneout(0.7)")
    text += "\ncell GRU_zoneout(I, H):\n    input x: [I]\n    state h: [H]\n"
    text += "    param W: [H, I]\n    h[t] = W @ x[t] + h[t-1]\n    output h[t]\n"
    text += "\nmodel Other(I):\n    input x: [I]\n    layer GRU(4), zoneout(0.2)\n"
    names = [cell.name for cell in open_text(text.encode(), "s", Path()).program.cells]
    assert names == ["GRU", "LSTM", "GRU_zoneout", "GRUZoneout2"]
    assert module_of(text).M(3).layer_2.__class__.__name__ == "GRUZoneout2"


def test_long_names() -> None:
    program = open_text(SPECS["long"].encode(), "s", Path()).program
    assert [cell.name for cell in program.cells] == ["A" * 40, "A" * 33 + "Variant"]


def test_shown_with_what_is_emitted() -> None:
    text = spec("layer LSTM(5), emit(c, f)")
    program = open_text(text.encode(), "s", Path()).program
    cell = program.cells[-1]
    assert equations_text(cell).endswith("  output h[t]\n  emit c[t], f\n")
    graph = lower_cell(cell)
    assert "too: d_c_emitted, d_f_emitted.\n" in gradients_text(graph)
    flow = step_flowchart(cell)
    assert '  output(["output h[t], c[t], f"])' in flow
    assert "  equation1 --> output\n" in flow
