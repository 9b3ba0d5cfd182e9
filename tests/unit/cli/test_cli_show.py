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
