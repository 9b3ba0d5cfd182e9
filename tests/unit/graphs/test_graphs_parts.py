"""What is in a model besides tensors, and may change between its calls."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import copy
from pathlib import Path
from types import MethodType
from typing import Any

import pytest
import torch
from graph_cases import same
from stand_in import StandInRecorder
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.nn.utils import parametrizations, parametrize

import rnndsl
from rnndsl.runtime.graphs.watch import WatchedModule

SPEC = Path(__file__).parents[2] / "gpu" / "kinds.rnn"
T, B, F = 6, 3, 4


@pytest.fixture(scope="module")
def compiled() -> Any:
    """The module of the spec."""
    return rnndsl.load(SPEC, name="graphs_of_surveys")


def with_head(compiled: Any, head: nn.Module) -> tuple[Any, Any]:
    """A model that records, and one like it that does not, with such a head."""
    ours = compiled.Repeating(F)
    ours.head = head
    plain = copy.deepcopy(ours)
    ours.engine, plain.engine = "graph", "fused"
    return ours, plain


def outputs(model: Any, x: Tensor) -> Tensor:
    found: Tensor = model(x, steps=T)[0]
    return found


def last_call(model: Any) -> str:
    """What the model says of the last call of its sequences."""
    (line,) = (x for x in model.explain().splitlines() if "graphs of sequences" in x)
    return str(line).partition("the last call ")[2]


def test_a_part_without_tensors_is_replaced(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, plain = with_head(compiled, nn.Sequential(nn.Linear(4, F), nn.ReLU()))
    x = torch.randn(B, F)
    for activation in (nn.ReLU(), nn.Tanh(), nn.LeakyReLU(0.3), nn.LeakyReLU(0.1)):
        for model in (ours, plain):
            model.head[1] = activation
        for _ in range(2):
            same(outputs(ours, x), outputs(plain, x))
        assert last_call(ours) == "replayed"
    # Each is recorded, forward and backward.
    assert recorder.records == 8


def test_a_part_that_lies_where_the_last_one_did(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, _ = with_head(compiled, nn.Sequential(nn.Linear(4, F), nn.ReLU()))
    x = torch.randn(B, F)
    for _ in range(10):
        for _ in range(2):
            outputs(ours, x)
        assert last_call(ours) == "replayed"
        # The first leaves its place to the third.
        ours.head[1] = nn.Sigmoid()
        ours.head[1] = nn.Tanh()
        outputs(ours, x)
        assert last_call(ours).startswith("ran plainly: seen for the first time")


def test_a_number_in_a_part_is_set(compiled: Any, recorder: StandInRecorder) -> None:
    ours, plain = with_head(compiled, nn.Sequential(nn.Linear(4, F), nn.LayerNorm(F)))
    x = torch.randn(B, F)
    for eps in (1e-5, 0.5, 1e-5):
        for model in (ours, plain):
            model.head[1].eps = eps
        for _ in range(2):
            same(outputs(ours, x), outputs(plain, x))
    assert last_call(ours) == "replayed"
    assert recorder.records == 4


def test_a_method_of_a_layer_is_replaced(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, plain = with_head(compiled, nn.Linear(4, F))
    x = torch.randn(B, F)
    for _ in range(2):
        outputs(ours, x)

    def doubled(layer: Any, *arguments: Any) -> Any:
        output, last = type(layer).scan(layer, *arguments)
        return 2 * output, last

    for model in (ours, plain):
        model.layer_1.scan = MethodType(doubled, model.layer_1)
    same(outputs(ours, x), outputs(plain, x))
    assert last_call(ours).startswith("ran plainly: seen for the first time")


def test_a_class_with_an_unroll_of_its_own(
    compiled: Any, recorder: StandInRecorder
) -> None:
    class Scaled(compiled.Repeating):  # type: ignore[misc]
        factor = 1.0

        def unroll(self, *arguments: Any) -> Any:
            output, state = super().unroll(*arguments)
            return self.factor * output, state

    model = Scaled(F)
    model.engine = "graph"
    x = torch.randn(B, F)
    for _ in range(3):
        once = outputs(model, x)
    Scaled.factor = 3.0
    same(outputs(model, x), 3 * once)
    assert last_call(model).startswith("ran plainly: it is a ")
    assert last_call(model).endswith(".Scaled, whose unroll is not the generated one")


def test_a_class_with_methods_beside(compiled: Any, recorder: StandInRecorder) -> None:
    class Trained(compiled.Repeating):  # type: ignore[misc]
        def forward(self, x: Tensor, **options: Any) -> Any:
            return super().forward(x, **options)

        def training_step(self, x: Tensor) -> Tensor:
            return outputs(self, x).square().mean()

    model = Trained(F)
    model.engine = "graph"
    for _ in range(2):
        model.training_step(torch.randn(B, F))
    assert last_call(model) == "replayed"
    with torch.no_grad():
        for _ in range(3):
            model.step(torch.randn(B, F))
    assert "last call ran plainly: it is a " in model.explain()


def test_a_forward_that_somebody_has_wrapped(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, _ = with_head(compiled, nn.Linear(4, F))
    called: list[int] = []
    forward = ours.head.forward

    def wrapped(x: Tensor) -> Tensor:
        called.append(1)
        result: Tensor = forward(x)
        return result

    ours.head.forward = wrapped
    for _ in range(4):
        outputs(ours, torch.randn(B, F))
    assert len(called) == 4
    assert last_call(ours) == (
        "ran plainly: its part head has a forward of its own, which may depend on "
        "anything"
    )


def test_hooks_of_all_modules(compiled: Any, recorder: StandInRecorder) -> None:
    ours, _ = with_head(compiled, nn.Linear(4, F))
    seen: list[nn.Module] = []
    handle = register_module_forward_hook(lambda module, *_: seen.append(module))
    try:
        for _ in range(3):
            outputs(ours, torch.randn(B, F))
    finally:
        handle.remove()
    assert seen.count(ours.head) == 3
    assert last_call(ours) == (
        "ran plainly: hooks of all modules would not be called in replays"
    )


def test_weights_that_are_kept_in_a_list() -> None:
    """A recording would find the parameters there, and not what stands in for them."""
    watched = WatchedModule(nn.Sequential(nn.LSTM(2, 3)), is_called=False)
    assert watched.refusal == (
        "its part 0 has a tensor that is no parameter: _flat_weights"
    )


class Marked(Tensor):
    """A tensor of a type of somebody's own."""


def test_tensors_of_other_types(compiled: Any, recorder: StandInRecorder) -> None:
    ours, plain = with_head(compiled, nn.Linear(4, F))
    for _ in range(3):
        x = torch.randn(B, F).as_subclass(Marked)
        same(outputs(ours, x), outputs(plain, x))
    assert last_call(ours) == "ran plainly: an input is a tensor of a type of its own"
    assert recorder.records == 0
    weight = ours.head.weight.detach().as_subclass(Marked)
    ours.head.weight = nn.Parameter(weight)
    assert type(ours.head.weight) is Marked
    for _ in range(3):
        outputs(ours, torch.randn(B, F))
    assert last_call(ours) == (
        "ran plainly: its part head has a tensor of a type of its own: weight"
    )


def test_weights_that_parametrizations_keep(
    compiled: Any, recorder: StandInRecorder
) -> None:
    ours, plain = with_head(compiled, nn.Linear(4, F))
    for model in (ours, plain):
        parametrizations.weight_norm(model.head)
    plain.load_state_dict(ours.state_dict())
    for model in (ours, plain):
        for _ in range(3):
            with parametrize.cached():
                assert model.head.weight is model.head.weight
                outputs(model, torch.ones(B, F)).sum().backward()
    for own, other in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(own.grad, other.grad)
    for _ in range(3):
        x = torch.randn(B, F)
        same(outputs(ours, x), outputs(plain, x))
    assert last_call(ours) == "replayed"
