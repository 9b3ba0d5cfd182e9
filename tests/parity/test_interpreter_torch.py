"""The interpreter on the cells torch.nn has, against torch.nn."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from zoo_programs import zoo_cell

from rnndsl.verify.interpreter import run_sequence

SIZES = {"I": 5, "H": 7, "P": 4}
T, B = 6, 3


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [None, (4, 6, 1)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("name", "build", "options"),
    [
        ("Elman", nn.RNN, {}),
        ("ElmanReLU", nn.RNN, {"nonlinearity": "relu"}),
        ("GRU", nn.GRU, {}),
        ("LSTM", nn.LSTM, {}),
        ("LSTMP", nn.LSTM, {"proj_size": SIZES["P"]}),
    ],
)
def test_interpreter_is_torch_nn(
    name: str,
    build: Any,
    options: dict[str, Any],
    bias: bool,
    lengths: tuple[int, ...] | None,
    reverse: bool,
) -> None:
    torch.manual_seed(1)
    module = build(
        SIZES["I"],
        SIZES["H"],
        bias=bias,
        bidirectional=True,
        dtype=torch.float64,
        **options,
    )
    x = torch.randn(T, B, SIZES["I"], dtype=torch.float64)
    packed = (
        x
        if lengths is None
        else pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
    )
    width = SIZES["P" if name == "LSTMP" else "H"]
    given = {"h": torch.randn(2, B, width, dtype=torch.float64)}
    if name.startswith("LSTM"):
        given["c"] = torch.randn(2, B, SIZES["H"], dtype=torch.float64)
    hx = tuple(given.values()) if len(given) == 2 else given["h"]
    output, last = module(packed, hx)
    if lengths is not None:
        output, _ = pad_packed_sequence(output, total_length=T)

    suffix = "_l0_reverse" if reverse else "_l0"
    stored = {
        parameter: value.detach()
        for parameter, value in (
            (n.removesuffix(suffix), v) for n, v in module.named_parameters()
        )
        if not parameter.endswith(("_l0", "_reverse"))
    }
    cell = zoo_cell(name)
    direction = int(reverse)
    found, final = run_sequence(
        cell,
        SIZES,
        {"x": x},
        {n: value[direction] for n, value in given.items()},
        stored,
        lengths=lengths,
        reverse=reverse,
    )
    expected = output[..., direction * width : (direction + 1) * width]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)
    for value, wanted in zip(
        final.values(), last if len(given) == 2 else (last,), strict=True
    ):
        torch.testing.assert_close(value, wanted[direction], rtol=0, atol=1e-13)
