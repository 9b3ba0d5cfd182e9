"""Tensors in tuples and dictionaries, taken apart and put together again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from torch import Tensor

from rnndsl.runtime.specification import PartialTensors

# True for a tensor, False for None. What is nested is a tuple: the names of a
# dictionary, or None, then each part. Plain tuples are compared in no time.
Nesting: TypeAlias = bool | tuple[Any, ...]


def flatten(value: Any) -> tuple[PartialTensors, Nesting]:
    """The tensors of a value in order, and how they were nested.

    Raises TypeError for what is none of tensor, None, tuple, list and dictionary.
    """
    tensors: list[Tensor | None] = []
    nesting = _take_apart(value, tensors)
    return tuple(tensors), nesting


def unflatten(nesting: Nesting, tensors: PartialTensors) -> Any:
    """The value again; lists have become tuples."""
    return _build(nesting, iter(tensors))


def leaves(nesting: Nesting) -> tuple[bool, ...]:
    """In order, True for a tensor and False for None."""
    if isinstance(nesting, bool):
        return (nesting,)
    return tuple(leaf for part in parts(nesting) for leaf in leaves(part))


def parts(nesting: Nesting) -> tuple[Nesting, ...]:
    """Those of a tuple or a dictionary."""
    assert isinstance(nesting, tuple), "a tensor has no parts"
    return nesting[1:]


def _take_apart(value: Any, tensors: list[Tensor | None]) -> Nesting:
    if value is None or isinstance(value, Tensor):
        tensors.append(value)
        return value is not None
    if isinstance(value, (tuple, list)):
        return (None, *[_take_apart(part, tensors) for part in value])
    if isinstance(value, dict):
        return (tuple(value), *[_take_apart(x, tensors) for x in value.values()])
    raise TypeError(f"expected tensors in tuples, got {type(value).__name__}")


def _build(nesting: Nesting, tensors: Iterator[Tensor | None]) -> Any:
    if isinstance(nesting, bool):
        return next(tensors)
    names, *nested = nesting
    built = [_build(part, tensors) for part in nested]
    return tuple(built) if names is None else dict(zip(names, built, strict=True))
