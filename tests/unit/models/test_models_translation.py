"""Encoders and decoders, beside the same written with torch.nn, row by row."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from model_cases import ENGINES, flat, gradients
from model_specs import model
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

S, T = 8, 6  # vocabularies
FROM, TO, B = 5, 4, 4  # steps of both sequences, rows
SOURCE, TARGET = (3, 5, 1, 4), (4, 2, 3, 1)
EXACT: dict[str, float] = {"rtol": 1e-12, "atol": 1e-12}


class Attention(nn.Module):
    """v . tanh(W q + U k), after Bahdanau et al."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(5, 7, bias=False)
        self.key = nn.Linear(5, 7, bias=False)
        self.energy = nn.Linear(7, 1, bias=False)

    def forward(self, q: Tensor, keys: Tensor) -> Tensor:
        """q (B, 5) over keys (S, B, 5): the context (B, 5)."""
        energies = self.energy(torch.tanh(self.query(q) + self.key(keys)))
        return (energies.softmax(0) * keys).sum(0)


class PlainTranslator(nn.Module):
    """Attention and input feeding, one step after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict(
            {
                "embedding": nn.Embedding(S, 6),
                "layer_1": nn.LSTM(6, 5, bidirectional=True),
                "layer_2": nn.LSTM(5, 5, bidirectional=True),
            }
        )
        self.embedding = nn.Embedding(T, 4)
        self.layer_1 = nn.LSTM(4 + 3, 5)
        self.layer_2 = nn.LSTM(5, 5)
        self.attention_1 = Attention()
        self.map_1 = nn.Linear(10, 3)
        self.head = nn.Linear(3, T)
        self.double()

    def forward(self, source: Tensor, target: Tensor) -> Any:
        x, states = self.encoder["embedding"](source), []
        for name in ("layer_1", "layer_2"):
            x, last = self.encoder[name](x)
            x = x[..., :5] + x[..., 5:]
            states.append(tuple(value.sum(0, keepdim=True) for value in last))
        fed = torch.zeros(1, source.shape[1], 3, dtype=torch.float64)
        outputs = []
        for word in self.embedding(target):
            y, states[0] = self.layer_1(torch.cat((word[None], fed), -1), states[0])
            y, states[1] = self.layer_2(y, states[1])
            context = self.attention_1(y[0], x)
            fed = self.map_1(torch.cat((y, context[None]), -1)).tanh()
            outputs.append(self.head(fed[0]))
        return torch.stack(outputs), (*states, fed)


def pair() -> tuple[Any, PlainTranslator]:
    ours, plain = model("translator", S, T), PlainTranslator()
    for parameter in ours.parameters():
        nn.init.uniform_(parameter, -0.7, 0.7)
    plain.load_state_dict(ours.state_dict(), strict=True)
    return ours, plain


def words() -> tuple[Tensor, Tensor]:
    return torch.randint(S, (FROM, B)), torch.randint(T, (TO, B))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_translation_is_that_of_a_plain_model(engine: str) -> None:
    ours, plain = pair()
    ours.engine = engine
    source, target = words()
    expected, last = plain(source, target)
    output, state = ours(source, target)
    assert_close(output, expected, **EXACT)
    assert_close(flat(state[:3]), flat(last), **EXACT)
    found = dict(
        zip(
            (name for name, _ in ours.named_parameters()),
            gradients(output, list(ours.parameters())),
            strict=True,
        )
    )
    names = [name for name, _ in plain.named_parameters()]
    wanted = gradients(expected, list(plain.parameters()))
    assert_close(found, dict(zip(names, wanted, strict=True)), **EXACT)


def rows_alone(
    plain: PlainTranslator, source: Tensor, target: Tensor
) -> list[tuple[Tensor, Any]]:
    """Each row by itself, without padding."""
    return [
        plain(source[:n, row : row + 1], target[:m, row : row + 1])
        for row, (n, m) in enumerate(zip(SOURCE, TARGET, strict=True))
    ]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch_first", [False, True])
def test_both_sequences_are_ragged(engine: str, batch_first: bool) -> None:
    ours, plain = pair()
    ours.engine = engine
    ours.batch_first = ours.encoder.batch_first = batch_first
    source, target = words()
    alone = rows_alone(plain, source, target)
    given = [x.t() if batch_first else x for x in (source, target)]
    output, state = ours(
        *given,
        source_lengths=torch.tensor(SOURCE),
        target_lengths=torch.tensor(TARGET),
    )
    output = output.transpose(0, 1) if batch_first else output
    for row, (expected, last) in enumerate(alone):
        assert_close(output[: TARGET[row], row], expected[:, 0], **EXACT)
        assert not output[TARGET[row] :, row].any()
        own = [value[:, row : row + 1] for value in flat(state[:3])]
        assert_close(own, flat(last), **EXACT)
    total = torch.stack([expected.square().sum() for expected, _ in alone]).sum()
    wanted = torch.autograd.grad(total, list(plain.parameters()))
    found = torch.autograd.grad(output.square().sum(), list(ours.parameters()))
    assert_close(
        dict(zip((n for n, _ in ours.named_parameters()), found, strict=True)),
        dict(zip((n for n, _ in plain.named_parameters()), wanted, strict=True)),
        **EXACT,
    )


def test_masks_packed_and_single_sequences() -> None:
    ours, plain = pair()
    source, target = words()
    n, m = torch.tensor(SOURCE), torch.tensor(TARGET)
    expected, last = ours(source, target, source_lengths=n, target_lengths=m)
    source_mask = torch.arange(FROM).unsqueeze(1) < n
    target_mask = torch.arange(TO).unsqueeze(1) < m
    masked = ours(source, target, source_mask=source_mask, target_mask=target_mask)
    assert_close(flat(masked), flat((expected, last)), **EXACT)
    sources = pack_padded_sequence(source, n, enforce_sorted=False)
    targets = pack_padded_sequence(target, m, enforce_sorted=False)
    output, state = ours(sources, targets)
    assert_close(pad_packed_sequence(output, total_length=TO)[0], expected, **EXACT)
    assert_close(flat(state), flat(last), **EXACT)
    single, state = ours(source[:, 1], target[:, 1])
    whole, _ = plain(source[:, 1:2], target[:, 1:2])
    assert_close(single, whole[:, 0], **EXACT)
    assert all(value.dim() < 3 for value in flat(state))


@pytest.mark.parametrize("engine", ENGINES)
def test_steps_are_forward(engine: str) -> None:
    ours, _ = pair()
    ours.engine = engine
    source, target = words()
    lengths = torch.tensor(SOURCE)
    whole, last = ours(source, target, source_lengths=lengths)
    state = ours.start(source, lengths=lengths)
    outputs = []
    for word in target:
        output, state = ours.step(word, state=state)
        outputs.append(output)
    assert_close(torch.stack(outputs), whole, **EXACT)
    assert_close(flat(state), flat(last), **EXACT)
    state = ours.start(source, lengths=lengths)
    first, state = ours.decode(target[:1], state=state)
    rest, state = ours(source * 0, target[1:], state=state)
    assert_close(torch.cat((first, rest)), whole, **EXACT)


def test_a_state_can_be_reordered_and_repeated() -> None:
    from rnndsl.runtime import reorder_batch, repeat_batch

    ours, _ = pair()
    source, target = words()
    order = torch.tensor([2, 0, 0, 3])
    state = reorder_batch(ours.start(source), order)
    output, _ = ours.decode(target[:, order], state=state)
    assert_close(output, ours(source, target)[0][:, order], **EXACT)
    state = repeat_batch(ours.start(source), 2)
    output, _ = ours.decode(target.repeat_interleave(2, 1), state=state)
    assert_close(output[:, ::2], ours(source, target)[0], **EXACT)


def test_padding_and_other_rows_reach_nothing() -> None:
    made, contexts, inputs = speech()
    n, m = torch.tensor(SOURCE), torch.tensor(TARGET)
    options = {"frames_lengths": n, "words_lengths": m}
    expected, _ = made(*contexts, *inputs, **options)
    frames, energy, text, pitch = (value.clone() for value in inputs)
    for row in range(B):
        frames[SOURCE[row] :, row] = torch.nan
        energy[SOURCE[row] :, row] = torch.inf
        pitch[TARGET[row] :, row] = torch.nan
        text[TARGET[row] :, row] = -5
    frames[:, 2] = torch.nan
    frames.requires_grad_()
    output, _ = made(*contexts, frames, energy, text, pitch, **options)
    rows = [0, 1, 3]
    assert_close(output[:, rows], expected[:, rows], **EXACT)
    (found,) = torch.autograd.grad(output[:, rows].sum(), frames)
    assert found[:, rows].isfinite().all()
    for row in rows:
        assert not found[SOURCE[row] :, row].any()


def speech() -> tuple[Any, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """A model, its contexts, and its inputs, the encoder's first."""
    made = model("speech", 3, T)
    for parameter in made.parameters():
        nn.init.uniform_(parameter, -0.6, 0.6)
    real: dict[str, Any] = {"dtype": torch.float64}
    contexts = (torch.randint(3, (B,)), torch.randn(B, 2, **real))
    inputs = (
        torch.randn(FROM, B, 3, **real),
        torch.randn(FROM, B, **real),
        torch.randint(T, (TO, B)),
        torch.randn(TO, B, 2, **real),
    )
    return made, contexts, inputs


@pytest.mark.parametrize("engine", ENGINES)
def test_everything_a_decoder_can_take(engine: str) -> None:
    made, (speaker, gain), (frames, energy, text, pitch) = speech()
    made.engine = engine
    options = {
        "frames_lengths": torch.tensor(SOURCE),
        "words_lengths": torch.tensor(TARGET),
    }
    output, _ = made(speaker, gain, frames, energy, text, pitch, **options)
    for row, (n, m) in enumerate(zip(SOURCE, TARGET, strict=True)):
        rows = slice(row, row + 1)
        expected = by_hand(
            made,
            (speaker[rows], gain[rows]),
            (frames[:n, rows], energy[:n, rows]),
            (text[:m, rows], pitch[:m, rows]),
        )
        assert_close(output[:m, row], expected[:, 0], **EXACT)
        assert not output[m:, row].any()


def by_hand(
    made: Any,
    contexts: tuple[Tensor, Tensor],
    heard: tuple[Tensor, Tensor],
    said: tuple[Tensor, Tensor],
) -> Tensor:
    """One row, with the model's layers and plain tensor operations between them."""
    (speaker, gain), (frames, energy), (text, pitch) = contexts, heard, said
    encoder, n, m = made.encoder, len(frames), len(text)
    of_speaker = encoder.join_1.weight[speaker].expand(n, 1, 2)
    x = encoder.map_1(torch.cat((frames, energy[..., None], of_speaker), -1)).tanh()
    x, one = encoder.layer_1(x)
    y, two = encoder.layer_2_1(x)
    z, three = encoder.layer_2_2(x)
    x = torch.cat((x, y, z), -1)
    y, four = encoder.layer_3_forward(x)
    z, five = encoder.layer_3_backward(x.flip(0))
    x, six = encoder.layer_4((y * z.flip(0)).flip(0))
    memory = x.flip(0)[:, 0]
    x = torch.cat((made.embedding.weight[text], pitch), -1)
    x, _ = made.layer_1(x, torch.cat((one[:1], one[1:]), -1))
    x = torch.cat((made.layer_2_1(x, two)[0], made.layer_2_2(x, three)[0]), -1)
    x, _ = made.layer_3(x, four * five)
    bridge = made.layer_4_state
    start = tuple(torch.tanh(getattr(bridge, name)(six[0]))[None] for name in "hc")
    x, _ = made.layer_4(x, start)
    keys = memory @ made.attention_1.key.weight.t()
    weights = (x[:, 0] @ keys.t()).softmax(-1)
    x = made.map_1(torch.cat((x[:, 0], weights @ memory), -1))
    weights = (x @ memory.t()).softmax(-1)
    x = torch.cat((x, weights @ memory), -1)[:, None]
    x, _ = made.layer_5(x, made.layer_5_state.h(gain)[None])
    assert x.shape[0] == m
    return made.head(torch.cat((x, gain.expand(m, 1, 2)), -1))  # type: ignore[no-any-return]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_fed_back_is_read_at_the_next_step(engine: str) -> None:
    made = model("echo", 3)
    made.engine = engine
    for parameter in made.parameters():
        nn.init.uniform_(parameter, -0.6, 0.6)
    real: dict[str, Any] = {"dtype": torch.float64}
    z, x, dt = (
        torch.randn(B, 2, **real),
        torch.randn(TO, B, 3, **real),
        torch.rand(TO, B, **real),
    )
    u, lengths = torch.randn(TO, B, 2, **real), torch.tensor(TARGET)
    output, state = made(z, x, dt, u, lengths=lengths)
    for row, m in enumerate(TARGET):
        fed = torch.zeros(1, 1, 5, **real)
        learned = made.layer_1_state
        one: Any = (learned.h[:, None], learned.c[:, None])
        two, outputs = None, []
        for t in range(m):
            y = torch.cat((made.map_1(x[t, row]).view(1, 1, 3), fed), -1)
            y, one = made.layer_1(y, dt[t, row].view(1, 1), one)
            y = torch.cat((y[0, 0], u[t, row], z[row])).tanh().view(1, 1, 8)
            v, two = made.layer_2(y, two)
            fed = made.map_2(y + made.layer_2_projection(v))
            outputs.append(fed)
        y, _ = made.layer_3(torch.cat(outputs))
        expected = torch.cat((made.head(y), z[row].expand(m, 1, 2)), -1)
        assert_close(output[:m, row], expected[:, 0], **EXACT)
        assert_close(state[3][:, row], fed[:, 0], **EXACT)


def test_a_model_without_contexts_feeds_back_from_zeros() -> None:
    made = model("jordan", 3)
    x = torch.randn(TO, B, 3, dtype=torch.float64)
    whole, last = made(x)
    state = made.initial_state(B)
    assert not state[2].any()
    outputs = []
    for step in x:
        output, state = made.step(step, state=state)
        outputs.append(output)
    assert_close(torch.stack(outputs), whole, **EXACT)
    assert_close(flat(state), flat(last), **EXACT)
    assert_close(last[2][0], whole[-1], **EXACT)
    found = made.generate(x, steps=3)
    y, state = made(x)
    for t in range(3):
        assert_close(found[t], y[-1], **EXACT)
        y, state = made(y[-1:], state=state)


def test_copies_and_states() -> None:
    ours, _ = pair()
    given = words()
    expected = flat(ours(*given))
    fresh, _ = pair()
    fresh.load_state_dict(ours.state_dict(), strict=True)
    for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), fresh):
        assert_close(flat(other(*given)), expected, **EXACT)


def test_explanation() -> None:
    ours, _ = pair()
    lines = ours.explain().splitlines()
    assert lines[2] == "translator.rnn:5  input source: tokens(S)"
    assert lines[lines.index("translator.rnn:14  feed") + 1] == "    (T, B, 3)"
    assert any(line.startswith("encoder.layer_2: LSTM(5, 5") for line in lines)
    ours.engine = "reference"
    assert ours.encoder.layer_1.engine == "reference"
