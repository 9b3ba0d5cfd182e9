from __future__ import annotations

from pathlib import Path

from cli_cases import ELMAN, Run

TWO = ELMAN + ELMAN.partition("\n\n")[2].replace("Elman", "Second").replace("W", "V")


def test_equations_of_every_cell(run: Run, elman: Path) -> None:
    elman.write_text(TWO)
    result = run("show", "elman.rnn", "--as", "equations")
    assert result.exit_code == 0
    assert "tanh(W @ x[t] + U @ h[t-1] + b)" in result.stdout
    assert "tanh(V @ x[t] + U @ h[t-1] + b)" in result.stdout


def test_equations_of_one_cell(run: Run, elman: Path) -> None:
    elman.write_text(TWO)
    result = run("show", "elman.rnn", "--as", "equations", "--cell", "Second")
    assert "V @ x[t]" in result.stdout
    assert "W @ x[t]" not in result.stdout


def test_an_unknown_cell(run: Run, elman: Path) -> None:
    result = run("show", "elman.rnn", "--cell", "Elmn")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: there is no cell 'Elmn' in this spec\n  = help: did you mean Elman?\n"
    )


def test_unroll_is_for_graphs(run: Run, elman: Path) -> None:
    result = run("show", "elman.rnn", "--as", "equations", "--unroll", "3")
    assert result.exit_code == 2
    assert "--unroll goes with --as mermaid" in result.stderr


def test_a_rejected_spec(run: Run, elman: Path) -> None:
    elman.write_text(ELMAN.replace("@ x[t]", "@ y[t]"))
    result = run("show", "elman.rnn")
    assert (result.exit_code, result.stdout) == (1, "")


MODELS = """from zoo import GRU

cell Own(I, H):
    input x: [I]
    state h: [H]
    param W: [H, I]
    h[t] = 0.5 * h[t-1] + W @ x[t]
    output h[t]

model First(I):
    input x: [I]
    layer GRU(4), zoneout(0.1)

model Second(I):
    input x: [I]
    layer Own(4)
"""


TRANSLATOR = """from zoo import GRU, LSTM

model Translator(I, K):
    encoder:
        input x: [I]
        layer GRU(4)
    decoder:
        input y: [K]
        layer LSTM(4), state from encoder(linear)
        head linear(K)
    loss mse
"""


def headings(text: str) -> list[str]:
    """The cells and models that are printed."""
    lines = text.splitlines()
    return [line for line in lines if line.startswith(("cell ", "model "))]


def test_what_a_spec_defines_is_printed(run: Run, folder: Path) -> None:
    (folder / "models.rnn").write_text(MODELS)
    every = ["cell Own(I, H)", "model First(I)", "model Second(I)"]
    for view in ("equations", "cost"):
        assert headings(run("show", "models.rnn", "--as", view).stdout) == every
    for view in ("gradients", "plan", "jacobian"):
        assert headings(run("show", "models.rnn", "--as", view).stdout) == every[:1]
    chart = run("show", "models.rnn", "--as", "mermaid").stdout
    assert chart.count("flowchart BT\n") == 3


def test_one_model(run: Run, folder: Path) -> None:
    (folder / "models.rnn").write_text(MODELS)
    result = run("show", "models.rnn", "--model", "Second")
    assert headings(result.stdout) == ["model Second(I)"]
    result = run("show", "models.rnn", "--cell", "GRUZoneout")
    assert headings(result.stdout) == ["cell GRUZoneout(I, H)"]


def test_models_alone_have_the_views_of_their_cells(run: Run, folder: Path) -> None:
    spec = "from zoo import GRU\n\nmodel M(I):\n    input x: [I]\n    layer GRU(4)\n"
    (folder / "m.rnn").write_text(spec)
    assert headings(run("show", "m.rnn").stdout) == ["model M(I)"]
    found = run("show", "m.rnn", "--as", "gradients").stdout
    assert headings(found) == ["cell GRU(I, H)"]


def test_a_model_that_there_is_not(run: Run, folder: Path) -> None:
    (folder / "models.rnn").write_text(MODELS)
    result = run("show", "models.rnn", "--model", "Frst")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: there is no model 'Frst' in this spec\n  = help: did you mean First?\n"
    )
    result = run("show", "models.rnn", "--model", "First", "--as", "latex")
    assert result.exit_code == 2
    assert "--as latex is of cells, and not of models" in result.stderr
    result = run("show", "models.rnn", "--model", "First", "--cell", "Own")
    assert "--cell and --model exclude one another" in result.stderr


def test_unrolled_models(run: Run, folder: Path) -> None:
    (folder / "models.rnn").write_text(MODELS)
    result = run(
        "show", "models.rnn", "--model", "First", "--as", "mermaid", "--unroll", "3"
    )
    assert result.stdout.count("subgraph") == 3


def test_the_cost_of_an_encoder_with_cells_of_its_own(run: Run, folder: Path) -> None:
    (folder / "translator.rnn").write_text(TRANSLATOR)
    result = run("show", "translator.rnn", "--as", "cost")
    assert result.exit_code == 0
    assert "  encoder.layer_1  12*I + 72" in result.stdout
