"""Whether arguments are what the module was built for, asked once per call."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rnndsl.runtime.errors import (
    ArgumentTypeError,
    DeviceError,
    DtypeError,
    ShapeError,
    StateCountError,
)
from rnndsl.runtime.specification import TensorSpecification


def check_bias(bias: object) -> None:
    """Raises TypeError unless ``bias`` is a bool."""
    if not isinstance(bias, bool):
        raise TypeError(f"bias should be of type bool, got: {type(bias).__name__}")


def check_sizes(
    dimensions: tuple[tuple[str, str], ...], sizes: Mapping[str, Any]
) -> None:
    """Raises TypeError for a size that is no int, ValueError for one below 1."""
    for dim, argument in dimensions:
        size = sizes[dim]
        if not isinstance(size, int):
            raise TypeError(
                f"{argument} should be of type int, got: {type(size).__name__}"
            )
        if size <= 0:
            raise ValueError(f"{argument} must be greater than zero, got: {size}")


def check_layer_options(num_layers: Any, batch_first: object, dropout: Any) -> None:
    """Raises what ``torch.nn.LSTM`` raises for these arguments; warns as it does."""
    is_number = isinstance(dropout, numbers.Real) and not isinstance(dropout, bool)
    if not is_number or not 0 <= dropout <= 1:
        kind = TypeError if dropout is None else ValueError
        raise kind(
            "dropout should be a number in range [0, 1], the probability of an "
            f"element being zeroed, got: {dropout!r}"
        )
    if not isinstance(batch_first, bool):
        raise TypeError(
            f"batch_first should be of type bool, got: {type(batch_first).__name__}"
        )
    if not isinstance(num_layers, int):
        raise TypeError(
            f"num_layers should be of type int, got: {type(num_layers).__name__}"
        )
    if num_layers <= 0:
        raise ValueError(f"num_layers must be greater than zero, got: {num_layers}")
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout is applied after all layers but the last, so it needs num_layers "
            f"greater than 1, but got dropout={dropout} and num_layers={num_layers}",
            stacklevel=4,
        )


def check_tensor(name: str, value: object) -> Tensor:
    """Raises ArgumentTypeError unless ``value`` is a tensor."""
    if isinstance(value, Tensor):
        return value
    raise _no_tensor(name, value)


def check_inputs(
    specifications: tuple[TensorSpecification, ...],
    shapes: tuple[tuple[int, ...], ...],
    inputs: tuple[Tensor, ...],
    leading: int,
    like: Tensor | None,
    is_cast: bool,
) -> None:
    """Every input has ``leading`` dimensions, equal in all inputs, then its shape; its
    dtype (unless autocast casts it) and device are those of ``like``, a parameter."""
    first = inputs[0]
    for described, shape, value in zip(specifications, shapes, inputs, strict=True):
        name = described.name
        if value.shape[leading:] != shape:
            raise _feature_error(name, value.shape, shape, first.shape[:leading])
        if value is not first and value.shape[:leading] != first.shape[:leading]:
            raise ShapeError(
                f"{name}: expected the first dimensions of {specifications[0].name}, "
                f"{_sizes(first.shape[:leading])}, got {_sizes(value.shape)}"
            )
        if described.is_whole:
            check_whole(name, value)
        else:
            check_dtype(name, value, like, is_cast)
        check_device(name, value, first if like is None else like)


def check_states(names: tuple[str, ...], hx: Any) -> tuple[Tensor, ...]:
    """``hx`` as a tuple: one state comes as a tensor, several as a tuple or list."""
    if len(names) == 1:
        return (check_tensor("hx", hx),)
    if not isinstance(hx, (tuple, list)):
        raise ArgumentTypeError(
            f"hx: expected a tuple of {len(names)} tensors ({', '.join(names)}), "
            f"got {_kind(hx)}"
        )
    if len(hx) != len(names):
        raise StateCountError(
            f"hx: expected {len(names)} tensors ({', '.join(names)}), got {len(hx)}"
        )
    for name, value in zip(names, hx, strict=True):
        if not isinstance(value, Tensor):
            raise _no_tensor(f"hx: {name}", value)
    return tuple(hx)


def check_state(
    name: str, value: Tensor, shape: tuple[int, ...], like: Tensor, is_cast: bool
) -> None:
    """A given state has this shape and the dtype and device of ``like``, an input."""
    if value.shape != shape:
        raise ShapeError(
            f"hx: expected {name} of size {_sizes(shape)}, got {_sizes(value.shape)}"
        )
    full_name = f"hx: {name}"
    check_dtype(full_name, value, like, is_cast)
    check_device(full_name, value, like)


def check_dtype(name: str, value: Tensor, like: Tensor | None, is_cast: bool) -> None:
    """Raises DtypeError unless ``value`` can be computed with the parameters."""
    if like is None or is_cast:
        if not value.is_floating_point():
            raise DtypeError(
                f"{name}: expected a floating-point dtype, got {value.dtype}"
            )
    elif value.dtype != like.dtype:
        found = f"{name}: expected dtype {like.dtype}, got {value.dtype}"
        raise DtypeError(found + _conversion(name, value, like))


def check_whole(name: str, value: Tensor) -> None:
    """Raises DtypeError unless ``value`` holds whole numbers, as an index does."""
    if value.dtype not in (torch.int64, torch.int32):
        raise DtypeError(
            f"{name}: expected whole numbers, torch.int64 or torch.int32, "
            f"got {value.dtype}"
        )


def check_device(name: str, value: Tensor, like: Tensor) -> None:
    """Raises DeviceError unless ``value`` lies where ``like`` does."""
    if value.device != like.device:
        raise DeviceError(
            f"{name}: expected a tensor on {like.device}, got one on {value.device}"
        )


def _no_tensor(name: str, value: object) -> ArgumentTypeError:
    return ArgumentTypeError(f"{name}: expected a torch.Tensor, got {_kind(value)}")


def _feature_error(
    name: str, found: tuple[int, ...], shape: tuple[int, ...], first: tuple[int, ...]
) -> ShapeError:
    """An input whose own shape does not stand behind its ``first`` dimensions."""
    expected = (
        f"expected the last dimensions to be {_sizes(shape)}"
        if shape
        else f"one number for each step: expected {_sizes(first)}"
    )
    return ShapeError(f"{name}: {expected}, got {_sizes(found)}")


def _conversion(name: str, value: Tensor, like: Tensor) -> str:
    if value.is_floating_point():
        return (
            f". Convert the tensor, .to({like.dtype}), or the module, "
            f".to({value.dtype})"
        )
    if value.is_complex():
        return ""
    is_default = like.dtype == torch.float32
    method = "float()" if is_default else f"to({like.dtype})"
    return f". Convert the tensor, {name.rpartition(' ')[2]}.{method}"


def _sizes(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
