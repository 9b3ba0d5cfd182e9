"""What a recorded call depends on: calls with equal keys do the same work."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from rnndsl.runtime.specification import PartialTensors

# What is not a value: shapes and modes.
CallKey: TypeAlias = Hashable


def call_key(inputs: PartialTensors, settings: Hashable, options: Hashable) -> CallKey:
    """The key of a call here and now, of a module with these ``settings``. ``options``
    is what else the caller's work depends on.

    It is a plain tuple, since it is made in every call.
    """
    return (
        tuple([_tensor_key(tensor) for tensor in inputs]),
        settings,
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        _precision(inputs),
        options,
    )


def _tensor_key(tensor: Tensor | None) -> Hashable:
    """Shape, dtype, device, whether it wants a gradient; None for what is not given."""
    if tensor is None:
        return None
    return tensor.shape, tensor.dtype, tensor.device, tensor.requires_grad


def _precision(inputs: PartialTensors) -> Hashable:
    """How torch multiplies matrices now, and what it casts before."""
    matmul: Any = torch.backends.cuda.matmul
    device = next(value.device.type for value in inputs if value is not None)
    return (
        torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device),
        _float32_precision(),
        matmul.allow_bf16_reduced_precision_reduction,
        matmul.allow_fp16_reduced_precision_reduction,
        matmul.allow_fp16_accumulation,
        torch.are_deterministic_algorithms_enabled(),
    )


def _float32_precision() -> tuple[str, ...]:
    """That of products, and those of cuDNN's convolutions and recurrent layers."""
    matmul: Any = torch.backends.cuda.matmul
    cudnn: Any = torch.backends.cudnn
    # The older questions are errors where the newer settings have been used.
    if hasattr(matmul, "fp32_precision"):
        own = matmul, cudnn.conv, cudnn.rnn
        return tuple(str(settings.fp32_precision) for settings in own)
    return torch.get_float32_matmul_precision(), str(cudnn.allow_tf32)
