"""The engine ``cuda``: torch's products, and all between them in generated kernels."""

from __future__ import annotations

from functools import cache, partial

import torch
from torch import Tensor

from rnndsl.runtime.engines.fused import scan_loops
from rnndsl.runtime.kernels.device import compiler_refusal, device_kernels
from rnndsl.runtime.kernels.source import KERNEL_DTYPES
from rnndsl.runtime.specification import (
    CellSpecification,
    KernelLoops,
    Loops,
    Tensors,
)

_NO_GPU = "kernels need an NVIDIA GPU"
# Ready made, since without a GPU it is the answer in every call.
_ON_CPU = f"{_NO_GPU}, and tensors are on cpu"


def cuda_scan(
    specification: CellSpecification,
    inputs: Tensors,
    state: Tensors,
    parameters: Tensors,
    mask: Tensor | None,
) -> tuple[Tensor, Tensors]:
    """All steps in the loops over kernels; shapes as in ``reference_scan``."""
    with torch.cuda.device(inputs[0].device):
        loops = cuda_loops(specification, inputs[0])
        return scan_loops(specification, loops, inputs, state, parameters, mask)


def cuda_loops(specification: CellSpecification, like: Tensor) -> Loops:
    """The loops of a cell over kernels compiled for a tensor's device and dtype."""
    written = specification.kernels
    assert isinstance(written, KernelLoops), "refused before"
    kernels = device_kernels(written.source, like.dtype, like.device.index)
    return Loops(
        forward=partial(written.forward, kernels),
        backward=partial(written.backward, kernels),
    )


def place_refusal(tensors: Tensors) -> str | None:
    """Why kernels cannot run where the tensors are, or None if they can."""
    for tensor in tensors:
        if tensor.is_cpu:
            return _ON_CPU
        if not tensor.is_cuda:
            return f"{_NO_GPU}, and tensors are on {tensor.device}"
    if not tensors or torch.version.cuda is None:
        return _NO_GPU
    if len(dict.fromkeys(tensor.device for tensor in tensors)) > 1:
        return "the tensors are on several devices"
    return None


def cuda_refusal(specification: CellSpecification, tensors: Tensors) -> str | None:
    """Why the kernels of a cell cannot run on these tensors, all of them on a GPU, or
    None if they can."""
    if isinstance(specification.kernels, str):
        return f"the cell {specification.kernels}"
    dtypes = dict.fromkeys(tensor.dtype for tensor in tensors)
    if len(dtypes) > 1:
        return "the tensors have several dtypes"
    (dtype,) = dtypes
    if dtype not in KERNEL_DTYPES:
        return f"there are no kernels for {dtype}"
    missing = compiler_refusal()
    if missing is not None:
        return missing
    device = tensors[0].device
    return _compile_refusal(specification.kernels.source, dtype, device.index)


@cache
def _compile_refusal(source: str, dtype: torch.dtype, device: int) -> str | None:
    """Why the kernels cannot be compiled or loaded; compiles them."""
    try:
        device_kernels(source, dtype, device)
    except (RuntimeError, OSError, ImportError) as error:
        return f"its kernels cannot be compiled: {str(error).splitlines()[0]}"
    return None
