"""Verification has to fail for functions of all steps at once that are wrong."""

from __future__ import annotations

import pytest
from mutation import load_source, mutants
from zoo_programs import zoo_cell, zoo_compilation

from rnndsl.verify import verify_cell

CHANGES = {
    "coefficients exchanged": ("linear_scan(a, b,", "linear_scan(b, a,"),
    "rows that end not kept": ("c_first, mask)", "c_first, None)"),
    "delays of rows that end": ("x_1_first, mask)", "x_1_first, None)"),
    "no delay": ("steps_before(x_1_kept, x_1_first)", "x_1_kept"),
    "another first state": ("before(x_1_kept, x_1_", "before(x_1_kept, 0 * x_1_"),
    "another last state": ("c[-1].clone()", "c[0].clone()"),
    "gradient cut off": ("return output_value,", "return output_value.detach(),"),
}


def is_caught(name: str, source: str) -> bool:
    results = verify_cell(zoo_cell(name), load_source(source, "mutant"), seed=0)
    return any(not r.passed for r in results if r.engine == "scan")


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_scan_fails(change: str) -> None:
    source = zoo_compilation("QRNN").module_text
    old, new = CHANGES[change]
    before, scan, behind = source.partition("def qrnn_scan(")
    assert old in behind
    assert is_caught("QRNN", f"{before}{scan}{behind.replace(old, new, 1)}")


def test_no_mutant_of_the_arithmetic_survives() -> None:
    changed = [
        mutant
        for mutant in mutants(zoo_compilation("MinLSTM").module_text)
        if mutant.function == "min_lstm_scan"
    ]
    assert len(changed) >= 6
    survivors = [m.label for m in changed if not is_caught("MinLSTM", m.source)]
    assert survivors == []
