"""What a recorded call depends on: calls with equal keys do the same work."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from rnndsl.runtime.specification import PartialTensors

# Shape, dtype, device, whether it wants a gradient; None for what is not given.
TensorKey: TypeAlias = tuple[tuple[int, ...], torch.dtype, torch.device, bool] | None

# ``p`` is the probability of dropout modules.
_SETTINGS = (
    "_engine",
    "p",
    "dropout",
    "weight_drop",
    "_dropped_weights",
    "_truncation",
)


@dataclass(frozen=True, slots=True)
class CallKey:
    """What is not a value: shapes and modes. ``options`` is what else the caller's work
    depends on. ``slot`` counts calls that are alike and pending at the same time."""

    tensors: tuple[TensorKey, ...]
    settings: tuple[tuple[object, ...], ...]
    has_gradients: bool
    is_inference: bool
    precision: Hashable
    options: Hashable
    slot: int = 0


def call_key(module: nn.Module, inputs: PartialTensors, options: Hashable) -> CallKey:
    """The key of a call of ``module`` here and now."""
    return CallKey(
        tensors=tuple(map(_tensor_key, inputs)),
        settings=tuple(map(_settings, module.modules())),
        has_gradients=torch.is_grad_enabled(),
        is_inference=torch.is_inference_mode_enabled(),
        precision=_precision(inputs),
        options=options,
    )


def _tensor_key(tensor: Tensor | None) -> TensorKey:
    if tensor is None:
        return None
    return tuple(tensor.shape), tensor.dtype, tensor.device, tensor.requires_grad


def _settings(part: nn.Module) -> tuple[object, ...]:
    """The attributes of a module that its work depends on and that can be set."""
    return (part.training, *(getattr(part, name, None) for name in _SETTINGS))


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


def _float32_precision() -> tuple[str, str]:
    """That of products, and that of convolutions."""
    matmul: Any = torch.backends.cuda.matmul
    cudnn: Any = torch.backends.cudnn
    # The older questions are errors where the newer settings have been used.
    if hasattr(matmul, "fp32_precision"):
        return str(matmul.fp32_precision), str(cudnn.conv.fp32_precision)
    return torch.get_float32_matmul_precision(), str(cudnn.allow_tf32)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a module keeps a parameter or a buffer."""

    owner: nn.Module
    name: str
    tensor: Tensor


def stored_tensors(module: nn.Module) -> tuple[Slot, ...]:
    """Every parameter, then every buffer, of a module and those in it."""
    return tuple(_stored(module))


def _stored(module: nn.Module) -> Iterator[Slot]:
    for owner in module.modules():
        for kept in (owner._parameters, owner._buffers):
            for name, tensor in kept.items():
                if tensor is not None:
                    yield Slot(owner, name, tensor)


def storage_key(slots: tuple[Slot, ...]) -> Hashable:
    """Changes when a tensor is replaced, moved, or asked for gradients no longer; not
    when it is changed in place."""
    return tuple(
        (id(tensor), tensor.data_ptr(), tensor.requires_grad)
        for tensor in (slot.tensor for slot in slots)
    )
