"""Verification has to fail for modules that are wrong, and say so in its report."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from mutation import load_source, mutants
from zoo_programs import zoo_cell, zoo_compilation, zoo_program

from rnndsl import zoo
from rnndsl.compiler import compile_text
from rnndsl.verify import (
    VerificationReport,
    render_table,
    verify_cell,
    verify_program,
)


def verdict(name: str, source: str) -> VerificationReport:
    module = load_source(source, f"mutant_{name.lower()}")
    return verify_program(zoo_program(name), module, seed=0)


def replaced(text: str, old: str, new: str, count: int = -1) -> str:
    assert old in text, f"nothing to mutate: {old!r}"
    return text.replace(old, new, count)


@pytest.mark.filterwarnings("ignore:An output with one or more elements was resized")
@pytest.mark.parametrize(
    ("name", "every"), [("GRU", 1), ("LSTM", 4), ("PeepholeLSTM", 3)]
)
def test_no_mutant_of_the_arithmetic_survives(name: str, every: int) -> None:
    """Signs, functions, transpositions, gates and states, forward and backward."""
    cell = zoo_cell(name)
    changed = list(mutants(zoo_compilation(name).module_text))[::every]
    assert len(changed) >= 20
    survivors = [
        mutant.label
        for mutant in changed
        if all(
            result.passed
            for result in verify_cell(cell, load_source(mutant.source, "m"), seed=0)
        )
    ]
    assert survivors == []


SPEC_MUTANTS = {
    "one sign": ("LSTM", "f * c[t-1] + i * g", "f * c[t-1] - i * g"),
    "two gates exchanged": ("LSTM", "W_{i,f,g,o}", "W_{f,i,g,o}"),
    "two equal gates exchanged in one bias": ("GRU", "d_{r,z,n}", "d_{z,r,n}"),
    "old cells for new ones": ("PeepholeLSTM", "p_o * c[t]", "p_o * c[t-1]"),
    "new cells for old ones": ("LSTM", "o * tanh(c[t])", "o * tanh(c[t-1])"),
    "reset before the product": (
        "GRU",
        "r * (U_n @ h[t-1] + d_n)",
        "U_n @ (r * h[t-1]) + d_n",
    ),
    "reset after the product": (
        "GRUResetBefore",
        "U_n @ (r * h[t-1])",
        "r * (U_n @ h[t-1])",
    ),
    "bias inside the reset": (
        "GRU",
        "W_n @ x[t] + b_n + r * (U_n @ h[t-1] + d_n)",
        "W_n @ x[t] + b_n + d_n + r * (U_n @ h[t-1])",
    ),
    "gate the other way round": ("GRU", "(1 - z) * n + z", "z * n + (1 - z)"),
    "another first state": ("LSTM", "c: [H]", "c: [H] = 1"),
    "another output": ("LSTM", "output h[t]", "output c[t]"),
    "another kink": ("IRNN", "relu(", "softplus("),
}


@pytest.mark.parametrize("mutation", SPEC_MUTANTS)
def test_a_module_of_other_equations_fails(mutation: str) -> None:
    """Wrong throughout: the gradients are those of the wrong equations."""
    name, old, new = SPEC_MUTANTS[mutation]
    report = verdict(name, compile_text(replaced(zoo.read(name), old, new)))
    assert not report.passed, render_table(report)


SOURCE_MUTANTS: dict[str, Callable[[str], str]] = {
    "dropped bias": lambda s: replaced(s, " + d_o)", ")"),
    "mask ignored": lambda s: replaced(s, "torch.where(masks[t], c, c_prev)", "c"),
    "held gradient dropped": lambda s: replaced(
        s, "d_c_next = d_c_next + d_c_held", "d_c_next = d_c_next"
    ),
    "gradient cut off": lambda s: replaced(
        s, "    return h, (h, c)\n", "    return h, (h, c.detach())\n"
    ),
    "single precision inside": lambda s: replaced(
        s, "torch.tanh(c)", "torch.tanh(c.float()).to(c)"
    ),
    "not a number": lambda s: replaced(s, "torch.tanh(c)", "torch.sqrt(-1 - c * c)"),
    "steps in the wrong order": lambda s: replaced(
        s,
        "self.run((x,), hx, lengths, mask)",
        "self.run((x.flip(0),), hx, lengths, mask)",
    ),
    "directions exchanged": lambda s: (
        s
        + """

class LSTM(LSTM):
    def load_state_dict(self, state_dict, strict=True):
        swapped = {
            (n.removesuffix("_reverse") if n.endswith("_reverse") else n + "_reverse")
            if self.bidirectional else n: v
            for n, v in state_dict.items()
        }
        return super().load_state_dict(swapped, strict=strict)
"""
    ),
    "parameter of another name": lambda s: replaced(s, '"weight_hh"', '"weight_hx"'),
    "missing cell class": lambda s: replaced(s, "class LSTMCell", "class LSTMUnit"),
    "missing layer class": lambda s: replaced(
        s, "class LSTM(RecurrentLayer)", "class LSTMLayer(RecurrentLayer)"
    ),
    "name that is nowhere": lambda s: replaced(s, "torch.tanh(c)", "torch.tanh(cc)"),
    "one state too few": lambda s: replaced(s, "return h, (h, c)", "return h, (h,)"),
    "error of its own": lambda s: replaced(
        s, "    return h, (h, c)\n", "    raise ValueError('first line\\nsecond')\n"
    ),
}


@pytest.mark.parametrize("mutation", SOURCE_MUTANTS)
def test_a_broken_module_fails(mutation: str) -> None:
    source = SOURCE_MUTANTS[mutation](zoo_compilation("LSTM").module_text)
    report = verdict("LSTM", source)
    assert not report.passed, render_table(report)


def test_a_module_that_raises_is_reported_in_a_line() -> None:
    source = SOURCE_MUTANTS["error of its own"](zoo_compilation("LSTM").module_text)
    report = verdict("LSTM", source)
    lines = render_table(report).splitlines()
    assert (
        "  LSTM layer, reference, float64, one layer: fails: ValueError: first line"
        in lines
    )
    assert not any("second" in line for line in lines)
    assert any(result.passed for result in report.results)
    assert {result.engine for result in report.failures} == {"reference"}


def test_a_wrong_gradient_is_blamed_on_the_tensor_it_belongs_to() -> None:
    source = replaced(
        zoo_compilation("PeepholeLSTM").module_text,
        "+ p_f * c_prev",
        "+ p_f.detach() * c_prev",
    )
    report = verdict("PeepholeLSTM", source)
    reference = [
        result
        for result in report.failures
        if result.engine == "reference" and result.reference == "interpreter"
    ]
    assert reference
    assert all(result.quantity == "gradients" for result in reference)
    assert all(result.worst.startswith("weight_peephole") for result in reference)
