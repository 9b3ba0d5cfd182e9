"""Replays give what the plain loop gives, forward and backward."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from graph_cases import B, Cases, D, H, T, gradients, inputs, last_call, same, weighted
from stand_in import StandInRecorder


def test_a_shape_is_captured_when_it_returns(
    cases: Cases, recorder: StandInRecorder
) -> None:
    layer, plain = cases.layers()
    expected_calls = (
        "ran plainly: seen for the first time, to be captured when it returns",
        "replayed",
        "replayed",
    )
    for expected_call in expected_calls:
        x, y = inputs()
        weighted(layer(x)).backward()
        weighted(plain(y)).backward()
        assert last_call(layer) == expected_call
        same(gradients(layer, x), gradients(plain, y))
    # Forward, and backward.
    assert recorder.records == 2
    assert "1 of at most 8 shapes captured, 2 replays" in layer.explain()


@pytest.mark.parametrize("cell", ["GRU", "PeepholeLSTM", "MGU", "MinGRU"])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}])
def test_replays_equal_the_plain_loop(
    cases: Cases, cell: str, options: dict[str, Any]
) -> None:
    layer, plain = cases.recorded(cell, **options)
    lengths = torch.tensor([2, T, 4])
    for _ in range(3):
        x, y = inputs()
        weighted(layer(x, lengths=lengths)).backward()
        weighted(plain(y, lengths=lengths)).backward()
        same(gradients(layer, x), gradients(plain, y))
    assert last_call(layer) == "replayed"


def test_inference_and_training_are_captured_apart(cases: Cases) -> None:
    layer, plain = cases.recorded()
    x = torch.randn(T, B, D)
    for _ in range(3):
        with torch.no_grad():
            output, state = layer(x)
        assert not output.requires_grad
        same((output, state), plain(x))
    assert "2 of at most 8 shapes captured" in layer.explain()


def test_a_given_state_and_its_gradient(cases: Cases) -> None:
    layer, plain = cases.layers()
    for _ in range(3):
        x, y = inputs()
        h = torch.randn(1, B, H)
        first, second = ((h.clone().requires_grad_(), h * 2) for _ in range(2))
        weighted(layer(x, first)).backward()
        weighted(plain(y, second)).backward()
        same(gradients(layer, x, first[0]), gradients(plain, y, second[0]))
    assert last_call(layer) == "replayed"


def test_outputs_nobody_differentiates(cases: Cases) -> None:
    layer, plain = cases.recorded()
    for result in (lambda r: r[0], lambda r: r[1][1], lambda r: r[1][0]):
        x, y = inputs()
        result(layer(x)).sum().backward()
        result(plain(y)).sum().backward()
        same(gradients(layer, x), gradients(plain, y))


def test_training_follows_the_plain_loop(cases: Cases) -> None:
    layer, plain = cases.recorded()
    optimisers = [torch.optim.Adam(m.parameters(), lr=0.02) for m in (layer, plain)]
    for _ in range(40):
        x, y = inputs()
        for module, value, optimiser in zip(
            (layer, plain), (x, y), optimisers, strict=True
        ):
            optimiser.zero_grad()
            weighted(module(value)).backward()
            optimiser.step()
    same(list(layer.parameters()), list(plain.parameters()))
    assert last_call(layer) == "replayed"


def test_gradients_accumulate_in_memory_of_their_own(cases: Cases) -> None:
    layer, plain = cases.recorded()
    for _ in range(3):
        x, y = inputs()
        weighted(layer(x)).backward()
        kept = [p.grad.clone() for p in layer.parameters()]
        weighted(plain(y)).backward()
        with torch.no_grad():
            layer(x)
        same([p.grad for p in layer.parameters()], kept)
        same(kept, [p.grad for p in plain.parameters()])


def test_outputs_stay_as_they_are(cases: Cases) -> None:
    layer, plain = cases.recorded()
    x = torch.randn(T, B, D)
    with torch.no_grad():
        held = [layer(x * n) for n in range(4)]
        same(held, [plain(x * n) for n in range(4)])


def test_autocast_is_a_call_of_its_own(cases: Cases) -> None:
    layer, plain = cases.recorded()
    x = torch.randn(T, B, D)
    for _ in range(3):
        with torch.autocast("cpu", torch.bfloat16):
            output, _ = layer(x)
            expected, _ = plain(x)
            (output - expected).square().sum().backward()
        assert output.dtype == torch.bfloat16
        same(output, expected)
    assert last_call(layer) == "replayed"
    same(layer(x), plain(x))


def test_batch_first_unbatched_and_packed(cases: Cases) -> None:
    layer, plain = cases.layers(batch_first=True)
    x = torch.randn(B, T, D)
    pack: Any = torch.nn.utils.rnn.pack_padded_sequence
    packed = pack(x, [T, 4, 2], batch_first=True)
    for given in (x, x[0], packed):
        for _ in range(3):
            same(layer(given), plain(given))
        assert last_call(layer) == "replayed"


def test_dropout_differs_and_follows_the_seed(cases: Cases) -> None:
    layer, _ = cases.recorded(num_layers=2, dropout=0.5)
    x = torch.randn(T, B, D, requires_grad=True)
    torch.manual_seed(1)
    first, second = layer(x)[0], layer(x)[0]
    assert not torch.equal(first, second)
    torch.manual_seed(1)
    same((layer(x)[0], layer(x)[0]), (first, second))
    layer.eval()
    for _ in range(3):
        outputs = layer(x)[0], layer(x)[0]
        same(*outputs)
