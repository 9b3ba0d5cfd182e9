"""What a forward pass leaves for its backward pass is not lost."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from graph_cases import B, Cases, D, T, gradients, inputs, last_call, same, weighted
from torch.utils.checkpoint import checkpoint


def test_forward_passes_before_the_first_backward(cases: Cases) -> None:
    layer, plain = cases.recorded()
    for _ in range(3):
        pairs = [inputs() for _ in range(3)]
        losses = [(weighted(layer(x)), weighted(plain(y))) for x, y in pairs]
        for loss, expected in losses:
            loss.backward()
            expected.backward()
        for x, y in pairs:
            same(x.grad, y.grad)
    # As many as wait at a time.
    assert "3 of at most 8 shapes captured" in layer.explain()
    assert last_call(layer) == "replayed"


def test_nothing_that_waits_is_dropped(cases: Cases) -> None:
    layer, plain = cases.recorded()
    layer.graph_limit = 2
    for _ in range(3):
        pairs = [inputs() for _ in range(4)]
        losses = [(weighted(layer(x)), weighted(plain(y))) for x, y in pairs]
        assert last_call(layer) == (
            "ran plainly: seen for the first time, to be captured when it returns"
            if not _
            else "ran plainly: all captures wait for their backward passes"
        )
        for loss, expected in losses:
            (loss + expected).backward()
        for x, y in pairs:
            same(x.grad, y.grad)


def test_forward_without_backward_makes_no_new_captures(cases: Cases) -> None:
    layer, plain = cases.recorded()
    for _ in range(5):
        x, y = inputs()
        same(layer(x), plain(y))
    assert "1 of at most 8 shapes captured" in layer.explain()


def test_backward_twice(cases: Cases) -> None:
    layer, plain = cases.recorded()
    x, y = inputs()
    loss, expected = weighted(layer(x)), weighted(plain(y))
    for _ in range(2):
        loss.backward(retain_graph=True)
        expected.backward(retain_graph=True)
        same(gradients(layer, x), gradients(plain, y))
    # The values are overwritten once their gradients have been asked for.
    layer(torch.randn(T, B, D, requires_grad=True))
    loss.backward()
    expected.backward()
    same(gradients(layer, x), gradients(plain, y))


def test_masks_that_are_gone_cannot_be_drawn_again(cases: Cases) -> None:
    layer, _ = cases.recorded(num_layers=2, dropout=0.5)
    x, _ = inputs()
    loss = weighted(layer(x))
    loss.backward(retain_graph=True)
    layer(x)
    with pytest.raises(RuntimeError, match="engine 'graph': the masks that dropout"):
        loss.backward()


def test_a_gradient_of_a_gradient(cases: Cases) -> None:
    layer, plain = cases.recorded()
    x, y = inputs()
    for module, value in ((layer, x), (plain, y)):
        (found,) = torch.autograd.grad(
            weighted(module(value)), value, create_graph=True
        )
        found.square().sum().backward()
    for actual, expected in zip(gradients(layer, x), gradients(plain, y), strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


def test_parameters_changed_before_backward_are_refused(cases: Cases) -> None:
    layer, _ = cases.recorded()
    loss = weighted(layer(inputs()[0]))
    with torch.no_grad():
        layer.weight_hh_l0.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_checkpointing(cases: Cases) -> None:
    layer, plain = cases.recorded()
    for _ in range(4):
        x, y = inputs()
        weighted(checkpoint(layer, x, use_reentrant=False)).backward()
        weighted(plain(y)).backward()
        same(gradients(layer, x), gradients(plain, y))


def test_the_same_tensor_twice(cases: Cases) -> None:
    layer, plain = cases.layers()
    for _ in range(3):
        h = torch.randn(1, B, 5, requires_grad=True)
        g = h.detach().clone().requires_grad_()
        x, y = inputs()
        weighted(layer(x, (h, h))).backward()
        weighted(plain(y, (g, g))).backward()
        torch.testing.assert_close(h.grad, g.grad)


def test_threads_share_a_module(cases: Cases) -> None:
    layer, plain = cases.recorded()
    wrong: list[str] = []

    def work(seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        for _ in range(10):
            x = torch.randn(T, B, D, generator=generator, requires_grad=True)
            (found,) = torch.autograd.grad(weighted(layer(x)), x)
            (expected,) = torch.autograd.grad(weighted(plain(x)), x)
            if not torch.equal(found, expected):
                wrong.append(f"thread {seed}")

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_backward_pass_does_not_wait_for_a_recording(cases: Cases) -> None:
    """Which may wait for it: both run in the one thread that autograd has for a GPU."""
    layer, plain = cases.recorded()
    x, y = inputs()
    found: list[torch.Tensor] = []

    class Calls(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, value: torch.Tensor) -> torch.Tensor:
            return value.clone()

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
            found.append(layer(x.detach())[0])
            return gradient

    value = x.detach().clone().requires_grad_()
    ends = threading.Thread(target=lambda: Calls.apply(value).sum().backward())
    with layer._graphs._lock:
        ends.start()
        ends.join(timeout=20)
        assert not ends.is_alive()
    same(found[0], plain(y.detach())[0])
