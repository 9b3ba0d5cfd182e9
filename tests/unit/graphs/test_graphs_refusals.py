"""Where calls run plainly, and what is said of it."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import pytest
import torch
from graph_cases import Cases, inputs, last_call, same, weighted
from stand_in import StandInRecorder
from torch.autograd.graph import save_on_cpu
from torch.utils.flop_counter import FlopCounterMode

NO_GPU = (
    "engine 'graph' cannot run here: CUDA graphs need an NVIDIA GPU, and the tensors "
    "are on cpu. Set engine to 'auto' or 'reference'."
)


def test_without_a_gpu() -> None:
    layer, _ = Cases().layers()
    with pytest.raises(RuntimeError) as caught:
        layer(inputs()[0])
    assert str(caught.value) == NO_GPU
    layer.engine = "auto"
    layer(inputs()[0])
    assert (
        "  graph: cannot run here: CUDA graphs need an NVIDIA GPU, and the tensors are "
        "on cpu (the loop of the engine chosen below, captured and replayed)\n"
    ) in layer.explain()


def test_auto_takes_it_and_others_do_not(cases: Cases) -> None:
    layer, _ = cases.recorded()
    layer.engine = "auto"
    for _ in range(2):
        layer(inputs()[0])
    assert last_call(layer) == "replayed"
    for name in ("fused", "reference"):
        layer.engine = name
        assert f"graph: not chosen: {name} is asked for" in layer.explain()
        assert "ReplayedCall" not in str(layer(inputs()[0])[0].grad_fn)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (save_on_cpu, "hooks on saved tensors need the plain loop"),
        (torch.autograd.detect_anomaly, "anomaly detection needs the plain loop"),
        (
            lambda: FlopCounterMode(display=False),
            "a torch dispatch mode needs the plain loop",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_those_who_look_at_every_operation(
    cases: Cases, mode: Any, reason: str
) -> None:
    layer, plain = cases.recorded()
    x, y = inputs()
    with mode():
        loss = weighted(layer(x))
        expected = weighted(plain(y))
        loss.backward()
        expected.backward()
    assert last_call(layer) == f"ran plainly: {reason}"
    same(x.grad, y.grad)
    weighted(layer(x)).backward()
    assert last_call(layer) == "replayed"


def test_transforms_need_the_plain_step(cases: Cases) -> None:
    layer, plain = cases.recorded()
    layer.engine = plain.engine = "auto"
    x, _ = inputs()

    def run(value: torch.Tensor) -> torch.Tensor:
        return layer(value)[0].sum()  # type: ignore[no-any-return]

    found = torch.func.vmap(torch.func.grad(run))(x.detach().expand(2, *x.shape))
    run(x).backward()
    torch.testing.assert_close(found[1], x.grad)
    layer.engine = "graph"
    with pytest.raises(RuntimeError, match=r"'graph' cannot run here: torch\.func"):
        torch.func.vmap(run)(x.detach().expand(2, *x.shape))


def test_no_capture_within_a_backward_pass(
    cases: Cases, recorder: StandInRecorder
) -> None:
    layer, _ = cases.layers()
    x, _ = inputs()
    said: list[str] = []

    class Calls(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, value: torch.Tensor) -> torch.Tensor:
            return value.clone()

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
            for _ in range(2):
                layer(x.detach())
                said.append(last_call(layer))
            return gradient

    Calls.apply(x).sum().backward()
    assert said[1] == "ran plainly: a backward pass is under way"
    assert recorder.records == 0
