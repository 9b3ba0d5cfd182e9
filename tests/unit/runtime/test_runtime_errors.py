"""Wrong tensors raise what torch.nn raises, and say what was expected and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from handwritten.decay import Decay, DecayCell
from handwritten.pairs import CELLS, LAYERS, Pair
from torch.nn.utils.rnn import pack_padded_sequence

T, B, D, H = 5, 3, 4, 6
X, S = torch.randn(T, B, D), torch.randn(1, B, H)
layers = pytest.mark.parametrize("pair", LAYERS, ids=lambda pair: pair[0].__name__)
cells = pytest.mark.parametrize("pair", CELLS, ids=lambda pair: pair[0].__name__)


def packed(*shape: int, **options: Any) -> Any:
    return pack_padded_sequence(torch.randn(T, B, *shape, **options), [5, 3, 2])


# Name: input, each state, words of our message.
LAYER_CASES: dict[str, tuple[Any, Any, list[str]]] = {
    "4-D": (torch.randn(T, B, D, 1), None, ["3-D", "2-D for unbatched", "got 4-D"]),
    "1-D": (torch.randn(D), None, ["got 1-D"]),
    "0-D": (torch.randn(()), None, ["got 0-D"]),
    "features": (torch.randn(T, B, 9), None, ["(4)", "got (5, 3, 9)"]),
    "features unbatched": (torch.randn(T, 9), None, ["(4)", "got (5, 9)"]),
    "state features": (X, torch.randn(1, B, 9), ["(1, 3, 6)", "got (1, 3, 9)"]),
    "state batch": (X, torch.randn(1, 9, H), ["(1, 3, 6)", "got (1, 9, 6)"]),
    "state layers": (X, torch.randn(2, B, H), ["(1, 3, 6)", "got (2, 3, 6)"]),
    "state 2-D": (X, torch.randn(1, H), ["(1, 3, 6)", "got (1, 6)"]),
    "state 4-D": (X, torch.randn(1, 1, B, H), ["(1, 3, 6)", "got (1, 1, 3, 6)"]),
    "state 3-D for unbatched": (X[:, 0], S, ["(1, 6)", "got (1, 3, 6)"]),
    "state features unbatched": (X[:, 0], torch.randn(1, 9), ["(1, 6)", "got (1, 9)"]),
    "double": (X.double(), None, ["torch.float32", "got torch.float64"]),
    "half": (X.half(), None, ["torch.float32", "got torch.float16"]),
    "integer": (X.long(), None, ["torch.float32", "got torch.int64"]),
    "complex": (X.to(torch.complex64), None, ["got torch.complex64"]),
    "state dtype": (X, S.double(), ["torch.float32", "got torch.float64"]),
    "array": (X.numpy(), None, ["expected a torch.Tensor, got numpy.ndarray"]),
    "list": (X.tolist(), None, ["got builtins.list"]),
    "none": (None, None, ["got builtins.NoneType"]),
    "state array": (X, S.numpy(), ["expected a torch.Tensor, got numpy.ndarray"]),
    "device": (X.to("meta"), None, ["on cpu, got one on meta"]),
    "state device": (X, S.to("meta"), ["on cpu, got one on meta"]),
    "no steps": (torch.randn(0, B, D), None, ["at least one step"]),
    "packed features": (packed(9), None, ["(4)", "got (10, 9)"]),
    "packed state": (packed(D), torch.randn(1, 9, H), ["(1, 3, 6)", "got (1, 9, 6)"]),
    "packed dtype": (packed(D, dtype=torch.float64), None, ["got torch.float64"]),
    "packed 1-D": (packed(), None, ["(4)"]),
}


def raised(module: Any, *arguments: Any) -> type[BaseException]:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        module(*arguments)
    return caught.type


@layers
@pytest.mark.parametrize("case", LAYER_CASES)
def test_layer(pair: Pair, case: str) -> None:
    x, state, words = LAYER_CASES[case]
    hx = (state, state) if state is not None and pair is LAYERS[0] else state
    expected = raised(pair[1](D, H), x, hx)
    with pytest.raises(expected) as caught:
        pair[0](D, H)(x, hx)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("hx", "words"),
    [
        (S, "expected a tuple of 2 tensors (h, c), got torch.Tensor"),
        (3, "expected a tuple of 2 tensors (h, c), got builtins.int"),
        ((S,), "expected 2 tensors (h, c), got 1"),
        ((S, S, S), "expected 2 tensors (h, c), got 3"),
        ((S, None), "hx: c: expected a torch.Tensor, got builtins.NoneType"),
        ((S, torch.randn(1, B, 9)), "expected c of size (1, 3, 6), got (1, 3, 9)"),
    ],
)
def test_states_of_two_state_layers(hx: Any, words: str) -> None:
    expected = raised(torch.nn.LSTM(D, H), X, hx)
    with pytest.raises(expected) as caught:
        LAYERS[0][0](D, H)(X, hx)
    assert words in str(caught.value)


@pytest.mark.parametrize("hx", [(S,), (S, S), [S]])
def test_states_of_one_state_layers(hx: Any) -> None:
    expected = raised(torch.nn.GRU(D, H), X, hx)
    with pytest.raises(expected, match=r"hx: expected a torch\.Tensor, got builtins"):
        LAYERS[1][0](D, H)(X, hx)


def test_a_list_of_states_will_do() -> None:
    layer = LAYERS[0][0](D, H)
    assert torch.equal(layer(X, [S, S])[0], layer(X, (S, S))[0])


x, s = X[0], S[0]
CELL_CASES: dict[str, tuple[Any, Any, list[str]]] = {
    "3-D": (X, None, ["2-D", "1-D for unbatched", "got 3-D"]),
    "0-D": (torch.randn(()), None, ["got 0-D"]),
    "features": (torch.randn(B, 9), None, ["(4)", "got (3, 9)"]),
    "features unbatched": (torch.randn(9), None, ["(4)", "got (9)"]),
    "state features": (x, torch.randn(B, 9), ["(3, 6)", "got (3, 9)"]),
    "state batch": (x, torch.randn(1, H), ["(3, 6)", "got (1, 6)"]),
    "state 1-D": (x, torch.randn(H), ["(3, 6)", "got (6)"]),
    "state 2-D unbatched": (x[0], torch.randn(1, H), ["(6)", "got (1, 6)"]),
    "state 3-D": (x, S, ["2-D", "got 3-D"]),
    "double": (x.double(), None, ["torch.float32", "got torch.float64"]),
    "integer": (x.long(), None, ["torch.float32", "got torch.int64"]),
    "state dtype": (x, s.double(), ["torch.float32", "got torch.float64"]),
    "array": (x.numpy(), None, ["numpy.ndarray"]),
    "list": (x.tolist(), None, ["builtins.list"]),
    "state array": (x, s.numpy(), ["numpy.ndarray"]),
    "device": (x.to("meta"), None, ["on cpu, got one on meta"]),
    "state device": (x, s.to("meta"), ["on cpu, got one on meta"]),
}


@cells
@pytest.mark.parametrize("case", CELL_CASES)
def test_cell(pair: Pair, case: str) -> None:
    value, state, words = CELL_CASES[case]
    hx = (state, state) if state is not None and pair is CELLS[0] else state
    expected = raised(pair[1](D, H), value, hx)
    with pytest.raises(expected) as caught:
        pair[0](D, H)(value, hx)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("hx", [s, 3, (s,), (s, s, s)])
def test_states_of_two_state_cells(hx: Any) -> None:
    expected = raised(torch.nn.LSTMCell(D, H), x, hx)
    with pytest.raises(expected, match="2 tensors"):
        CELLS[0][0](D, H)(x, hx)


def test_further_inputs_must_fit_the_first() -> None:
    layer: Any = Decay(D, H)
    dt = torch.rand(T, B)
    with pytest.raises(RuntimeError, match=r"dt: .*first dimensions of x, \(5, 3\)"):
        layer(X, torch.rand(T, B + 1))
    with pytest.raises(RuntimeError, match=r"dt: .*got \(5, 3, 1\)"):
        layer(X, dt.unsqueeze(-1))
    with pytest.raises(RuntimeError) as caught:
        layer(X, dt.unsqueeze(-1))
    assert str(caught.value) == (
        "dt: one number for each step: expected (5, 3), got (5, 3, 1)"
    )
    with pytest.raises(TypeError, match=r"dt: expected a torch\.Tensor, got numpy"):
        layer(X, np.zeros((T, B)))
    with pytest.raises(ValueError, match=r"dt: expected dtype torch\.float32"):
        layer(X, dt.double())
    with pytest.raises(RuntimeError, match=r"dt: expected a tensor on cpu"):
        layer(X, dt.to("meta"))
    with pytest.raises(RuntimeError, match=r"s of size \(1, 3\), got \(1, 3, 1\)"):
        layer(X, dt, (S, torch.rand(1, B, 1)))
    with pytest.raises(RuntimeError, match=r"dt: .*got \(3, 1\)"):
        DecayCell(D, H)(x, dt[0].unsqueeze(-1))


def test_packed_inputs_must_be_packed_alike() -> None:
    layer: Any = Decay(D, H)
    dt = torch.rand(T, B)
    with pytest.raises(RuntimeError, match=r"dt: .*batch sizes \[3, 3, 3, 3, 3\]"):
        layer(packed(D), pack_padded_sequence(dt, [5, 5, 5]))
    with pytest.raises(TypeError, match=r"dt: expected a PackedSequence, as x is"):
        layer(packed(D), dt)
    with pytest.raises(TypeError, match=r"dt: expected a torch\.Tensor, got torch\.nn"):
        layer(X, pack_padded_sequence(dt, [5, 3, 2]))
    one = pack_padded_sequence(X, [3, 5, 2], enforce_sorted=False)
    other = pack_padded_sequence(dt, [5, 3, 2], enforce_sorted=False)
    with pytest.raises(RuntimeError, match="order of the first input"):
        layer(one, other)


@pytest.mark.parametrize(
    ("value", "state", "dtype", "message"),
    [
        (
            X.long(),
            None,
            torch.float32,
            "got torch.int64. Convert the tensor, x.float()",
        ),
        (X > 0, None, torch.float32, "got torch.bool. Convert the tensor, x.float()"),
        (X, S.int(), torch.float32, "got torch.int32. Convert the tensor, h.float()"),
        (
            X.long(),
            None,
            torch.float64,
            "got torch.int64. Convert the tensor, x.to(torch.float64)",
        ),
        (
            X.double(),
            None,
            torch.float32,
            "got torch.float64. Convert the tensor, .to(torch.float32), or the module, "
            ".to(torch.float64)",
        ),
        (X.to(torch.complex64), None, torch.float32, "got torch.complex64"),
    ],
)
def test_how_to_convert(
    value: Any, state: Any, dtype: torch.dtype, message: str
) -> None:
    with pytest.raises(ValueError, match="expected dtype") as caught:
        LAYERS[1][0](D, H, dtype=dtype)(value, state)
    name = "x" if state is None else "hx: h"
    assert str(caught.value) == f"{name}: expected dtype {dtype}, {message}"
