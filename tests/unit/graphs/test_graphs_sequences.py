"""Sequences of models of all kinds, recorded whole, against those run plainly."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from graph_cases import same
from stand_in import StandInRecorder
from torch import Tensor, nn
from torch.testing import assert_close

import rnndsl

# The models that run on a GPU, too.
SPEC = Path(__file__).parents[2] / "gpu" / "kinds.rnn"
S, T, B, F, K = 9, 7, 3, 4, 5


@pytest.fixture(scope="module")
def compiled() -> Any:
    """The module of the spec."""
    return rnndsl.load(SPEC, name="graphs_of_kinds")


def pair(ours: Any) -> tuple[Any, Any]:
    """A model that records, and one like it that does not."""
    plain = copy.deepcopy(ours)
    ours.engine, plain.engine = "graph", "fused"
    return ours.eval(), plain.eval()


def close_gradients(ours: nn.Module, plain: nn.Module) -> None:
    for (name, own), other in zip(
        ours.named_parameters(), plain.parameters(), strict=True
    ):
        assert other.grad is not None, name
        assert_close(own.grad, other.grad, rtol=1e-5, atol=1e-8, msg=name)


def sequences(model: Any) -> str:
    """What the model says of the recordings of its sequences."""
    (line,) = (x for x in model.explain().splitlines() if "graphs of sequences" in x)
    return str(line)


def test_an_encoder_and_a_decoder_that_feeds_back(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, plain = pair(compiled.Translator(S, T))
    for _ in range(4):
        source, target = torch.randint(S, (6, B)), torch.randint(T, (4, B))
        lengths = torch.tensor([2, 6, int(torch.randint(1, 6, ()))])
        for model in (ours, plain):
            model.zero_grad()
            output, _ = model(source, target, source_lengths=lengths)
            model.loss(output, target).backward()
        close_gradients(ours, plain)
    # The encoder, then all steps of the decoder, each forward and backward.
    assert recorder.records == 4
    assert "1 of at most 8 shapes captured, 3 replays" in sequences(ours)
    assert "1 of at most 8 shapes captured, 3 replays" in sequences(ours.encoder)


def test_what_a_step_leaves_as_it_is_is_handed_back(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, plain = pair(compiled.Translator(S, T))
    source = torch.randint(S, (6, B))
    with torch.no_grad():
        begin, expected = ours.start(source), plain.start(source)
        state = begin
        for _ in range(4):
            word = torch.randint(T, (B,))
            output, state = ours.step(word, state=state)
            wanted, expected = plain.step(word, state=expected)
            same((output, state[:2]), (wanted, expected[:2]))
        assert all(a is b for a, b in zip(state[2], begin[2], strict=True))
        # What was given at first is still what the recording was told.
        again, _ = ours.step(
            word, state=(*state[:2], tuple(x.flip(0) for x in begin[2]))
        )
        assert not torch.equal(again, output)


def test_marks_directions_and_emitted_values(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, plain = pair(compiled.Marked(F, K))
    for _ in range(3):
        x, marks = torch.randn(T, B, F), torch.rand(T, B) < 0.3
        lengths = torch.tensor([T, 2, 4])
        results = []
        for model in (ours, plain):
            model.zero_grad()
            output, state, emitted = model(x, reset=marks, lengths=lengths)
            total = sum(v.square().sum() for v in emitted.values())
            (output.square().sum() + total).backward()
            results.append((output, state, emitted))
        close_gradients(ours, plain)
        assert list(results[0][2]) == list(results[1][2])
        assert_close(results[0], results[1])
    assert recorder.records == 2


def test_a_state_that_is_kept_between_calls(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, plain = pair(compiled.Going(F))
    for _ in range(4):
        x = torch.randn(T, B, F)
        assert_close(ours(x), plain(x))
    assert "2 replays; the last call replayed" in sequences(ours)


def test_one_input_at_all_steps(compiled: Any, recorder: StandInRecorder) -> None:
    ours, plain = pair(compiled.Repeating(F))
    x = torch.randn(B, F)
    for steps in (3, 5, 3, 5, 3):
        assert_close(ours(x, steps=steps), plain(x, steps=steps))
    assert "2 of at most 8 shapes captured, 3 replays" in sequences(ours)


def test_with_hooks_on_a_part_the_layers_record(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, plain = pair(compiled.Going(F))
    called: list[int] = []
    ours.head.register_forward_hook(lambda *_: called.append(1))
    for _ in range(4):
        x = torch.randn(T, B, F)
        assert_close(ours(x), plain(x))
    assert len(called) == 4
    assert "ran plainly: its part head has hooks" in sequences(ours)
    assert "1 of at most 8 shapes captured, 2 replays" in ours.layer_1.explain()


class Scaled(nn.Linear):
    """A part of somebody's own, which depends on a number that is no tensor."""

    scale = 1.0

    def forward(self, input: Tensor) -> Tensor:
        return self.scale * super().forward(input)


def test_a_part_of_somebodys_own_is_not_recorded(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, _ = pair(compiled.Going(F))
    ours.head = Scaled(4, 2)
    x = torch.randn(T, B, F)
    for _ in range(3):
        ours.reset_state()
        before, _ = ours(x)
    ours.head.scale = 2.0
    ours.reset_state()
    assert_close(ours(x)[0], 2 * before)
    assert "its part head is a Scaled, of which it is not known" in sequences(ours)


@pytest.mark.parametrize(("name", "sizes"), [("Video", (F, K)), ("Letters", (T,))])
def test_what_stands_before_the_layers(
    compiled: Any, recorder: StandInRecorder, name: str, sizes: tuple[int, ...]
) -> None:
    ours, plain = pair(getattr(compiled, name)(*sizes))
    for _ in range(3):
        x = torch.randn(T, B, F, 6, 13) if name == "Video" else torch.randint(T, (5, B))
        for model in (ours, plain):
            model.zero_grad()
            model(x)[0].square().sum().backward()
        close_gradients(ours, plain)
    assert recorder.records == 2


def test_what_changes_in_a_part_is_seen(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, plain = pair(compiled.Video(F, K))
    x = torch.randn(T, B, F, 6, 13)

    def same_again(records: int) -> None:
        for _ in range(3):
            assert_close(ours(x)[0], plain(x)[0])
        assert recorder.records == records

    same_again(2)
    # Another head of the same size, in the same place.
    ours.head, plain.head = nn.Linear(10, K), copy.deepcopy(ours.head)
    plain.head.load_state_dict(ours.head.state_dict())
    same_again(4)
    ours.layer_1.truncation = plain.layer_1.truncation = 2
    same_again(6)
    ours.layer_1.truncation = plain.layer_1.truncation = None
    # The call before the last is known still.
    same_again(6)
    ours.layer_1.engine = "fused"
    # The other layer records by itself.
    same_again(8)
    assert "ran plainly: the engine 'fused' is asked for" in sequences(ours)
    ours.engine = "graph"
    called: list[int] = []
    ours.layer_1.register_forward_pre_hook(lambda *_: called.append(1))
    ours(x)
    assert called == [1]
    assert "its part layer_1 has hooks" in sequences(ours)


def test_running_means_are_updated_once_a_call(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, plain = pair(compiled.Going(F))
    ours.head = nn.Sequential(nn.BatchNorm1d(B), nn.Linear(4, 2))
    plain.head = copy.deepcopy(ours.head)
    ours.train()
    plain.train()
    for _ in range(4):
        x = torch.randn(T, B, F)
        assert_close(ours(x), plain(x))
    same(list(ours.buffers()), list(plain.buffers()))
    assert int(ours.head[0].num_batches_tracked) == 4


def test_wrong_states_are_refused_by_the_layer(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, plain = pair(compiled.Repeating(F))
    x, errors = torch.randn(B, F), []
    for model in (ours, plain):
        with pytest.raises(TypeError) as caught:
            model(x, steps=2, state=("wrong",))
        errors.append(str(caught.value))
    assert errors[0] == errors[1]


def test_the_limit_reaches_the_encoder(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, _ = pair(compiled.Translator(S, T))
    ours.graph_limit = 2
    assert ours.encoder.graph_limit == ours.encoder.layer_1.graph_limit == 2
