"""What was proved of a cell that is one of torch's, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from rnndsl.symbolic.vendor import VendorForm, VendorFunction


def vendor_name(function: VendorFunction) -> str:
    """The module of torch that runs it."""
    match function:
        case VendorFunction.LSTM:
            return "torch.nn.LSTM"
        case VendorFunction.GRU:
            return "torch.nn.GRU"
        case VendorFunction.RNN_TANH:
            return "torch.nn.RNN"
        case VendorFunction.RNN_RELU:
            return 'torch.nn.RNN with nonlinearity="relu"'
        case _:
            assert_never(function)


def vendor_weights(form: VendorForm) -> Iterator[tuple[str, str]]:
    """Each of torch's parameters, and what it is: ``W_i, W_f, W_g, W_o``, with 0 for a
    gate that has none."""
    yield "weight_ih", _listed(form.weight_ih)
    yield "weight_hh", _listed(form.weight_hh)
    for name, members in (("bias_ih", form.bias_ih), ("bias_hh", form.bias_hh)):
        yield name, _listed(members) if any(members) else "0"


def _listed(members: tuple[str | None, ...]) -> str:
    return ", ".join(member or "0" for member in members)
