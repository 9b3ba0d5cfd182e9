"""``explain`` and ``zoo``."""

from __future__ import annotations

import pytest
from cli_cases import Run

from rnndsl.diagnostics.explain import all_codes
from rnndsl.zoo import cell_names, read


def test_explain_lists_every_code(run: Run) -> None:
    result = run("explain")
    assert result.stdout == "".join(f"{c}  {title}\n" for c, title in all_codes())
    assert result.stdout.startswith("RNN001  ")


@pytest.mark.parametrize("code", ["RNN001", "rnn001"])
def test_explain_prints_a_page(run: Run, code: str) -> None:
    result = run("explain", code)
    assert result.exit_code == 0
    assert result.stdout.startswith("# RNN001: ")


def test_explain_lays_the_page_out_on_a_terminal(run: Run) -> None:
    result = run("explain", "RNN001", "--color", "always")
    assert "\x1b[" in result.stdout
    assert "RNN001" in result.stdout


def test_explain_of_an_unknown_code(run: Run) -> None:
    result = run("explain", "RNN0011")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: there is no diagnostic 'RNN0011'\n")
    assert "did you mean RNN011?" in result.stderr or "RNN001" in result.stderr
    assert run("explain", "../RNN001").exit_code == 2


def test_zoo_lists_every_cell(run: Run) -> None:
    lines = run("zoo").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(cell_names())
    described = next(line for line in lines if line.startswith("LSTM "))
    assert described.split(maxsplit=1)[1] == (
        "Long short-term memory with a forget gate."
    )


def test_zoo_prints_a_spec(run: Run) -> None:
    assert run("zoo", "LSTM").stdout == read("LSTM")


def test_zoo_of_an_unknown_cell(run: Run) -> None:
    result = run("zoo", "LTSM")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: there is no standard cell 'LTSM'\n  = help: did you mean LSTM?\n"
    )
