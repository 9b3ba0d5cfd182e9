"""Models: their sequences and their steps are recorded whole."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from graph_cases import same
from stand_in import StandInRecorder
from torch.testing import assert_close

import rnndsl

SPEC = """\
from zoo import GRU, LSTM

model Tagger(V, K):
    input words: tokens(V)
    embed 5
    layer LSTM(6) x 2, dropout(0.3)
    layer parallel(GRU(4), LSTM(3)), skip, state learned
    head linear(K)
    loss cross_entropy
"""
T, B, V, K = 5, 3, 11, 4


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The module of the spec."""
    path = tmp_path_factory.mktemp("specs") / "tagger.rnn"
    path.write_text(SPEC, encoding="utf-8")
    return rnndsl.load(path, name="graphs_of_tagger")


def models(compiled: Any) -> tuple[Any, Any]:
    """One that records, and one like it that does not."""
    ours = compiled.Tagger(V, K)
    plain = copy.deepcopy(ours)
    ours.engine, plain.engine = "graph", "fused"
    return ours, plain


def test_training_is_one_recording_forward_and_one_backward(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, plain = models(compiled)
    ours.eval()
    plain.eval()
    for _ in range(3):
        words, target = torch.randint(V, (T, B)), torch.randint(K, (T, B))
        for model in (ours, plain):
            model.zero_grad()
            model.loss(model(words)[0], target).backward()
        # Branches are differentiated in another order, in which gradients are summed.
        for own, expected in zip(ours.parameters(), plain.parameters(), strict=True):
            assert_close(own.grad, expected.grad, rtol=1e-5, atol=1e-8)
    assert recorder.records == 2
    assert (
        "graphs of sequences: 1 of at most 8 shapes captured, 2 replays; the last call "
        "replayed"
    ) in ours.explain()
    assert ours.explain().count("a capture is under way, and takes in the plain") == 4


def test_steps_are_one_recording(compiled: Any, recorder: StandInRecorder) -> None:
    ours, plain = models(compiled)
    ours.eval()
    plain.eval()
    state = expected = None
    with torch.no_grad():
        for _ in range(6):
            words = torch.randint(V, (B,))
            output, state = ours.step(words, state=state)
            wanted, expected = plain.step(words, state=expected)
            same((output, state), (wanted, expected))
    # With a state, as all but the first step are.
    assert recorder.records == 1
    assert (
        "graphs of steps: 1 of at most 8 shapes captured, 4 replays; the last call "
        "replayed"
    ) in ours.explain()


def test_steps_of_two_streams_in_turn(compiled: Any, recorder: StandInRecorder) -> None:
    ours, plain = models(compiled)
    ours.eval()
    plain.eval()
    states: list[Any] = [None, None]
    expected: list[Any] = [None, None]
    with torch.no_grad():
        for turn in range(10):
            words = torch.randint(V, (B,))
            output, states[turn % 2] = ours.step(words, state=states[turn % 2])
            wanted, expected[turn % 2] = plain.step(words, state=expected[turn % 2])
            same(output, wanted)
    same(states, expected)


def test_the_limit_is_that_of_all(compiled: Any, recorder: StandInRecorder) -> None:
    ours, _ = models(compiled)
    ours.graph_limit = 3
    assert ours.graph_limit == ours.layer_1.graph_limit == 3
    assert copy.deepcopy(ours).graph_limit == 3


def test_steps_under_autocast_are_others(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, plain = models(compiled)
    ours.eval()
    plain.eval()
    words = torch.randint(V, (B,))
    with torch.no_grad():
        for _ in range(3):
            exact, _ = ours.step(words)
        for _ in range(3):
            with torch.autocast("cpu", torch.bfloat16):
                rough, _ = ours.step(words)
                wanted, _ = plain.step(words)
            same(rough, wanted)
    assert rough.dtype == torch.bfloat16
    assert exact.dtype == torch.float32
    assert recorder.records == 2


def test_weights_that_autocast_has_cast_are_cast_again(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, plain = models(compiled)
    ours.eval()
    words = torch.randint(V, (B,))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for _ in range(3):
            ours.step(words)
        for parameter in ours.parameters():
            parameter.mul_(0.5)
        found, _ = ours.step(words)
    plain.load_state_dict(ours.state_dict())
    plain.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        same(found, plain.step(words)[0])


def test_steps_with_hooks_run_plainly(compiled: Any, recorder: StandInRecorder) -> None:
    ours, _ = models(compiled)
    ours.eval()
    called: list[int] = []
    handle = ours.layer_1.register_forward_hook(lambda *_: called.append(1))
    words = torch.randint(V, (B,))
    with torch.no_grad():
        for _ in range(3):
            ours.step(words)
        assert len(called) == 3
        assert "its part layer_1 has hooks, which would not be called" in ours.explain()
        handle.remove()
        for _ in range(2):
            ours.step(words)
    assert recorder.records > 0
    assert len(called) == 3
