"""A module as recordings of its calls have found it, looked at again in every call."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from torch import Tensor, nn

from rnndsl.runtime.graphs.refusal import module_refusal

# Attributes of modules that their work depends on and that can be set. ``p`` is the
# probability of dropout modules.
_SETTINGS = (
    "_engine",
    "training",
    "p",
    "dropout",
    "weight_drop",
    "_dropped_weights",
    "_truncation",
)
Settings: TypeAlias = tuple[tuple[object, ...], ...]
# Engines of parts whose calls are recorded; most parts have none.
_RECORDED = (None, "auto", "graph")
_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a module keeps a parameter or a buffer."""

    owner: nn.Module
    name: str
    tensor: Tensor


class WatchedModule:
    """A module with its parts, parameters and buffers, as they were at first.

    Looking again takes a few microseconds, which is why attributes are read from the
    dictionaries in which modules keep them. ``is_called``: recordings call the module
    itself, hooks included. ``refusal`` says what is in the module that recordings would
    leave out, or is None.
    """

    def __init__(self, module: nn.Module, *, is_called: bool) -> None:
        self._module = module
        parts = dict(module.named_modules())
        attributes = [vars(part) for part in parts.values()]
        self._settings = tuple(own.get for own in attributes)
        self._stores = tuple(
            own[kind]
            for own in attributes
            for kind in ("_parameters", "_buffers", "_modules")
        )
        self._hooks = tuple(
            (own[kind], name)
            for (name, part), own in zip(parts.items(), attributes, strict=True)
            for kind in _HOOKS
            if is_called or part is not module
        )
        self._hook_stores = tuple(hooks for hooks, _ in self._hooks)
        self.slots = tuple(_stored(module))
        self.tensors = tuple(slot.tensor for slot in self.slots)
        self._mark = self._look()
        self._refusal = module_refusal(module)

    def is_still(self, module: nn.Module) -> bool:
        """Whether this is the module, of the same parts, none of whose tensors has been
        replaced, moved, or asked for gradients or for none; in place they may have
        changed."""
        return module is self._module and self._look() == self._mark

    @property
    def refusal(self) -> str | None:
        """What is in the module that a recording of its calls would leave out."""
        if any(self._hook_stores):
            name = next(name for hooks, name in self._hooks if hooks)
            what = f"its part {name}" if name else "it"
            return f"{what} has hooks, which would not be called in replays"
        return self._refusal

    def settings(self) -> Settings:
        """Of each part, what its work depends on besides tensors; the engine first."""
        return tuple([tuple(map(get, _SETTINGS)) for get in self._settings])

    def _look(self) -> Hashable:
        values = chain.from_iterable(store.values() for store in self._stores)
        return (
            tuple(map(id, values)),
            tuple([tensor.data_ptr() for tensor in self.tensors]),
            tuple([tensor.requires_grad for tensor in self.tensors]),
        )


def engine_refusal(settings: Settings) -> str | None:
    """Which engine has been asked for that records nothing, or None."""
    for engine, *_ in settings:
        if engine not in _RECORDED:
            return f"the engine {engine!r} is asked for"
    return None


def _stored(module: nn.Module) -> Iterator[Slot]:
    """Every parameter, then every buffer, of a module and those in it."""
    for owner in module.modules():
        for kept in (owner._parameters, owner._buffers):
            for name, tensor in kept.items():
                if tensor is not None:
                    yield Slot(owner, name, tensor)
