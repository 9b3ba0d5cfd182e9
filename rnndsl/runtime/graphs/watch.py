"""A module as recordings of its calls have found it, looked at again in every call."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import BuiltinFunctionType, FunctionType, NoneType
from typing import TypeAlias

from torch import Tensor, nn

from rnndsl.runtime.graphs.parts import has_hooks_anywhere, part_refusal

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
# Of torch's own modules everything of these types can be set.
_VALUES = (bool, int, float, str, tuple, NoneType, FunctionType, BuiltinFunctionType)
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
    itself, hooks included. ``parts`` are the module and all in it. ``refusal`` says
    what is in the module that recordings would leave out, or is None.
    """

    def __init__(self, module: nn.Module, *, is_called: bool) -> None:
        self._module = module
        parts = dict(module.named_modules())
        # Kept, so that no other part can come to be where one of them was.
        self.parts = tuple(parts.values())
        attributes = [vars(part) for part in self.parts]
        self._attributes = tuple(attributes)
        self._settings = tuple(
            (own.get, _settings_of(part))
            for part, own in zip(self.parts, attributes, strict=True)
        )
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
        self._refusal = _refusal(parts, is_called=is_called)

    def is_still(self, module: nn.Module) -> bool:
        """Whether this is the module, of the same parts with the same attributes, none
        of whose tensors has been replaced, moved, or asked for gradients or for none;
        in place they may have changed."""
        return module is self._module and self._look() == self._mark

    @property
    def refusal(self) -> str | None:
        """What is in the module that a recording of its calls would leave out."""
        if any(self._hook_stores):
            name = next(name for hooks, name in self._hooks if hooks)
            return f"{_called(name)} has hooks, which would not be called in replays"
        if self._hook_stores and has_hooks_anywhere():
            return "hooks of all modules would not be called in replays"
        return self._refusal

    def settings(self) -> Settings:
        """Of each part, what its work depends on besides tensors; the engine first."""
        return tuple([tuple(map(get, names)) for get, names in self._settings])

    def _look(self) -> Hashable:
        values = chain.from_iterable(store.values() for store in self._stores)
        return (
            tuple(map(id, values)),
            tuple(map(len, self._attributes)),
            tuple([tensor.data_ptr() for tensor in self.tensors]),
            tuple([tensor.requires_grad for tensor in self.tensors]),
        )


def _settings_of(part: nn.Module) -> tuple[str, ...]:
    """The names of the attributes of a part that can be set."""
    if not type(part).__module__.startswith("torch."):
        return _SETTINGS
    names = (name for name, value in vars(part).items() if type(value) in _VALUES)
    return ("_engine", *names)


def _refusal(parts: Mapping[str, nn.Module], *, is_called: bool) -> str | None:
    """What is in the parts of a module, by their names, that a recording would leave
    out, besides hooks, or None."""
    for name, part in parts.items():
        reason = part_refusal(part, is_called=is_called or name != "")
        if reason is not None:
            return f"{_called(name)} {reason}"
    return None


def _called(name: str) -> str:
    return f"its part {name}" if name else "it"


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
