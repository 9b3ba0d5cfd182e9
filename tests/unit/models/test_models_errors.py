"""Wrong arguments, and the corners of right ones."""

from __future__ import annotations

import re
from typing import cast

import pytest
import torch
from model_cases import CASES, ROWS, STEPS, Case, flat, gradients
from model_specs import model

WORDS = torch.zeros(STEPS, ROWS, dtype=torch.long)
X = torch.zeros(STEPS, ROWS, 3, dtype=torch.float64)


@pytest.mark.parametrize(
    ("lengths", "kind", "message"),
    [
        ([1, 2], TypeError, "lengths: expected a torch.Tensor, got builtins.list"),
        (torch.ones(ROWS), ValueError, "lengths: expected an integer dtype, got"),
        (
            torch.ones(3).int(),
            RuntimeError,
            "lengths: expected size (5,), one for each",
        ),
        (torch.tensor(4), RuntimeError, "lengths: expected size (5,), one for each"),
        (
            torch.tensor([1, 2, 7, 1, 1]),
            ValueError,
            "lengths: expected 0 to 6, the number of steps, got 1 to 7",
        ),
        (torch.tensor([1, 2, -1, 1, 1]), ValueError, "got -1 to 2"),
    ],
)
def test_lengths(lengths: object, kind: type[Exception], message: str) -> None:
    stack = model("stack", 3, 4, 2)
    for module, x in ((stack, X), (stack.layer_3, torch.zeros(6, 5, 7).double())):
        with pytest.raises(kind, match=re.escape(message)):
            module(x, lengths=lengths)


def test_lengths_beside_a_packed_sequence_or_a_single_one() -> None:
    layer = model("stack", 3, 4, 2).layer_3
    packed = torch.nn.utils.rnn.pack_sequence([torch.zeros(3, 7).double()])
    with pytest.raises(ValueError, match="a PackedSequence has lengths of its own"):
        layer(packed, lengths=torch.tensor([2]))
    with pytest.raises(
        RuntimeError, match="expected a batch of sequences, got a single"
    ):
        layer(torch.zeros(3, 7).double(), lengths=torch.tensor([2]))


@pytest.mark.parametrize(
    ("name", "x", "kind", "message"),
    [
        ("tagger", [1], TypeError, "words: expected a torch.Tensor, got builtins.list"),
        ("tagger", WORDS.double(), ValueError, "words: expected whole numbers, got"),
        (
            "tagger",
            WORDS[0, 0],
            ValueError,
            "words: expected a 2-D tensor, or 1-D for unbatched input, got 0-D",
        ),
        ("tagger", WORDS[:0], RuntimeError, "words: expected at least one step"),
        (
            "last",
            X[0, 0],
            ValueError,
            "x: expected a 3-D tensor, or 2-D for unbatched input, got 1-D",
        ),
        ("last", X.long(), ValueError, "x: expected a floating-point dtype"),
        (
            "last",
            X[..., :2],
            RuntimeError,
            "x: expected the last dimensions to be (3,)",
        ),
        ("last", X[:0], RuntimeError, "x: expected at least one step, got none"),
        ("last", X.float(), ValueError, "x: expected dtype torch.float64"),
        (
            "once",
            X,
            ValueError,
            "x: expected a 2-D tensor, or 1-D for unbatched input, got 3-D",
        ),
    ],
)
def test_inputs(name: str, x: object, kind: type[Exception], message: str) -> None:
    ours = model(name, 9, 4) if name == "tagger" else model(name, 3, 4)
    with pytest.raises(kind, match=re.escape(message)):
        ours(x)


def test_inputs_of_different_sizes() -> None:
    with pytest.raises(RuntimeError, match="dt: expected 6 steps of 5 rows, as x has"):
        model("timed", 3)(X, X[:4, :, 0])


def test_states() -> None:
    stack = model("stack", 3, 4, 2)
    with pytest.raises(TypeError, match=r"state: expected a tuple .* layer_1, layer_2"):
        stack(X, state=torch.zeros(1, ROWS, 4))
    with pytest.raises(RuntimeError, match=r"state: expected 3 entries .*, got 1"):
        stack(X, state=(None,))
    with pytest.raises(RuntimeError, match=r"hx: expected h of size \(1, 5, 4\)"):
        stack(X, state=(torch.zeros(1, 2, 4).double(), None, None))


def test_sizes_and_options() -> None:
    with pytest.raises(ValueError, match="v_size must be greater than zero, got: 0"):
        model("tagger", 0, 3)
    with pytest.raises(TypeError, match="k_size should be of type int, got: float"):
        model("tagger", 3, cast(int, 2.0))
    with pytest.raises(TypeError, match="batch_first should be of type bool, got: int"):
        model("tagger", 3, 2, batch_first=1)
    with pytest.raises(ValueError, match="engine must be one of 'auto'"):
        model("tagger", 3, 2).engine = "fast"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_rows(case: Case) -> None:
    ours, _ = case.pair()
    for lengths in (None, torch.zeros(0).long()):
        output, state = ours(case.input(rows=0), lengths=lengths)
        batch = 1 if output.dim() == 3 else 0
        assert output.shape[batch] == 0
        assert all(value.shape[1] == 0 for value in flat(state))
        found = gradients((output, *flat(state)), list(ours.parameters()))
        assert not any(gradient.any() for gradient in found)
