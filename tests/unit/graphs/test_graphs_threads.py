"""Threads that share a model, and the parts of which each has recordings of its own."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import copy
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import torch
from operations import OperationRecorder
from stand_in import StandInRecorder
from torch import Tensor

import rnndsl

SPEC = Path(__file__).parents[2] / "gpu" / "kinds.rnn"
S, V, B = 9, 7, 3


@pytest.fixture(scope="module")
def compiled() -> Any:
    """The module of the spec."""
    return rnndsl.load(SPEC, name="graphs_of_threads")


def sequences(model: Any) -> str:
    """What the model says of the last call of its sequences."""
    (line,) = (x for x in model.explain().splitlines() if "graphs of sequences" in x)
    return str(line).partition("the last call ")[2]


def translate(model: Any) -> Tensor:
    source, target = torch.ones(6, B).long(), torch.ones(4, B).long()
    output: Tensor = model(source, target)[0]
    return output


@pytest.mark.parametrize("recorder", [OperationRecorder], indirect=True)
def test_an_encoder_waits_while_its_decoder_is_recorded(
    compiled: Any, recorder: StandInRecorder
) -> None:
    """Else the gradients of its parameters would go to what stands in for them, as in
    the replays of a recorder that runs Python again."""
    model = compiled.Translator(S, V)
    model.engine = "graph"
    translate(model)
    # The encoder is recorded, forward and backward, then the decoder.
    record, threads, waited = recorder.record, [], Event()

    def encode() -> None:
        output, _ = model.encoder(torch.zeros(5, B).long())
        output.square().sum().backward()
        waited.set()

    def recorded(work: Any, memory: Any) -> Any:
        if recorder.records == 2:
            threads.append(Thread(target=encode))
            threads[0].start()
            assert not waited.wait(0.3)
        return record(work, memory)

    recorder.record = recorded  # type: ignore[method-assign]
    translate(model)
    threads[0].join(10)
    assert waited.is_set()
    assert sequences(model) == "replayed"
    for name, parameter in model.encoder.named_parameters():
        assert parameter.grad is not None, name


def test_nothing_is_recorded_while_a_part_is_at_work(
    compiled: Any, recorder: StandInRecorder
) -> None:
    model = compiled.Translator(S, V)
    plain = copy.deepcopy(model)
    model.engine, plain.engine = "graph", "fused"
    for _ in range(2):
        state = model.start(torch.ones(6, B).long())
    begun, done = Event(), Event()

    def work() -> None:
        with model.encoder._sequences.graphs._lock:
            begun.set()
            done.wait(10)

    thread = Thread(target=work)
    thread.start()
    assert begun.wait(10)
    target = torch.ones(4, B).long()
    for _ in range(2):
        model.decode(target, state=state)
    assert sequences(model) == (
        "ran plainly: another thread is at work in a part of the module"
    )
    done.set()
    thread.join()
    output, _ = model.decode(target, state=state)
    assert sequences(model) == "replayed"
    plain.load_state_dict(model.state_dict())
    torch.testing.assert_close(output, plain.decode(target, state=state)[0])
