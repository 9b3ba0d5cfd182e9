"""Which cells are proved to be torch's, and that they are."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from near_misses import NEAR_MISSES
from step_values import ZOO, zoo_graph
from torch import Tensor
from torch.testing import assert_close
from vendor_specs import SPELLINGS, layer_of, module_of, spelled

from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source
from rnndsl.symbolic.vendor import VendorForm, vendor_form


def form_of(text: str) -> VendorForm | None:
    (graph,) = Compilation(Source("spec.rnn", text), None).graphs
    return vendor_form(graph)


def outcome(layer: Any) -> list[Tensor]:
    """Output, states and all gradients on the same random sequence each time."""
    generator = torch.Generator().manual_seed(3)
    width = layer.specification.dimensions[0][1]
    x = torch.randn(
        4, 2, getattr(layer, width), dtype=torch.float64, generator=generator
    ).requires_grad_()
    output, state = layer(x)
    states = state if isinstance(state, tuple) else (state,)
    total = (output * output.cos()).sum() + sum(s.sin().sum() for s in states)
    tensors = (x, *layer.parameters())
    return [output, *states, *torch.autograd.grad(total, tensors, allow_unused=True)]


def test_there_are_enough_of_both() -> None:
    assert len(SPELLINGS) >= 25
    assert len(NEAR_MISSES) >= 25


@pytest.mark.parametrize("name", SPELLINGS)
def test_equal_spellings_are_recognised_and_equal(name: str) -> None:
    kind, lines = SPELLINGS[name]
    text = spelled(kind, lines)
    form = form_of(text)
    assert form is not None
    assert form.function.value == kind
    assert_close(
        outcome(layer_of(text, "vendor")),
        outcome(layer_of(text, "reference")),
        rtol=1e-10,
        atol=1e-12,
    )


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_near_misses_are_not_taken(name: str) -> None:
    text = spelled(*NEAR_MISSES[name])
    assert form_of(text) is None
    assert module_of(text).A.specification.vendor is None
    layer = layer_of(text, "vendor")
    with pytest.raises(RuntimeError, match="'vendor' cannot run here: the cell is not"):
        layer(torch.zeros(2, 1, layer.input_size if "I" in text else 3).double())


def test_the_cells_of_the_zoo() -> None:
    found = {cell: vendor_form(zoo_graph(cell)) for cell in ZOO}
    functions = {cell: form.function.value for cell, form in found.items() if form}
    assert functions == {
        "Elman": "rnn_tanh",
        "ElmanReLU": "rnn_relu",
        "GRU": "gru",
        "IRNN": "rnn_relu",
        "LSTM": "lstm",
    }


def test_members_are_in_torchs_order() -> None:
    form = form_of(spelled(*SPELLINGS["names of gates exchanged"]))
    assert form is not None
    assert form.weight_ih == ("W_i", "W_f", "W_g", "W_o")
    assert form.bias_hh == ("d_i", "d_f", "d_g", "d_o")
    form = form_of(spelled(*SPELLINGS["the cell declared first"]))
    assert form is not None
    assert form.states == ("h", "c")
    form = form_of(spelled(*SPELLINGS["gru, biases exchanged"]))
    assert form is not None
    # The biases of r and z go with those of n, whose places are not free.
    assert form.bias_ih == ("d_r", "d_z", "d_n")
    assert form.bias_hh == ("b_r", "b_z", "b_n")
    form = form_of(spelled(*SPELLINGS["gru, one bias within"]))
    assert form is not None
    assert form.bias_ih == (None, None, None)
    assert form.bias_hh == ("d_r", "d_z", "d_n")


def test_what_is_too_large_is_not_looked_into() -> None:
    many = " * ".join(["(i + f + g + o)"] * 12)
    wide = spelled("lstm", {"c[t]": f"c[t] = f * c[t-1] + i * g + {many} - {many}"})
    assert form_of(wide) is None
    names = [f"q{index}" for index in range(150)]
    chain = "\n".join(
        f"{name} = 2 * {before}"
        for before, name in zip(["i", *names], names, strict=False)
    )
    long = spelled("lstm", {"c[t]": f"{chain}\nc[t] = f * c[t-1] + i * g + 0 * q149"})
    assert form_of(long) is None
