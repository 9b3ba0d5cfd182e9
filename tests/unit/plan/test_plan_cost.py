"""The formulas of the cost against what generated modules have, do and keep."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import sympy
import torch
from step_values import ZOO, module_of, plan_of, zoo_plan
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

import rnndsl
from rnndsl.plan.cost import Cost, cost_of
from rnndsl.plan.plan import CellPlan
from rnndsl.plan.show_cost import cost_text
from rnndsl.plan.sizes import dimension

COUNTED = ("LSTM", "GRU", "GRUResetBefore", "CfC", "SCRN", "GRUD", "QRNN", "RWKV")


def number(formula: sympy.Expr, sizes: dict[str, int]) -> int:
    return int(formula.subs({dimension(name): size for name, size in sizes.items()}))


def random_sizes(plan: CellPlan, seed: int) -> dict[str, int]:
    names = [d.name for d in plan.graph.cell.dimensions]
    drawn = random.Random(seed).sample(range(2, 20), len(names))
    return dict(zip(names, drawn, strict=True))


@pytest.mark.parametrize("cell", ZOO)
def test_parameters(cell: str) -> None:
    plan = zoo_plan(cell)
    sizes = random_sizes(plan, len(cell))
    arguments_ = {d.argument: sizes[d.name] for d in plan.graph.cell.dimensions}
    module = getattr(module_of(cell), f"{cell}Cell")(**arguments_)
    found = {name: value.numel() for name, value in module.named_parameters()}
    cost = cost_of(plan)
    assert {name: number(size, sizes) for name, _, size in cost.parameters} == found
    assert number(cost.number_of_parameters, sizes) == sum(found.values())


class Run:
    """The fused functions of a cell, called on random tensors of some sizes."""

    def __init__(self, cell: str, steps: int, rows: int = 3) -> None:
        plan = zoo_plan(cell)
        self.steps, self.rows = steps, rows
        self.sizes = random_sizes(plan, 1)
        resolved = plan.graph.cell

        def draw(shape: tuple[Any, ...], *leading: int) -> Tensor:
            sizes = (d if isinstance(d, int) else self.sizes[d] for d in shape)
            return torch.rand((*leading, *sizes))

        self.inputs = tuple(draw(i.shape, steps, rows) for i in resolved.inputs)
        self.state = tuple(draw(s.shape, rows) for s in resolved.states)
        self.parameters = tuple(
            torch.cat([draw(p.member_shape) for _ in p.members])
            if p.member_shape
            else draw(())
            for p in resolved.parameters
        )
        self.specification = getattr(module_of(cell), cell).specification

    def forward(self) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
        found: tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]
        found = self.specification.forward(
            self.inputs, self.state, self.parameters, None, True
        )
        return found

    def backward(self, saved: tuple[Tensor, ...], output: Tensor) -> None:
        gradients = tuple(torch.ones_like(each) for each in self.state)
        self.specification.backward(
            torch.ones_like(output),
            gradients,
            self.inputs,
            self.state,
            self.parameters,
            None,
            saved,
            True,
        )


def products(cost: Cost, which: str, steps: int) -> tuple[sympy.Expr, int]:
    """Operations of each row and step, and the number of matrix products in all."""
    regions = getattr(cost, which)
    operations = sympy.Add(*(work.products for _, work in regions))
    times = {"in each step": steps}
    count = sum(times.get(name, 1) * work.matrix_products for name, work in regions)
    return operations, count


@pytest.mark.parametrize("cell", COUNTED)
def test_operations_of_products(cell: str) -> None:
    cost = cost_of(zoo_plan(cell))
    run = Run(cell, steps=4)
    with FlopCounterMode(display=False) as counter:
        output, _, saved = run.forward()
    operations, _ = products(cost, "forward", 4)
    each = run.steps * run.rows
    assert counter.get_total_flops() == each * number(operations, run.sizes)
    with FlopCounterMode(display=False) as counter:
        run.backward(saved, output)
    operations, _ = products(cost, "backward", 4)
    assert counter.get_total_flops() == each * number(operations, run.sizes)


@pytest.mark.parametrize("cell", COUNTED)
def test_the_number_of_matrix_products(cell: str) -> None:
    cost = cost_of(zoo_plan(cell))
    run = Run(cell, steps=4)

    def multiplied(profile: torch.profiler.profile) -> int:
        names = ("aten::mm", "aten::addmm", "aten::bmm")
        return sum(e.count for e in profile.key_averages() if e.key in names)

    with torch.profiler.profile() as profile:
        output, _, saved = run.forward()
    assert multiplied(profile) == products(cost, "forward", 4)[1]
    with torch.profiler.profile() as profile:
        run.backward(saved, output)
    assert multiplied(profile) == products(cost, "backward", 4)[1]


@pytest.mark.parametrize("cell", ZOO)
def test_what_a_further_step_keeps(cell: str) -> None:
    """Every storage counts once; those of arguments and results do not."""

    def kept(steps: int) -> int:
        run = Run(cell, steps)
        output, _, saved = run.forward()
        own = (*run.inputs, *run.state, *run.parameters, output)
        known = {each.untyped_storage().data_ptr() for each in own}
        storages = {
            each.untyped_storage().data_ptr(): each.untyped_storage().nbytes()
            for each in saved
        }
        return sum(size for pointer, size in storages.items() if pointer not in known)

    plan = zoo_plan(cell)
    expected = number(4 * cost_of(plan).kept, random_sizes(plan, 1))
    assert kept(6) - kept(5) == 3 * expected


def test_elementwise_operations() -> None:
    cost = cost_of(
        plan_of(
            "cell A(I, H):\n    input x: [I], k: []\n    state h: [H]\n"
            "    param W: [H, I], u: [H], s: []\n"
            "    a = sigmoid(u) * s\n"
            "    h[t] = tanh(W @ x[t] + a * h[t-1] - k[t])\n"
            "    output h[t] * 2\n"
        )
    )
    rows = sympy.Symbol("H", integer=True, positive=True)
    work = dict(cost.forward)
    assert cost.forward_once == 2 * rows
    assert work["in each step"].elementwise in (3 * rows, 4 * rows)
    assert work["after the loop"].elementwise == rows
    assert work["before the loop"].matrix_products == 1


def test_a_state_that_is_only_passed_on_keeps_nothing() -> None:
    plan = plan_of(
        "cell A(H):\n    input x: [H]\n    state h: [H], a: [H], b: [H]\n"
        "    h[t] = x[t] * a[t-1]\n    a[t] = b[t-1]\n    b[t] = a[t-1]\n"
        "    output h[t]\n"
    )
    assert "a_prev" in (*plan.kept.steps, *plan.kept.sequences)
    assert cost_of(plan).kept == 0


LSTM = """\
cell LSTM(I, H)
The last column is for I = H = 256, T = 100 steps, B = 32 rows.

parameters
  weight_ih  [4*H, I]  4*H*I                 262,144
  weight_hh  [4*H, H]  4*H**2                262,144
  bias_ih    [4*H]     4*H                     1,024
  bias_hh    [4*H]     4*H                     1,024
  in all               4*H**2 + 4*H*I + 8*H  526,336

operations of each row and step
                             products          elementwise  both, T*B times
  forward   before the loop  8*H*I             0              1,677,721,600
  forward   in each step     8*H**2            9*H            1,685,094,400
  forward   in all           8*H**2 + 8*H*I    9*H            3,362,816,000
  backward  in each step     8*H**2            13*H           1,688,371,200
  backward  after the loop   8*H**2 + 8*H*I    4*H            3,358,720,000
  backward  for the inputs   8*H*I             0              1,677,721,600
  backward  in all           16*H**2 + 16*H*I  17*H           6,724,812,800

matrix products
  forward   T + 1  101
  backward  T + 3  103

kept for the backward pass, in bytes at float32
  of each row and step  28*H           7,168
  of each step          B*28*H       229,376
  in all                T*B*28*H  22,937,600
"""


def test_the_text_for_an_lstm() -> None:
    assert cost_text(zoo_plan("LSTM")) == LSTM


STRUCTURED = """
cell Structured(I, H):
    input  x: [I]
    state  h: [H]
    param  W_{a,b}: [H, I] frozen sparse(0.3), V: [H, I] low_rank(2)
    param  U_{a,b}: [H, H] orthogonal, B: [H, I] block_diagonal(2), A: [H, H] symmetric
    param  D: [H, H] diagonal, L: [H, H] lower_triangular

    z = sigmoid(W_a @ x[t] + V @ x[t] + U_a @ h[t-1] + A @ h[t-1])
    h[t] = tanh(W_b @ x[t] + B @ x[t] + U_b @ (z * h[t-1]) + D @ h[t-1] + L @ h[t-1])
    output h[t]
"""


@pytest.mark.parametrize("sizes", [{"I": 6, "H": 10}, {"I": 14, "H": 4}])
def test_free_numbers_of_structured_parameters(
    sizes: dict[str, int], tmp_path: Path
) -> None:
    cost = cost_of(plan_of(STRUCTURED))
    path = tmp_path / "structured.rnn"
    path.write_text(STRUCTURED, encoding="utf-8")
    module: Any = rnndsl.load(path, name=tmp_path.name)
    cell = module.StructuredCell(sizes["I"], sizes["H"])
    found = {name: value.numel() for name, value in cell.named_parameters()}
    assert {name: number(size, sizes) for name, _, size in cost.parameters} == found
    shapes = {name: shape for name, shape, _ in cost.parameters}
    assert shapes["W"] == "[2*H, Max(1, floor(3*I/10 + 1/2))]"
    assert shapes["V"] == "[H + I, 2]"
    assert shapes["U"] == "[H*(H - 1)]"
    assert shapes["B"] == "[H, I/2]"
