"""What is given once a sequence: as states, beside the features, into cells."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import pytest
import torch
from model_cases import ENGINES, flat, gradients
from model_specs import model
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

F, V, T, B = 3, 7, 5, 4
LENGTHS = (3, 5, 1, 4)
EXACT: dict[str, float] = {"rtol": 1e-12, "atol": 1e-12}


class PlainCaption(nn.Module):
    """The same with torch.nn alone."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(V, 6)
        self.layer_1 = nn.LSTM(6 + F, 5)
        self.layer_1_state = nn.ModuleDict({"h": nn.Linear(F, 5), "c": nn.Linear(F, 5)})
        self.head = nn.Linear(5, V)
        self.double()

    def forward(self, image: Tensor, words: Tensor) -> Any:
        start = tuple(
            torch.tanh(self.layer_1_state[name](image))[None] for name in ("h", "c")
        )
        x = torch.cat((self.embedding(words), image.repeat(len(words), 1, 1)), -1)
        x, last = self.layer_1(x, start)
        return self.head(x), last


def pair() -> tuple[Any, PlainCaption]:
    ours, plain = model("caption", F, V), PlainCaption()
    plain.load_state_dict(ours.state_dict(), strict=True)
    return ours, plain


def song(**options: Any) -> tuple[Any, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """A model with contexts of every kind, with contexts and inputs for it."""
    made = model("song", 5, V, **options)
    for parameter in made.parameters():
        nn.init.uniform_(parameter, -0.6, 0.6)
    real: dict[str, Any] = {"dtype": torch.float64}
    contexts = (
        torch.randn(B, 3, **real),
        torch.randint(5, (B,)),
        torch.rand(B, **real),
        torch.randn(B, 2, **real),
    )
    inputs = (
        torch.randint(V, (T, B)),
        torch.randn(T, B, **real),
        torch.randn(T, B, 2, **real),
    )
    return made, contexts, inputs


@pytest.mark.parametrize("engine", ENGINES)
def test_a_caption_is_that_of_a_plain_model(engine: str) -> None:
    ours, plain = pair()
    ours.engine = engine
    image = torch.randn(B, F, dtype=torch.float64, requires_grad=True)
    words = torch.randint(V, (T, B))
    expected, last = plain(image, words)
    output, state = ours(image, words)
    assert_close(output, expected, **EXACT)
    assert_close(state[0], last, **EXACT)
    assert_close(state[1], image[None], **EXACT)
    found = gradients(output, [image, *ours.parameters()])
    assert_close(found, gradients(expected, [image, *plain.parameters()]), **EXACT)


@pytest.mark.parametrize("batch_first", [False, True])
def test_rows_of_a_caption_end_where_their_lengths_say(batch_first: bool) -> None:
    ours, plain = pair()
    ours.batch_first = batch_first
    image, words = torch.randn(B, F).double(), torch.randint(V, (T, B))
    given = words.t() if batch_first else words
    output, (state, _) = ours(image, given, lengths=torch.tensor(LENGTHS))
    output = output.transpose(0, 1) if batch_first else output
    for row, length in enumerate(LENGTHS):
        own, last = plain(image[row : row + 1], words[:length, row : row + 1])
        assert_close(output[:length, row], own[:, 0], **EXACT)
        assert not output[length:, row].any()
        assert_close([s[:, row] for s in state], [s[:, 0] for s in last], **EXACT)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_use_of_a_context(engine: str) -> None:
    made, contexts, inputs = song()
    made.engine = engine
    lengths = torch.tensor(LENGTHS)
    output, *_ = made(*contexts, *inputs, lengths=lengths)
    for row, length in enumerate(LENGTHS):
        mood, genre, dt, width = (value[row : row + 1] for value in contexts)
        notes, loud, pitch = (value[:length, row : row + 1] for value in inputs)
        expected = by_hand(made, mood, genre, dt, width, notes, loud, pitch)
        assert_close(output[:length, row], expected[:, 0], **EXACT)
        assert not output[length:, row].any()


def by_hand(
    made: Any,
    mood: Tensor,
    genre: Tensor,
    dt: Tensor,
    width: Tensor,
    notes: Tensor,
    loud: Tensor,
    pitch: Tensor,
) -> Tensor:
    """One row, with the model's layers and plain tensor operations between them."""
    steps = len(notes)
    x = made.embedding.weight[notes]
    of_genre = made.join_1.weight[genre].expand(steps, 1, 3)
    x = torch.cat((x, of_genre, loud[..., None], pitch), -1)
    tables = [getattr(made.layer_1_state, name) for name in ("h", "c")]
    start = tuple(table.weight[genre][None] for table in tables)
    x, _ = made.layer_1(x, dt.expand(steps, 1), start)
    first = made.layer_2_1_state.h(mood)[None]
    second = made.layer_2_2_state.h(mood)[None]
    x = torch.cat((made.layer_2_1(x, first)[0], made.layer_2_2(x, second)[0]), -1)
    both = made.layer_3_state.h(dt[:, None]).relu().view(1, 2, 4).transpose(0, 1)
    x, _ = made.layer_3(x, both)
    x = x[..., :4] + x[..., 4:]
    learned = made.layer_4_state.h[:, None]
    x = made.layer_4(x.flip(0), learned)[0].flip(0)[..., :3]  # z is behind
    x = torch.cat((x, mood.expand(steps, 1, 3)), -1).tanh()
    x = functional.linear(x, made.head_1.weight, made.head_1.bias).relu()
    x = functional.linear(x, made.head_2.weight, made.head_2.bias)
    return torch.cat((x, width.expand(steps, 1, 2), dt.expand(steps, 1, 1)), -1)


def test_a_context_in_the_head_of_one_output() -> None:
    made = model("patient", 3)
    dt, age = torch.rand(B).double(), torch.randn(B, 2).double()
    x = torch.randn(T, B, 3).double()
    output, _ = made(dt, age, x)
    y = made.layer_1(x.flip(0), dt.expand(T, B))[0]
    expected = made.head(torch.cat((y.mean(0), age), -1))
    assert_close(output, expected, **EXACT)


def test_a_context_where_there_is_no_time() -> None:
    made = model("single", 2)
    z, x = torch.randn(B, 3).double(), torch.randn(B, 2).double()
    output, (state, carried) = made(z, x)
    start = made.layer_1_state.h(z)[None]
    y, last = made.layer_1(x[None], start)
    assert_close(output, made.head(torch.cat((y[0], z), -1)), **EXACT)
    assert_close([state, carried], [last, z[None]], **EXACT)
    assert_close(made.step(x, state=made.start(z))[0], output, **EXACT)


@pytest.mark.parametrize("batch_first", [False, True])
def test_steps_are_forward(batch_first: bool) -> None:
    ours, _ = pair()
    ours.batch_first = batch_first
    image, words = torch.randn(B, F).double(), torch.randint(V, (T, B))
    whole, last = ours(image, words.t() if batch_first else words)
    state = ours.start(image)
    outputs = []
    for t in range(T):
        output, state = ours.step(words[t], state=state)
        outputs.append(output)
    assert_close(torch.stack(outputs, 1 if batch_first else 0), whole, **EXACT)
    assert_close(flat(state), flat(last), **EXACT)


def test_a_state_stands_for_the_contexts_it_was_made_of() -> None:
    ours, _ = pair()
    images, words = torch.randn(2, B, F).double(), torch.randint(V, (T, B))
    whole, last = ours(images[0], words)
    first, state = ours(images[0], words[:2])
    second, state = ours(images[1], words[2:], state=state)
    assert_close(torch.cat((first, second)), whole, **EXACT)
    assert_close(flat(state), flat(last), **EXACT)


def test_masks_packed_and_single_sequences() -> None:
    made, contexts, inputs = song()
    lengths = torch.tensor(LENGTHS)
    expected, last, emitted = made(*contexts, *inputs, lengths=lengths)
    mask = torch.arange(T).unsqueeze(1) < lengths
    output, state, _ = made(*contexts, *inputs, mask=mask)
    assert_close(flat([output, state]), flat([expected, last]), **EXACT)
    packed = [pack_padded_sequence(x, lengths, enforce_sorted=False) for x in inputs]
    again, state, _ = made(*contexts, *packed)
    assert_close(pad_packed_sequence(again, total_length=T)[0], expected, **EXACT)
    assert_close(flat(state), flat(last), **EXACT)
    output, state, gates = made(*(c[1] for c in contexts), *(x[:, 1] for x in inputs))
    assert_close(output, expected[:, 1], **EXACT)
    assert_close(flat(state), [s[:, 1] for s in flat(last)], **EXACT)
    assert_close(gates["layer_4.z"], emitted["layer_4.z"][:, 1], **EXACT)


def test_rows_that_are_no_numbers_reach_no_others() -> None:
    made, contexts, inputs = song()
    lengths = torch.tensor(LENGTHS)
    expected, *_ = made(*contexts, *inputs, lengths=lengths)
    bad = [value.clone() for value in contexts]
    further = [value.clone() for value in inputs]
    for value in (bad[0], bad[2], bad[3]):
        value[2] = torch.nan
    for row, length in enumerate(LENGTHS):
        further[1][length:, row] = torch.inf
        further[2][length:, row] = torch.nan
    further[1][:, 2] = torch.nan
    bad[0].requires_grad_()
    output, *_ = made(*bad, *further, lengths=lengths)
    rows = [0, 1, 3]
    assert_close(output[:, rows], expected[:, rows], **EXACT)
    (found,) = torch.autograd.grad(output[:, rows].sum(), bad[0])
    assert found[rows].isfinite().all()


def test_copies_and_states() -> None:
    made, contexts, inputs = song()
    expected = made(*contexts, *inputs)[:2]
    fresh, *_ = song()
    fresh.load_state_dict(made.state_dict(), strict=True)
    for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made)), fresh):
        assert_close(flat(other(*contexts, *inputs)[:2]), flat(expected), **EXACT)


def test_a_table_begins_where_the_layer_would() -> None:
    made = model("song", 5, V)
    for name in ("h", "c"):
        assert not getattr(made.layer_1_state, name).weight.any()


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({0: [1.0]}, TypeError, "mood: expected a torch.Tensor, got builtins.list"),
        ({0: torch.zeros(B, 2)}, RuntimeError, "mood: expected the last dimensions"),
        ({0: torch.zeros(B, 1, 3)}, ValueError, "mood: expected a 2-D tensor, or 1-D"),
        ({1: torch.zeros(B)}, ValueError, "genre: expected whole numbers, got"),
        ({2: torch.zeros(2)}, RuntimeError, "dt: expected 4 rows, as mood has, got 2"),
    ],
)
def test_wrong_contexts(
    change: dict[int, Any], kind: type[Exception], message: str
) -> None:
    made, contexts, inputs = song()
    given = [change.get(i, value) for i, value in enumerate(contexts)]
    with pytest.raises(kind, match=re.escape(message)):
        made(*given, *inputs)


def test_wrong_states() -> None:
    ours, _ = pair()
    words = torch.randint(V, (T, B))
    state = ours.start(torch.randn(B, F).double())
    message = "state: expected all entries, as `start` returns them, got None"
    with pytest.raises(TypeError, match=message):
        ours.step(words[0], state=(None, state[1]))
    with pytest.raises(TypeError, match=message):
        ours.step(words[0], state=None)
    with pytest.raises(RuntimeError, match=r"expected 2 entries \(layer_1, image\)"):
        ours.decode(words, state=state[:1])
    with pytest.raises(RuntimeError, match="expected contexts of 3 rows, as the"):
        ours.decode(words[:, :3], state=state)


def test_explanation() -> None:
    ours, _ = pair()
    lines = ours.explain().splitlines()
    assert lines[lines.index("caption.rnn:5  context image: [F]") + 1] == (
        "    image (B, F)"
    )
    assert "caption.rnn:13  generate start(1), stop(2)" in lines
