"""Which calls share a capture, which captures go, and what makes them worthless."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from graph_cases import B, Cases, D, T, inputs, last_call, same
from stand_in import StandInRecorder
from torch import nn

FIRST = "ran plainly: seen for the first time, to be captured when it returns"


def test_the_least_recently_used_goes(cases: Cases, recorder: StandInRecorder) -> None:
    layer, plain = cases.layers()
    layer.graph_limit = 2
    short, middle, long = (torch.randn(steps, B, D) for steps in (2, 3, 4))
    with torch.no_grad():
        for x in (short, short, middle, middle, short, long, long):
            same(layer(x), plain(x))
        assert recorder.records == 3
        for x, replayed in ((short, True), (long, True), (middle, False)):
            before = recorder.records
            same(layer(x), plain(x))
            assert (recorder.records == before) == replayed
    assert "2 of at most 2 shapes captured" in layer.explain()


def test_the_limit_is_a_number_of_shapes(cases: Cases) -> None:
    layer, _ = cases.recorded()
    assert layer.graph_limit == 8
    for wrong in (-1, 2.0, True, None):
        with pytest.raises(ValueError, match="graph_limit: expected 0 or more, got"):
            layer.graph_limit = wrong
    layer.graph_limit = 0
    layer(inputs()[0])
    assert last_call(layer) == "ran plainly: graph_limit is 0"


def test_values_in_place_are_seen_by_replays(cases: Cases) -> None:
    layer, plain = cases.recorded()
    other, _ = cases.layers()
    x, _ = inputs()
    layer.load_state_dict(other.state_dict())
    same(layer(x), other(x))
    assert last_call(layer) == "replayed"
    with torch.no_grad():
        layer.weight_ih_l0.zero_()
        plain.load_state_dict(layer.state_dict())
    same(layer(x), plain(x))
    assert last_call(layer) == "replayed"


def test_another_parameter_is_another_capture(cases: Cases) -> None:
    layer, plain = cases.recorded()
    x, _ = inputs()
    for module in (layer, plain):
        module.weight_hh_l0 = nn.Parameter(plain.weight_hh_l0.detach() * 2)
    same(layer(x), plain(x))
    assert last_call(layer) == FIRST
    layer(x)
    layer.weight_hh_l0.requires_grad_(False)
    layer(x)
    assert last_call(layer) == FIRST
    layer(x)
    layer.double()
    plain.double()
    same(layer(x.double()), plain(x.double()))
    assert last_call(layer) == FIRST
    layer(x.double())
    same(layer(x.double()), plain(x.double()))
    assert last_call(layer) == "replayed"


def test_a_frozen_parameter_gets_no_gradient(cases: Cases) -> None:
    layer, _ = cases.layers()
    layer.weight_hh_l0.requires_grad_(False)
    for _ in range(3):
        layer(inputs()[0])[0].sum().backward()
    assert layer.weight_hh_l0.grad is None
    assert layer.weight_ih_l0.grad is not None


def test_copies_begin_without_captures(cases: Cases) -> None:
    layer, plain = cases.recorded()
    layer.graph_limit = 5
    x, _ = inputs()
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert "0 of at most 5 shapes captured, 0 replays" in other.explain()
        same(other(x), plain(x))
    assert "1 of at most 5 shapes captured" in layer.explain()


def test_a_capture_that_fails_is_not_tried_again(
    cases: Cases, recorder: StandInRecorder
) -> None:
    layer, plain = cases.layers()
    recorder.fails = torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate")
    for _ in range(3):
        x, y = inputs()
        same(layer(x), plain(y))
    recorder.fails = None
    layer(x)
    expected = "ran plainly: the capture failed: CUDA out of memory."
    assert last_call(layer) == expected
    assert recorder.records == 0
    # Another shape may succeed.
    with torch.no_grad():
        for _ in range(2):
            layer(x[:2])
    assert last_call(layer) == "replayed"


def test_many_shapes_are_forgotten(cases: Cases, recorder: StandInRecorder) -> None:
    layer, _ = cases.layers()
    with torch.no_grad():
        for steps in range(1, 90):
            layer(torch.zeros(steps, 1, D))
        layer(torch.zeros(1, 1, D))
    assert recorder.records == 0
    assert last_call(layer) == FIRST
    assert len(layer._graphs._seen) == 64


def test_training_mode_and_precision_are_part_of_the_key(cases: Cases) -> None:
    layer, _ = cases.recorded()
    x, _ = inputs()
    layer.eval()
    layer(x)
    assert last_call(layer) == FIRST
    layer.train()
    layer(x)
    assert last_call(layer) == "replayed"
    layer.weight_drop = 0.5
    layer(x)
    assert last_call(layer) == FIRST
    layer.weight_drop = 0.0
    torch.set_float32_matmul_precision("high")
    try:
        layer(x)
    finally:
        torch.set_float32_matmul_precision("highest")
    assert last_call(layer) == FIRST


def test_steps_of_no_time(cases: Cases) -> None:
    layer, plain = cases.layers()
    for _ in range(3):
        same(layer(torch.zeros(T, 0, D)), plain(torch.zeros(T, 0, D)))
        same(layer(torch.ones(1, B, D)), plain(torch.ones(1, B, D)))
