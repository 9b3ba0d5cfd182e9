"""The engine ``cuda``: when it runs, why it does not, and that it trains."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
import torch
from cpu_kernels import CpuKernels, cpu_kernels, needs_compiler
from kernel_cases import specification, written, zoo_module

from rnndsl.runtime.engines import choice, cuda
from rnndsl.runtime.engines.choice import ENGINES
from rnndsl.runtime.engines.cuda import cuda_refusal, place_refusal
from rnndsl.runtime.kernels.nvrtc import find_nvrtc

LSTM = specification("LSTM")


def engine(name: str) -> Any:
    return next(engine for engine in ENGINES if engine.name == name)


def test_without_a_gpu_it_says_so_and_the_next_one_runs() -> None:
    layer: Any = zoo_module("LSTM").LSTM(3, 4)
    reason = "kernels need an NVIDIA GPU, and tensors are on cpu"
    line = f"  cuda: cannot run here: {reason} (explicit loops, all between their "
    assert line in layer.explain()
    assert "  fused: chosen: in all other calls" in layer.explain()
    layer.engine = "cuda"
    with pytest.raises(RuntimeError, match=f"engine 'cuda' cannot run here: {reason}"):
        layer(torch.zeros(2, 1, 3))
    assert place_refusal(()) == "kernels need an NVIDIA GPU"


def test_what_kernels_cannot_do_is_said() -> None:
    none = replace(LSTM, kernels="sums over features in every step")
    single = (torch.zeros(2),)
    assert cuda_refusal(none, single) == "the cell sums over features in every step"
    mixed = (torch.zeros(2), torch.zeros(2, dtype=torch.float64))
    assert cuda_refusal(LSTM, mixed) == "the tensors have several dtypes"
    integers = (torch.zeros(2, dtype=torch.int64),)
    assert cuda_refusal(LSTM, integers) == "there are no kernels for torch.int64"


def test_without_a_compiler_it_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnndsl.runtime.kernels.device.find_nvrtc", lambda: None)
    monkeypatch.delattr(torch.cuda, "_compile_kernel", raising=False)
    assert cuda_refusal(LSTM, (torch.zeros(2),)) == (
        "there is no NVRTC to compile kernels with; install cuda-bindings"
    )


def test_kernels_that_cannot_be_loaded_are_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(source: str, dtype: torch.dtype, device: int | None) -> None:
        raise RuntimeError("CUDA driver: no binary for the GPU\nmore")

    monkeypatch.setattr(cuda, "compiler_refusal", lambda: None)
    monkeypatch.setattr(cuda, "device_kernels", fail)
    changed = replace(LSTM, kernels=replace(written(LSTM), source="// not seen yet"))
    assert cuda_refusal(changed, (torch.zeros(2),)) == (
        "its kernels cannot be compiled: CUDA driver: no binary for the GPU"
    )


def test_whoever_transforms_a_computation_needs_the_step() -> None:
    reasons: list[str | None] = []

    def function(x: torch.Tensor) -> torch.Tensor:
        reasons.append(choice.kernels_refusal((x,)))
        return x * 2

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choice, "place_refusal", lambda tensors: None)
        torch.func.vmap(function)(torch.zeros(3, 2))
    assert reasons == [
        "torch.func transforms (vmap, grad, jvp, ...) need the plain step"
    ]


@pytest.fixture
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> list[CpuKernels]:
    """Lets the engine run here, on kernels compiled by g++."""
    used: list[CpuKernels] = []

    def kernels(source: str, dtype: torch.dtype, device: int | None) -> CpuKernels:
        used.append(cpu_kernels(source, dtype))
        return used[-1]

    monkeypatch.setattr(choice, "place_refusal", lambda tensors: None)
    monkeypatch.setattr(cuda, "compiler_refusal", lambda: None)
    monkeypatch.setattr(cuda, "device_kernels", kernels)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    return used


@needs_compiler
@pytest.mark.parametrize("name", ["LSTM", "GRU", "SRU", "MGU"])
def test_a_layer_runs_and_trains_over_kernels(
    name: str, on_the_cpu: list[CpuKernels]
) -> None:
    torch.manual_seed(2)
    sizes = (4, 4) if name == "SRU" else (3, 4)
    layer: Any = getattr(zoo_module(name), name)(
        *sizes, num_layers=2, bidirectional=True, dtype=torch.float64
    )
    plain = copy.deepcopy(layer)
    plain.engine, layer.engine = "fused", "cuda"
    assert "  cuda: chosen: asked for" in layer.explain()
    x = torch.randn(6, 3, sizes[0], dtype=torch.float64)
    lengths = torch.tensor([6, 1, 4])
    values, gradients = [], []
    for module in (layer, plain):
        given = x.clone().requires_grad_()
        output, state = module(given, lengths=lengths)
        states = state if isinstance(state, tuple) else (state,)
        total = (output * output).sum() + sum(value.sin().sum() for value in states)
        total.backward()
        values.append((output, *states))
        gradients.append([given.grad, *(p.grad for p in module.parameters())])
    torch.testing.assert_close(*values, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(*gradients, rtol=1e-11, atol=1e-12)
    assert any("forward" in kernel for kernel, _ in on_the_cpu[0].launches)
    assert any("backward" in kernel for kernel, _ in on_the_cpu[0].launches)


@needs_compiler
def test_double_backward_and_streaming(on_the_cpu: list[CpuKernels]) -> None:
    module = zoo_module("GRU")
    layer: Any = module.GRU(3, 4, dtype=torch.float64)
    x = torch.randn(3, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: layer(v)[0], (x,))
    assert torch.autograd.gradgradcheck(lambda v: layer(v)[0], (x,))
    cell: Any = module.GRUCell(3, 4, dtype=torch.float64)
    state = cell(x[0])
    cell.engine = "reference"
    torch.testing.assert_close(state, cell(x[0]), rtol=1e-12, atol=1e-12)


def test_nvrtc_is_looked_for_once() -> None:
    assert find_nvrtc() is find_nvrtc()
