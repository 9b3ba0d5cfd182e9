"""A recorder that, as a CUDA graph does, records operations and no Python.

A replay runs the operations again on the memory that they were recorded with: what
Python decided, an attribute it read or a tensor it found, is frozen. What a capture
does not permit, such as waiting for a value, is an error here, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import local
from typing import Any

import torch
from stand_in import StandInRecorder
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rnndsl.runtime.graphs.branches import branching
from rnndsl.runtime.graphs.recorder import Memory, Work
from rnndsl.runtime.specification import PartialTensors

# Operations that wait for values, or copy them from the CPU.
_WAITING = (
    "_local_scalar_dense",
    "equal",
    "is_nonzero",
    "lift_fresh",
    "linalg_matrix_exp",
    "masked_select",
    "nonzero",
    "unique_consecutive",
)


class _Here(local):
    is_recording: bool = False


_here = _Here()


def is_recording() -> bool:
    """Whether this thread is recording operations."""
    return _here.is_recording


class Operations(TorchDispatchMode):
    """The operations that are run within it, and what they write to."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._steps: list[tuple[Any, Any, Any, list[Tensor | None]]] = []
        # By address: memory that was there before, as it was, and memory that was not.
        self._before: dict[int, tuple[Any, Any]] = {}
        self._new: dict[int, Tensor] = {}
        self._kept: list[Any] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.removeprefix("aten::")
        if name in _WAITING:
            raise RuntimeError(f"operation not permitted when capturing: {name}")
        for tensor in _written(func, args, kwargs):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in {*self._new, *self._before}:
                self._before[storage.data_ptr()] = storage, storage.clone()
        result = func(*args, **kwargs)
        given = {_place(x) for x in _tensors((args, kwargs))}
        outputs = [
            x if isinstance(x, Tensor) and _place(x) not in given else None
            for x in tree_leaves(result)
        ]
        self._new.update((_place(x), x) for x in outputs if x is not None)
        self._kept.append((args, kwargs, result))
        if any(x is not None for x in outputs) or _written(func, args, kwargs):
            self._steps.append((func, args, kwargs, outputs))
        return result

    def undo(self) -> None:
        """Recording does no work: memory is as it was, and what is new is not yet
        written."""
        for storage, value in self._before.values():
            storage.copy_(value)
        for tensor in self._new.values():
            if tensor.is_floating_point():
                whole = torch.empty(0, dtype=tensor.dtype)
                whole.set_(tensor.untyped_storage()).fill_(torch.nan)  # type: ignore[call-overload]

    def replay(self) -> None:
        """All of it again, in the same memory."""
        with torch._C._AutoDispatchBelowADInplaceOrView():
            for func, args, kwargs, outputs in self._steps:
                values = tree_leaves(func(*args, **kwargs))
                for place, value in zip(outputs, values, strict=True):
                    if place is not None:
                        place.copy_(value)


class RecordedOperations:
    def __init__(self, operations: Operations, outputs: PartialTensors) -> None:
        self._operations = operations
        self.outputs = outputs

    def replay(self) -> None:
        self._operations.replay()


class OperationRecorder(StandInRecorder):
    """The stand-in, with recordings of operations."""

    def record(self, work: Work, memory: Memory) -> RecordedOperations:  # type: ignore[override]
        if self.fails is not None:
            raise self.fails
        self.records += 1
        self.memories.append(memory)
        operations = Operations()
        with torch.random.fork_rng(), branching(self), _recorded():
            try:
                with operations:
                    outputs = work()
            finally:
                operations.undo()
        return RecordedOperations(operations, outputs)


@contextmanager
def _recorded() -> Iterator[None]:
    _here.is_recording = True
    try:
        yield
    finally:
        _here.is_recording = False


def _tensors(value: Any) -> list[Tensor]:
    return [x for x in tree_leaves(value) if isinstance(x, Tensor)]


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _written(func: Any, args: Any, kwargs: Any) -> list[Tensor]:
    """The arguments that an operation writes to. Batch normalisation does not say so of
    its running means."""
    names = [argument.name for argument in func._schema.arguments]
    values = {**dict(zip(names, args, strict=False)), **kwargs}
    written = [
        values.get(argument.name)
        for argument in func._schema.arguments
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    if func._schema.name == "aten::native_batch_norm":
        written += [values["running_mean"], values["running_var"]]
    return _tensors(written)
