from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType

import pytest
import torch
from step_values import ZOO, assert_same, plan_of, zoo_plan

from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source
from rnndsl.plan.statements import (
    Join,
    Multiply,
    OuterSum,
    SumFeatures,
    SumSteps,
    reads,
    targets,
)
from rnndsl.plan.sums import MAX_TERMS

FIXED_SCALARS = """
cell Scaled(I, H):
    input x: [I]
    state h: [H]
    param W: [H, I], v: [H], k: [], m: []

    q = k * v + m
    h[t] = tanh(W @ x[t] + q * h[t-1]) * k
    output h[t]
"""


@pytest.fixture
def scaled() -> Iterator[ModuleType]:
    """The module of FIXED_SCALARS, as if it had been imported."""
    name = "module_of_scaled"
    text = Compilation(Source("scaled.rnn", FIXED_SCALARS), None).module_text
    spec = spec_from_loader(name, loader=None)
    assert spec is not None
    module = sys.modules[name] = module_from_spec(spec)
    exec(compile(text, "scaled.py", "exec"), module.__dict__)
    yield module
    del sys.modules[name]


def test_a_fixed_scalar_beside_fixed_vectors(scaled: ModuleType) -> None:
    """Its gradient is the sum over the features of those of the vectors."""
    torch.manual_seed(0)
    layer = scaled.Scaled(3, 5).double()
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    found: list[list[torch.Tensor]] = []
    for engine in ("reference", "fused"):
        layer.engine = engine
        layer.zero_grad()
        (layer(x)[0] ** 2).sum().backward()
        found.append([p.grad.clone() for p in layer.parameters() if p.grad is not None])
    for expected, gradient in zip(*found, strict=True):
        assert_same(gradient, expected)
    after = plan_of(FIXED_SCALARS).backward.after
    assert sum(isinstance(s, SumFeatures) for s in after) == 2


@pytest.mark.parametrize("cell", ZOO)
def test_gradients_of_parameters_are_taken_after_the_loop(cell: str) -> None:
    backward = zoo_plan(cell).backward
    for statement in (*backward.before, *backward.loop):
        assert not isinstance(statement, OuterSum | SumSteps)


@pytest.mark.parametrize("cell", ZOO)
def test_the_loop_holds_only_what_the_step_before_needs(cell: str) -> None:
    plan = zoo_plan(cell)
    needed = {name for name in plan.backward.leaving if name is not None}
    for statement in reversed(plan.backward.loop):
        assert needed & {*targets(statement)}
        needed |= {*reads(statement)}


def test_an_lstm_has_one_product_in_each_step_back() -> None:
    backward = zoo_plan("LSTM").backward
    (product,) = (s for s in backward.loop if isinstance(s, Multiply))
    (join,) = (s for s in backward.loop if isinstance(s, Join))
    assert (product.operand, product.transposed) == (join.target, True)
    assert backward.buffers == (join.target,)
    assert [s.left for s in backward.after if isinstance(s, OuterSum)] == [
        join.target,
        join.target,
    ]
    assert backward.parameters[2] == backward.parameters[3]
    assert [targets(s) for s in backward.for_inputs] == [("d_x",)]


def test_what_no_state_needs_goes_back_before_the_loop() -> None:
    backward = zoo_plan("SCRN").backward
    assert [s.operand for s in backward.before if isinstance(s, Multiply)] == [
        "d_output",
        "d_output",
    ]


def test_gates_before_the_loop_get_their_gradients_after_it() -> None:
    backward = zoo_plan("MinGRU").backward
    assert not any(isinstance(s, Multiply) for s in backward.loop)
    assert "d_h" in backward.collected
    after = [name for s in backward.after for name in targets(s)]
    assert "d_z" in after


def test_a_value_without_gradient() -> None:
    plan = plan_of(
        "cell A(H):\n    input x: [H], y: [H]\n    state h: [H], g: [H]\n"
        "    param u: [H], w: [H]\n"
        "    h[t] = sign(u * h[t-1]) * x[t]\n    g[t] = w * x[t] + sign(y[t])\n"
        "    output h[t] * g[t]\n"
    )
    assert plan.backward.leaving == (None, None)
    assert plan.backward.parameters[0] is None
    assert plan.backward.parameters[1] is not None
    assert plan.backward.inputs[1] is None


def many_readers(count: int) -> str:
    """A cell with this many states, all of which read its input."""
    states = "".join(f"    state s{k}: [H]\n" for k in range(count))
    equations = "".join(
        f"    s{k}[t] = tanh(s{(k + 1) % count}[t-1] + x[t])\n" for k in range(count)
    )
    return f"cell Ring(H):\n    input x: [H]\n{states}{equations}    output s0[t]\n"


def test_a_long_sum_of_gradients_is_added_up_in_parts() -> None:
    def parts(count: int) -> int:
        text = Compilation(Source("ring.rnn", many_readers(count)), None).module_text
        return text.count("d_x_part = ")

    assert parts(MAX_TERMS) == 0
    assert parts(MAX_TERMS + 1) > 0


def test_parts_of_a_long_sum_are_the_same_gradient() -> None:
    text = Compilation(Source("ring.rnn", many_readers(230)), None).module_text
    module = ModuleType("ring")
    exec(compile(text, "ring.py", "exec"), module.__dict__)
    layer = module.Ring(3, dtype=torch.float64)
    x = torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True)
    found = []
    for layer.engine in ("fused", "reference"):
        output, states = layer(x)
        total = sum((k + output.sum() * state).sum() for k, state in enumerate(states))
        found.append(torch.autograd.grad(total, x)[0])
    assert_same(found[0], found[1])


def test_a_value_with_a_thousand_readers() -> None:
    """As deep a sum of their gradients is more than Python can recurse into."""
    text = many_readers(1000)
    (plan,) = Compilation(Source("ring.rnn", text), None).plans
    assert len(plan.backward.leaving) == 1000
