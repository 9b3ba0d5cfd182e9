"""The engine ``cuda`` on a GPU: every cell of the zoo, in every case and dtype."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from kernel_layers import DEVICE, error, module_of, run, settings, step_by_step

from rnndsl import zoo
from rnndsl.runtime.device_kernels import TorchKernels, compiler_refusal, device_kernels
from rnndsl.runtime.nvrtc import find_nvrtc

pytestmark = pytest.mark.gpu
CELLS = zoo.cell_names()


@pytest.fixture(autouse=True)
def kernels_can_be_compiled(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = compiler_refusal()
    if refusal is not None:
        pytest.skip(refusal)
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    torch.backends.cuda.matmul.allow_tf32 = False


@pytest.mark.parametrize("name", CELLS)
def test_values_and_gradients_are_those_of_the_interpreter(name: str) -> None:
    for setting in settings(name):
        for dtype, slack in ((torch.float64, 1), (torch.float32, 2)):
            found = run(name, setting, "cuda", dtype)
            allowed = slack * setting.allowed[dtype]
            assert error(found, setting.expected) <= allowed, setting.case.name


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", CELLS)
def test_half_types_err_no_more_than_torch_does(name: str, dtype: torch.dtype) -> None:
    largest = torch.finfo(dtype).max
    for state in getattr(module_of(name), name).specification.states:
        if isinstance(state.initial, float) and abs(state.initial) > largest:
            pytest.skip(f"{state.name} starts at {state.initial:g}, beyond {dtype}")
    for setting in settings(name):
        mine = error(run(name, setting, "cuda", dtype), setting.expected)
        theirs = error(run(name, setting, "fused", dtype), setting.expected)
        assert mine <= max(2 * theirs, 32 * torch.finfo(dtype).eps), setting.case.name


@pytest.mark.parametrize("name", ["LSTM", "GRU", "Elman", "IndRNN"])
def test_a_cell_streams(name: str) -> None:
    setting = settings(name)[0]
    found = step_by_step(name, setting, "cuda")
    expected = step_by_step(name, setting, "fused")
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_auto_chooses_it_and_says_so() -> None:
    layer: Any = module_of("LSTM").LSTM(3, 4, device=DEVICE)
    assert "  cuda: chosen: the first that can run here" in layer.explain()
    layer.half()
    assert "  cuda: chosen: the first that can run here" in layer.explain()


@pytest.mark.parametrize("engine", ["cuda", "graph"])
def test_a_layer_trains_to_where_the_plain_one_does(engine: str) -> None:
    torch.manual_seed(3)
    layer: Any = module_of("GRU").GRU(5, 9, num_layers=2, bidirectional=True).to(DEVICE)
    plain = copy.deepcopy(layer)
    layer.engine, plain.engine = engine, "fused"
    x = torch.randn(20, 7, 5, device=DEVICE)
    target = torch.randn(20, 7, 18, device=DEVICE)
    lengths = torch.tensor([20, 3, 11, 1, 20, 7, 9])
    losses = []
    for module in (layer, plain):
        optimiser = torch.optim.SGD(module.parameters(), lr=0.5)
        for _ in range(20):
            optimiser.zero_grad()
            output, _ = module(x, lengths=lengths)
            loss = ((output - target) ** 2).mean()
            loss.backward()
            optimiser.step()
        losses.append(loss.detach())
    torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-5)


def test_it_runs_on_the_current_stream() -> None:
    layer: Any = module_of("LSTM").LSTM(64, 256).to(DEVICE)
    layer.engine = "cuda"
    x = torch.randn(50, 32, 64, device=DEVICE)
    expected, _ = layer(x)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        # Long work before it: on another stream, the loop would not wait for it.
        torch.cuda._sleep(50_000_000)
        y = x * 1
        found, _ = layer(y)
    torch.cuda.current_stream().wait_stream(side)
    torch.testing.assert_close(found, expected)


def test_more_entries_than_fit_into_32_bits() -> None:
    if torch.cuda.mem_get_info()[1] < 60 * 2**30:
        pytest.skip("the GPU has less than 60 GiB of memory")
    layer: Any = module_of("MinGRU").MinGRU(4, 1024).to(DEVICE).bfloat16()
    layer.engine = "cuda"
    steps, rows = 2**11 + 8, 2**10
    x = torch.randn(steps, rows, 4, device=DEVICE, dtype=torch.bfloat16)
    with torch.no_grad():
        output, _ = layer(x)
        few, _ = layer(x[:, -2:].contiguous())
    assert output.numel() > 2**31
    torch.testing.assert_close(output[:, -2:], few, rtol=0.05, atol=0.02)


def test_kernels_are_compiled_once() -> None:
    source = module_of("LSTM").LSTM_SPECIFICATION.kernels.source
    first = device_kernels(source, torch.float32, 0)
    assert device_kernels(source, torch.float32, 0) is first


def test_torch_compiles_them_too() -> None:
    """By its own loader, which needs an installation of CUDA."""
    compile_kernel: Any = getattr(torch.cuda, "_compile_kernel", None)
    if compile_kernel is None:
        pytest.skip("this torch has no loader for kernels")
    trivial = 'extern "C" __global__ void nothing(int n) {}'
    try:
        compile_kernel(trivial, "nothing")
    except (ImportError, OSError, RuntimeError) as reason:
        pytest.skip(f"torch's loader for kernels does not work here: {reason}")
    from rnndsl.runtime.cuda_source import kernel_source

    loops = module_of("LSTM").LSTM_SPECIFICATION.kernels
    kernels = TorchKernels(kernel_source(loops.source, torch.float64))
    layer: Any = module_of("LSTM").LSTM(3, 4, dtype=torch.float64).to(DEVICE)
    x = torch.randn(5, 2, 3, dtype=torch.float64, device=DEVICE)
    state = tuple(torch.zeros(2, 4, dtype=torch.float64, device=DEVICE) for _ in "hc")
    layer.engine = "fused"
    with torch.no_grad():
        parameters = tuple(layer.parameters())
        found, _, _ = loops.forward(kernels, (x,), state, parameters, None, False)
        expected, _ = layer(x)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_nvrtc_is_there() -> None:
    """torch's wheels for CUDA bring cuda-bindings along since 2.10."""
    major, minor = torch.__version__.split(".")[:2]
    if (int(major), int(minor)) < (2, 10):
        pytest.skip("this torch brings no cuda-bindings")
    assert find_nvrtc() is not None
