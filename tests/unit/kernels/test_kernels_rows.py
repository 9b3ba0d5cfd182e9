"""Functions over the features of a row, by threads that wait for one another, against
torch's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from cpu_kernels import CpuKernels, cpu_kernels, needs_compiler
from kernel_cases import load_text
from torch import Tensor

from rnndsl import compile_text, zoo
from rnndsl.backends.cuda.printer import ROW_FUNCTIONS
from rnndsl.runtime.functions.features import (
    extreme_backward,
    layer_norm,
    layer_norm_backward,
    log_softmax_backward,
    mean_backward,
    rms_norm,
    rms_norm_backward,
    softmax_backward,
    sum_backward,
)

pytestmark = needs_compiler
KERNEL = """
extern "C" __global__ void f_{name}(
    const scalar* d_, const scalar* y_, const scalar* u_, scalar* to_, int width,
    int rows
) {{
    for (Index row = blockIdx.x; row < rows; row += gridDim.x) {{
        [[maybe_unused]] const scalar* d = d_ + row * {d};
        [[maybe_unused]] const scalar* y = y_ + row * {y};
        [[maybe_unused]] const scalar* u = u_ + row * width;
        {name}({arguments}, to_ + row * {to});
    }}
}}
"""
EPSILON = 1e-3
Expected = Callable[[Tensor, Tensor, Tensor], Tensor]
EXPECTED: dict[str, tuple[str, Expected]] = {
    "row_sum": ("u, width", lambda d, y, u: u.sum(-1)),
    "row_mean": ("u, width", lambda d, y, u: u.mean(-1)),
    "row_largest": ("u, width", lambda d, y, u: u.amax(-1)),
    "row_smallest": ("u, width", lambda d, y, u: u.amin(-1)),
    "row_softmax": ("u, width", lambda d, y, u: u.softmax(-1)),
    "row_log_softmax": ("u, width", lambda d, y, u: u.log_softmax(-1)),
    "row_layer_norm": ("u, width, 1e-3", lambda d, y, u: layer_norm(u, EPSILON)),
    "row_rms_norm": ("u, width, 1e-3", lambda d, y, u: rms_norm(u, EPSILON)),
    "row_sum_backward": ("d, width", lambda d, y, u: sum_backward(d, u.shape[-1])),
    "row_mean_backward": ("d, width", lambda d, y, u: mean_backward(d, u.shape[-1])),
    "row_extreme_backward": (
        "d, y, u, width",
        lambda d, y, u: extreme_backward(d, y, u),
    ),
    "row_softmax_backward": ("d, y, width", lambda d, y, u: softmax_backward(d, y)),
    "row_log_softmax_backward": (
        "d, y, width",
        lambda d, y, u: log_softmax_backward(d, y),
    ),
    "row_layer_norm_backward": (
        "d, y, u, width, 1e-3",
        lambda d, y, u: layer_norm_backward(d, y, u, EPSILON),
    ),
    "row_rms_norm_backward": (
        "d, y, u, width, 1e-3",
        lambda d, y, u: rms_norm_backward(d, y, u, EPSILON),
    ),
}
FORWARD = {
    "row_extreme_backward": lambda u: u.amax(-1),
    "row_softmax_backward": lambda u: u.softmax(-1),
    "row_log_softmax_backward": lambda u: u.log_softmax(-1),
    "row_layer_norm_backward": lambda u: layer_norm(u, EPSILON),
    "row_rms_norm_backward": lambda u: rms_norm(u, EPSILON),
}
SCALARS_ARRIVE = ("row_sum_backward", "row_mean_backward", "row_extreme_backward")
REDUCTIONS = ("row_sum", "row_mean", "row_largest", "row_smallest")


def source() -> str:
    return "".join(
        KERNEL.format(
            name=name,
            arguments=arguments,
            d="1" if name in SCALARS_ARRIVE else "width",
            y="1" if name == "row_extreme_backward" else "width",
            to="1" if name in REDUCTIONS else "width",
        )
        for name, (arguments, _) in EXPECTED.items()
    )


def computed(kernels: CpuKernels, name: str, u: Tensor, seed: int) -> list[Tensor]:
    """What a kernel makes of a function, and what torch does."""
    generator = torch.Generator().manual_seed(seed)
    rows, width = u.shape
    shape = (rows,) if name in SCALARS_ARRIVE else (rows, width)
    d = torch.randn(shape, generator=generator, dtype=torch.float64).to(u.dtype)
    y = FORWARD.get(name, torch.exp)(u)
    found = u.new_empty((rows,) if name in REDUCTIONS else (rows, width))
    launch = kernels.bind_rows(
        f"f_{name}", rows, width, reads=(d, y, u), writes=(found,), sizes=(width,)
    )
    launch(rows)
    return [found, EXPECTED[name][1](d, y, u).contiguous()]


@pytest.mark.parametrize("name", ROW_FUNCTIONS)
def test_rows_are_exact(name: str) -> None:
    """More entries than threads, fewer, and one; equal ones too."""
    for dtype, allowed in ((torch.float64, 1e-13), (torch.float32, 2e-6)):
        kernels = cpu_kernels(source(), dtype)
        for seed, (rows, width) in enumerate([(3, 1), (2, 2), (5, 3), (4, 19), (1, 8)]):
            generator = torch.Generator().manual_seed(seed)
            u = torch.randn(rows, width, generator=generator, dtype=torch.float64)
            u = (u * 5).round() / 3
            found, expected = computed(kernels, name, u.to(dtype), seed)
            scale = max(1.0, float(expected.abs().max()))
            assert float((found - expected).abs().max()) / scale < allowed, (
                rows,
                width,
            )


@pytest.mark.parametrize("name", ROW_FUNCTIONS)
def test_rows_that_are_not_finite(name: str) -> None:
    kernels = cpu_kernels(source(), torch.float64)
    infinity, nothing = float("inf"), float("nan")
    u = torch.tensor(
        [
            [1.0, nothing, 2.0],
            [-infinity, 1.0, 0.5],
            [-infinity, -infinity, -infinity],
            [infinity, 1.0, infinity],
            [700.0, -800.0, 900.0],
        ],
        dtype=torch.float64,
    )
    found, expected = computed(kernels, name, u, 3)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12, equal_nan=True)


CELL = """
cell Normed(H):
    input x: [H]
    state h: [H]
    param U: [H, H]
    u = U @ h[t-1] + x[t]
    v = softmax(u) * x[t]
    h[t] = tanh(v + h[t-1])
    output h[t]
"""


def test_functions_over_features_share_the_kernel_with_what_is_around_them() -> None:
    text = compile_text(CELL, "normed.rnn")
    kernel = load_text(text).NORMED_SPECIFICATION.kernels.source
    assert kernel.count("__global__") == 2
    assert (
        "        __syncthreads();\n"
        "        // normed.rnn:7  v = softmax(u) * x[t]\n"
        "        row_softmax(u_ + row * H, H, softmax_u_ + ((keep ? t : 0) * "
    ) in kernel
    loop = text.partition("def normed_cuda_forward")[2].partition("for t in")[2]
    assert loop.partition("last_state")[0] == (
        " range(steps):\n"
        "        torch.mm(h_states_steps[t % rows], U_t, out=u_part)\n"
        "        forward_1(t)\n"
        "    "
    )


def test_threads_wait_only_for_what_others_write() -> None:
    text = compile_text(zoo.read("LayerNormLSTM"), "layer_norm_lstm.rnn")
    kernel = text.partition("void layer_norm_lstm_forward_1(")[2].partition("\n}\n")[0]
    assert (
        "        row_mean(gates_h_ + row * (4 * H), H, mean_h_i_ + row);\n"
        "        row_mean(gates_h_ + row * (4 * H) + H, H, mean_h_f_ + row);\n"
    ) in kernel
    assert kernel.count("__syncthreads();") == 7
