"""What a recording would freeze, leave out or overwrite, were it not looked after."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch
from graph_cases import (
    B,
    Cases,
    D,
    H,
    T,
    gradients,
    inputs,
    last_call,
    module_of,
    same,
    weighted,
)
from stand_in import StandInRecorder
from torch import Tensor, nn
from torch.nn.utils import prune

import rnndsl
from rnndsl.runtime.graphs.capture import Capture
from rnndsl.runtime.graphs.watch import WatchedModule
from rnndsl.runtime.specification import PartialTensors


def test_what_backward_reads_is_in_memory_of_its_own(
    cases: Cases, recorder: StandInRecorder
) -> None:
    layer, _ = cases.layers()
    for steps in (2, 2, 3, 3):
        layer(torch.randn(steps, B, D))
    # Forward and backward of one shape, then of another.
    first, same_first, second, same_second = recorder.memories
    assert first is same_first
    assert second is same_second
    assert first is not second
    recorder.memories.clear()
    with torch.no_grad():
        for steps in (2, 2, 3, 3):
            layer(torch.randn(steps, B, D))
    assert recorder.memories == ["shared", "shared"]


def test_parameters_that_move_between_forward_and_backward(
    cases: Cases, recorder: StandInRecorder
) -> None:
    """As those do that are sharded."""
    layer, plain = cases.recorded()
    (x, y), weight = inputs(), layer.weight_hh_l0
    result = layer(x)
    before, weight.data = weight.data, weight.data.clone()
    before.fill_(torch.nan)
    weighted(result).backward()
    weighted(plain(y)).backward()
    same(gradients(layer, x), gradients(plain, y))


def test_replays_end_before_their_memory_goes(
    cases: Cases, recorder: StandInRecorder
) -> None:
    layer, _ = cases.recorded()
    layer.graph_limit = 1
    assert recorder.waits == 0
    for _ in range(2):
        layer(torch.randn(T + 1, B, D))
    assert recorder.waits == 1
    layer.graph_limit = 0
    assert recorder.waits == 2


def test_branches_do_not_meet_in_a_leaf(recorder: StandInRecorder) -> None:
    """Torch warns of gradients that come to a leaf from several streams."""
    module = nn.Linear(3, 2)
    leaves: list[tuple[bool, bool]] = []

    def call(given: PartialTensors) -> PartialTensors:
        (x,) = given
        assert x is not None
        leaves.append((x.is_leaf, module.weight.is_leaf))
        return (module(x),)

    x = torch.randn(5, 3, requires_grad=True)
    slots = WatchedModule(module, is_called=False).slots
    capture = Capture(call, (x,), slots, recorder)
    assert leaves
    assert not any(map(any, leaves))
    same(capture.replay((x,)), (module(x).detach(),))
    d = torch.randn(5, 2)
    found = capture.replay_backward((d,))
    expected = torch.autograd.grad(module(x), (x, module.weight, module.bias), d)
    torch.testing.assert_close(found, expected)
    with torch.no_grad():
        Capture(call, (x,), slots, recorder)
    assert leaves[-1] == (True, True)


def test_weights_to_drop_are_part_of_the_key(
    cases: Cases, recorder: StandInRecorder
) -> None:
    layer, _ = cases.layers()
    x, _ = inputs()
    for names in (("weight_hh",), ("weight_ih",)):
        layer.drop_weights(0.5, *names)
        for _ in range(3):
            layer(x)
    assert recorder.records == 4


@pytest.mark.parametrize(
    ("owner", "name", "values"),
    [
        ("cuda.matmul", "fp32_precision", ("ieee", "tf32")),
        ("cudnn.conv", "fp32_precision", ("ieee", "tf32")),
        ("cuda.matmul", "allow_fp16_accumulation", (False, True)),
        ("cuda.matmul", "allow_tf32", (False, True)),
    ],
)
def test_settings_of_precision_are_part_of_the_key(
    cases: Cases, recorder: StandInRecorder, owner: Any, name: str, values: Any
) -> None:
    library, part = owner.split(".")
    owner = getattr(getattr(torch.backends, library), part, None)
    if not hasattr(owner, name):
        pytest.skip("this torch has no such setting")
    before = getattr(owner, name)
    other = next(value for value in values if value != before)
    layer, plain = cases.recorded()
    try:
        # The questions that torch had before it had this setting may raise now.
        setattr(owner, name, other)
        x, y = inputs()
        for _ in range(2):
            same(layer(x), plain(y))
        assert last_call(layer) == "replayed"
        assert recorder.records == 4
    finally:
        setattr(owner, name, before)


SPEC = """
cell Plain(I, H):
    input  x: [I]
    state  h: [H]
    param  W: [H, I], U: [H, H] orthogonal

    h[t] = tanh(W @ x[t] + U @ h[t-1])
    output h[t]
"""


def test_what_waits_for_the_gpu_is_not_recorded(
    recorder: StandInRecorder, tmp_path: Any
) -> None:
    (tmp_path / "plain.rnn").write_text(SPEC)
    name = f"plain_{type(recorder).__name__}"
    layer = rnndsl.load(tmp_path / "plain.rnn", name=name).Plain(D, H)
    layer.engine = "graph"
    for _ in range(3):
        layer(torch.randn(T, B, D))
    assert last_call(layer) == (
        "ran plainly: it has orthogonal parameters, whose exponential waits for the GPU"
    )
    assert recorder.records == 0


def test_a_weight_that_a_hook_computes(cases: Cases, recorder: StandInRecorder) -> None:
    layer, plain = cases.recorded()
    for module in (layer, plain):
        torch.manual_seed(3)
        prune.random_unstructured(module, "weight_hh_l0", 0.5)
    for _ in range(3):
        x, y = inputs()
        for module, value in ((layer, x), (plain, y)):
            module.zero_grad()
            weighted(module(value)).backward()
        same(layer.weight_hh_l0_orig.grad, plain.weight_hh_l0_orig.grad)
    assert last_call(layer) == (
        "ran plainly: it has a tensor that is no parameter: weight_hh_l0"
    )


def test_hooks_of_the_module_are_called_each_time(cases: Cases) -> None:
    layer, _ = cases.recorded()
    seen: list[Tensor] = []
    layer.register_forward_hook(lambda module, given, result: seen.append(result[0]))
    for _ in range(3):
        layer(inputs()[0])
    assert len(seen) == 3
    assert last_call(layer) == "replayed"


def test_a_recording_holds_no_tensor_of_a_caller(cases: Cases) -> None:
    layer, _ = cases.layers()
    states = [torch.zeros(1, B, H, requires_grad=True) for _ in range(2)]
    for _ in range(2):
        derived = tuple(2 * state for state in states)
        held = [weakref.ref(value) for value in derived]
        weighted(layer(inputs()[0], derived)).backward()
    assert last_call(layer) == "replayed"
    del derived
    gc.collect()
    assert [ref() for ref in held] == [None, None]


def test_states_that_lie_in_one_another(recorder: StandInRecorder) -> None:
    """A step whose second state is the first of before, as it was given."""

    class Shift(nn.Module):
        def run(self, x: Tensor, states: tuple[Tensor, Tensor]) -> Any:
            def call(given: tuple[Tensor, ...]) -> Any:
                x, first, _ = given
                return x + first, first

            return layer._graphs.run(
                self, call, (x, *states), carried=lambda: ((1, 0), (2, 1))
            )

    layer = module_of("GRU").GRU(D, H)
    shift = Shift()
    a, b = torch.zeros(B), torch.zeros(B)
    expected_a, expected_b = a, b
    with torch.no_grad():
        for _ in range(5):
            x = torch.randn(B)
            a, b = shift.run(x, (a, b))
            expected_a, expected_b = x + expected_a, expected_a
            same((a, b), (expected_a, expected_b))
    assert recorder.records == 1


def test_the_first_of_the_errors_is_told(
    cases: Cases, recorder: StandInRecorder
) -> None:
    def record(work: Any, memory: Any) -> Any:
        try:
            raise RuntimeError("CUDA out of memory")
        except RuntimeError:
            raise RuntimeError("a capture is invalid") from None

    recorder.record = record  # type: ignore[method-assign]
    layer, _ = cases.layers()
    try:
        raise RuntimeError("of the caller")
    except RuntimeError:
        for _ in range(2):
            layer(inputs()[0])
    assert last_call(layer) == "ran plainly: the capture failed: CUDA out of memory"
