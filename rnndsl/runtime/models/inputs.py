"""Inputs of a model: of the right kinds and shapes, all of one form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnndsl.runtime.checks import check_tensor
from rnndsl.runtime.errors import ArgumentTypeError, DtypeError, ShapeError
from rnndsl.runtime.model_specification import InputSpecification, ModelSpecification
from rnndsl.runtime.sequences.packing import check_packed
from rnndsl.runtime.specification import Tensors, resolve_shape


def packed_inputs(
    specification: ModelSpecification,
    sizes: Mapping[str, int],
    inputs: tuple[Any, ...],
    first: PackedSequence,
) -> Tensors:
    """The data, (N, ...) each, of inputs that are packed as ``first`` is."""
    name = specification.inputs[0].name
    if specification.exchange == "one_to_one":
        raise ArgumentTypeError(
            f"{name}: expected a torch.Tensor, one step, got a PackedSequence"
        )
    for own, value in zip(specification.inputs, inputs, strict=True):
        check_packed(own.name, value, name, first)
    return tuple(
        _checked(own, resolve_shape(own.shape, sizes), value.data, 1)
        for own, value in zip(specification.inputs, inputs, strict=True)
    )


def plain_inputs(
    specification: ModelSpecification,
    sizes: Mapping[str, int],
    inputs: tuple[Any, ...],
    *,
    batch_first: bool,
) -> tuple[Tensors, bool]:
    """Inputs that are tensors, all with an axis of time; whether they have a batch.

    Raises ValueError for a wrong number of dimensions of the first, RuntimeError where
    the others have other leading dimensions, and for no steps.
    """
    first_input = specification.inputs[0]
    name, rank = first_input.name, len(first_input.shape)
    first = check_tensor(name, inputs[0])
    is_single = specification.exchange == "one_to_one"
    full = rank + (1 if is_single else 2)
    if first.dim() not in (full, full - 1):
        raise ValueError(
            f"{name}: expected a {full}-D tensor, or {full - 1}-D for unbatched input, "
            f"got {first.dim()}-D"
        )
    is_batched = first.dim() == full
    tensors = tuple(
        _checked(own, resolve_shape(own.shape, sizes), value, first.dim() - rank)
        for own, value in zip(specification.inputs, inputs, strict=True)
    )
    axis = 1 if batch_first and is_batched else 0
    if is_single:
        tensors = tuple(value.unsqueeze(axis) for value in tensors)
    leading = tensors[0].shape[: 1 + is_batched]
    for own, value in zip(specification.inputs, tensors, strict=True):
        if value.shape[: 1 + is_batched] != leading:
            found = _amount(value.shape[: 1 + is_batched], axis)
            raise ShapeError(
                f"{own.name}: expected {_amount(leading, axis)}, as {name} has, got "
                f"{found}"
            )
    if leading[axis] == 0:
        raise ShapeError(f"{name}: expected at least one step, got none")
    return tensors, is_batched


def repeat_input(
    own: InputSpecification, value: object, steps: int, *, batch_first: bool
) -> Tensor:
    """An input (B, ...), or without B, the same at so many steps, of which the axis
    stands in front, or behind B.

    Raises ValueError for a wrong number of dimensions, or for no steps.
    """
    tensor, rank = check_tensor(own.name, value), len(own.shape)
    if steps < 1:
        raise ValueError(f"steps: expected at least 1, got {steps}")
    if tensor.dim() not in (rank, rank + 1):
        raise ValueError(
            f"{own.name}: expected a {rank + 1}-D tensor, or {rank}-D for unbatched "
            f"input, got {tensor.dim()}-D"
        )
    axis = 1 if batch_first and tensor.dim() > rank else 0
    whole = tensor.unsqueeze(axis)
    shape = list(whole.shape)
    shape[axis] = steps
    return whole.expand(shape)


def context_inputs(
    specification: ModelSpecification,
    sizes: Mapping[str, int],
    contexts: tuple[Any, ...],
) -> tuple[Tensors, bool]:
    """Contexts as (1, B, ...), all of one batch; whether they came with it.

    Raises ValueError for a wrong number of dimensions of the first, RuntimeError where
    the others have other rows.
    """
    first_context = specification.contexts[0]
    name, rank = first_context.name, len(first_context.shape)
    first = check_tensor(name, contexts[0])
    if first.dim() not in (rank + 1, rank):
        raise ValueError(
            f"{name}: expected a {rank + 1}-D tensor, or {rank}-D for unbatched input, "
            f"got {first.dim()}-D"
        )
    is_batched = first.dim() == rank + 1
    tensors = tuple(
        _checked(own, resolve_shape(own.shape, sizes), value, int(is_batched))
        for own, value in zip(specification.contexts, contexts, strict=True)
    )
    if not is_batched:
        return tuple(value[None, None] for value in tensors), False
    for own, value in zip(specification.contexts, tensors, strict=True):
        if value.shape[0] != first.shape[0]:
            raise ShapeError(
                f"{own.name}: expected {first.shape[0]} rows, as {name} has, got "
                f"{value.shape[0]}"
            )
    return tuple(value.unsqueeze(0) for value in tensors), True


def _checked(
    own: InputSpecification, shape: tuple[int, ...], value: object, leading: int
) -> Tensor:
    """One input, of the right kind and shape behind its leading dimensions."""
    tensor = check_tensor(own.name, value)
    if tensor.dim() != leading + len(shape):
        raise ValueError(
            f"{own.name}: expected a {leading + len(shape)}-D tensor, got "
            f"{tensor.dim()}-D"
        )
    if tensor.shape[leading:] != shape:
        raise ShapeError(
            f"{own.name}: expected the last dimensions to be {shape}, got "
            f"{tuple(tensor.shape)}"
        )
    is_whole = not (tensor.is_floating_point() or tensor.is_complex())
    if own.vocabulary is None:
        if not tensor.is_floating_point():
            raise DtypeError(
                f"{own.name}: expected a floating-point dtype, got {tensor.dtype}"
            )
        return tensor
    if not is_whole:
        raise DtypeError(f"{own.name}: expected whole numbers, got {tensor.dtype}")
    return tensor.long()


def _amount(sizes: Sequence[int], axis: int) -> str:
    """``6 steps of 5 rows``, or without rows, of the leading dimensions."""
    steps = f"{sizes[axis]} steps"
    return steps if len(sizes) == 1 else f"{steps} of {sizes[1 - axis]} rows"
