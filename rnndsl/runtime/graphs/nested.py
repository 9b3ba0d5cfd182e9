"""Tensors in tuples and dictionaries, taken apart and put together again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor

from rnndsl.runtime.specification import PartialTensors


@dataclass(frozen=True, slots=True)
class Nested:
    """A tuple, or with ``names`` a dictionary, of such values."""

    parts: tuple[Nesting, ...]
    names: tuple[str, ...] | None = None


# True for a tensor, False for None.
Nesting: TypeAlias = bool | Nested


def flatten(value: Any) -> tuple[PartialTensors, Nesting]:
    """The tensors of a value in order, and how they were nested.

    Raises TypeError for what is none of tensor, None, tuple, list and dictionary.
    """
    if value is None or isinstance(value, Tensor):
        return (value,), value is not None
    if isinstance(value, dict):
        names = tuple(value)
        tensors, nested = _flatten_all(tuple(value.values()))
        return tensors, Nested(nested, names)
    if isinstance(value, (tuple, list)):
        tensors, nested = _flatten_all(tuple(value))
        return tensors, Nested(nested)
    raise TypeError(f"expected tensors in tuples, got {type(value).__name__}")


def unflatten(nesting: Nesting, tensors: PartialTensors) -> Any:
    """The value again; lists have become tuples."""
    return _build(nesting, iter(tensors))


def leaves(nesting: Nesting) -> tuple[bool, ...]:
    """In order, True for a tensor and False for None."""
    if isinstance(nesting, bool):
        return (nesting,)
    return tuple(leaf for part in nesting.parts for leaf in leaves(part))


def _flatten_all(
    values: tuple[Any, ...],
) -> tuple[PartialTensors, tuple[Nesting, ...]]:
    pairs = [flatten(value) for value in values]
    tensors = tuple(tensor for found, _ in pairs for tensor in found)
    return tensors, tuple(nesting for _, nesting in pairs)


def _build(nesting: Nesting, tensors: Iterator[Tensor | None]) -> Any:
    if isinstance(nesting, bool):
        return next(tensors)
    parts = tuple(_build(part, tensors) for part in nesting.parts)
    if nesting.names is None:
        return parts
    return dict(zip(nesting.names, parts, strict=True))
