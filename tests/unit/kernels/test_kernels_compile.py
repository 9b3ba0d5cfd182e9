"""The kernels of every cell of the zoo compile for GPUs, without one."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from kernel_cases import cells_with_kernels, specification, written

from rnndsl.runtime.kernels.nvrtc import compile_cubin, find_nvrtc
from rnndsl.runtime.kernels.source import KERNEL_DTYPES, kernel_source

FUNCTIONS = """
extern "C" __global__ void functions(const scalar* u_, scalar* y_) {
    const real u = load(u_, 0), v = load(u_, 1);
    store(y_, 0, sigmoid(u) + tanh(u) + relu(u) + softplus(u) + exp(u) + log(u));
    store(y_, 1, sqrt(u) + fabs(u) + sign_of(u) + sin(u) + cos(u) + erf(u) + silu(u));
    store(y_, 2, gelu(u) + elu(u, v) + leaky_relu(u, v) + selu(u) + softsign(u));
    store(y_, 3, hard_sigmoid(u) + hard_tanh(u) + log_sigmoid(u) + smaller(u, v));
    store(y_, 4, larger(u, v) + clamp(u, v, 1) + silu_backward(u, v) + pow(u, v));
    store(y_, 5, gelu_backward(u, v) + infinity() + not_a_number());
}
extern "C" __global__ void rows(
    const scalar* d, const scalar* y, const scalar* u, scalar* to, int width
) {
    row_sum(u, width, to);
    row_mean(u, width, to);
    row_largest(u, width, to);
    row_smallest(u, width, to);
    row_softmax(u, width, to);
    row_log_softmax(u, width, to);
    row_layer_norm(u, width, real(1e-5), to);
    row_rms_norm(u, width, real(1e-5), to);
    row_sum_backward(d, width, to);
    row_mean_backward(d, width, to);
    row_extreme_backward(d, y, u, width, to);
    row_softmax_backward(d, y, width, to);
    row_log_softmax_backward(d, y, width, to);
    row_layer_norm_backward(d, y, u, width, real(1e-5), to);
    row_rms_norm_backward(d, y, u, width, real(1e-5), to);
}
"""


FEW = ["LSTM", "GRU", "RWKV", "SLSTM", "TimeAwareLSTM", "LayerNormLSTM"]


def source_of(names: Iterable[str], dtype: torch.dtype) -> str:
    cells = [written(specification(name)).source for name in names]
    return kernel_source("\n".join((*cells, FUNCTIONS)), dtype)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def compiles(source: str, capability: int, folder: Path) -> None:
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        assert compile_cubin(source, capability)
        return
    text, cubin = folder / "kernels.cu", folder / "kernels.cubin"
    text.write_text(source)
    # Without optimisation: whether it compiles is asked, not how fast it runs.
    command = [nvcc, "-cubin", f"-arch=sm_{capability}", "-Xptxas=-O0", "-Xcicc=-O0"]
    command += ["-Werror=all-warnings", str(text), "-o", str(cubin)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert cubin.stat().st_size > 0


needs_cuda_compiler = pytest.mark.skipif(
    shutil.which("nvcc") is None and find_nvrtc() is None,
    reason="neither nvcc nor NVRTC to compile CUDA with",
)


@needs_cuda_compiler
@pytest.mark.parametrize("capability", [80, 90])
def test_the_kernels_of_the_zoo_compile(capability: int, tmp_path: Path) -> None:
    compiles(source_of(cells_with_kernels(), torch.float32), capability, tmp_path)


@needs_cuda_compiler
@pytest.mark.parametrize("dtype", KERNEL_DTYPES, ids=str)
def test_they_compile_in_every_dtype(dtype: torch.dtype, tmp_path: Path) -> None:
    compiles(source_of(FEW, dtype), 90, tmp_path)


def test_single_precision_is_not_computed_in_double(tmp_path: Path) -> None:
    """But for the sine and cosine of large numbers, which CUDA has so."""
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        pytest.skip("no nvcc to compile CUDA with")
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        text, ptx = tmp_path / "functions.cu", tmp_path / "functions.ptx"
        source = FUNCTIONS.replace("sin(u) + cos(u) + ", "")
        text.write_text(kernel_source(source, dtype))
        command = [nvcc, "-ptx", "-arch=sm_90", str(text), "-o", str(ptx)]
        subprocess.run(command, check=True, timeout=120)
        assert re.search(r"\.f32\b", ptx.read_text())
        assert not re.search(r"\.f64\b", ptx.read_text())


def test_nvrtc_compiles_and_the_cache_keeps(tmp_path: Path) -> None:
    if find_nvrtc() is None:
        pytest.skip("cuda-bindings with NVRTC is not installed")
    source = kernel_source(FUNCTIONS, torch.float32)
    cubin = compile_cubin(source, 90)
    assert cubin.startswith(b"\x7fELF")
    (kept,) = (tmp_path / "rnndsl").iterdir()
    stamp = kept.stat().st_mtime_ns
    assert compile_cubin(source, 90) == cubin
    assert kept.stat().st_mtime_ns == stamp
    compile_cubin(source, 80)
    assert len(list((tmp_path / "rnndsl").iterdir())) == 2
    # Newer than the compiler: the driver compiles the rest of the way.
    assert compile_cubin(source, 999).lstrip().startswith(b"//")
    with pytest.raises(RuntimeError, match=r'NVRTC: (.|\n)*"nothing" is undefined'):
        compile_cubin(f"{source}\n__device__ int broken() {{ return nothing; }}", 90)
    with pytest.raises(RuntimeError, match="cannot compile for sm_20"):
        compile_cubin(source, 20)
