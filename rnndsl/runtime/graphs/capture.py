"""One recorded call: forward, and backward where gradients are wanted."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress
from typing import TypeAlias

import torch
from torch import Tensor, nn

from rnndsl.runtime.graphs.recorder import Recorder, Recording
from rnndsl.runtime.graphs.watch import Slot
from rnndsl.runtime.specification import PartialTensors

# What is recorded: from tensors to tensors, None where there is none.
Call: TypeAlias = Callable[[PartialTensors], PartialTensors]


@dataclass(frozen=True, slots=True)
class Handed:
    """A tensor handed out, as it was."""

    tensor: weakref.ref[Tensor]
    version: int

    @classmethod
    def of(cls, tensor: Tensor | None) -> Handed | None:
        # Tensors of inference mode have no version: they are never known again.
        if tensor is None or tensor.is_inference():
            return None
        return cls(weakref.ref(tensor), tensor._version)

    def is_still(self, tensor: Tensor) -> bool:
        """Whether ``tensor`` is this one, and nobody has written to it since."""
        return self.tensor() is tensor and tensor._version == self.version


class Pending:
    """Alive as long as somebody can ask for the gradients of a forward pass."""


class Capture:
    """A call with its static memory.

    ``inputs`` are copied in before every replay, outputs and gradients are copied out,
    so that nothing a caller holds changes later. ``stored`` are the parameters and
    buffers, which the recorded work reads where they lie: it sees their new values.
    ``carried`` pairs an input with the output that is that input of the next call, as
    states are: it is not copied in if the caller gives what was handed out last, and
    is handed back itself where the call leaves it as it is.
    """

    def __init__(
        self,
        call: Call,
        inputs: PartialTensors,
        stored: Sequence[Slot],
        recorder: Recorder,
        carried: Sequence[tuple[int, int]] = (),
    ) -> None:
        self._call = call
        self._recorder = recorder
        # What a backward pass reads may not be overwritten.
        self._carried = () if torch.is_grad_enabled() else tuple(carried)
        self._unchanged: tuple[tuple[int, int], ...] = ()
        self._inputs = tuple(map(_static, inputs))
        self._slots = tuple(stored)
        # Stand-ins for the parameters, in the same memory: the gradients of these are
        # recorded, and hooks and accumulation stay with the parameters themselves.
        self._aliases = tuple(map(_alias, stored))
        self._outputs: PartialTensors = ()
        self._handed: list[Handed | None] = []
        self._pending: weakref.ref[Pending] | None = None
        self.lock = recorder.lock
        self.generation = 0
        self._live: tuple[bool, ...] = ()
        self._d_outputs: tuple[Tensor, ...] = ()
        self._backward: Recording | None = None
        with _kept_as_they_are(stored) as is_changed:
            self.is_random = recorder.warm_up(self._rehearse)
            # Buffers such as running means, which each call changes.
            self._written = is_changed()
            # What the rehearsal kept for its backward pass is not needed.
            self._outputs = ()
            is_live = any(self._live)
            memory = recorder.memory(shared=not is_live)
            self._forward = recorder.record(self._run, memory)
            if is_live:
                self._backward = recorder.record(self._differentiate, memory)

    @property
    def is_differentiable(self) -> bool:
        """Whether any output has a gradient to pass on."""
        return self._backward is not None

    @property
    def is_pending(self) -> bool:
        """Whether a forward pass waits for its backward pass: a replay would take away
        the values it needs."""
        return self._pending is not None and self._pending() is not None

    def replay(self, inputs: PartialTensors) -> PartialTensors:
        """The outputs for these inputs, of the sizes that were recorded."""
        with torch.no_grad(), self.lock, self._recorder.in_turn():
            _copy_all(self._inputs, self._to_copy(inputs))
            self._forward.replay()
            outputs = _own_all(self._forward.outputs)
        if self._carried:
            owned = list(outputs)
            for index, output in self._unchanged:
                owned[output] = inputs[index]
            outputs = tuple(owned)
            self._handed = [Handed.of(outputs[output]) for _, output in self._carried]
        self.generation += 1
        return outputs

    def expect_backward(self, token: Pending) -> None:
        """The forward pass just replayed waits for its backward pass while ``token``
        lives, or until that pass has run."""
        self._pending = weakref.ref(token)

    def reads(self, stored: PartialTensors) -> bool:
        """Whether these parameters and buffers lie where the recorded ones did: those
        that are sharded come and go."""
        return all(
            x is not None and x.data_ptr() == alias.data_ptr()
            for x, alias in zip(stored, self._aliases, strict=True)
        )

    def without_written(self, stored: PartialTensors) -> PartialTensors:
        """Parameters and buffers, None for the buffers that each call writes: no
        backward pass asks whether they have changed."""
        pairs = zip(stored, self._written, strict=True)
        return tuple(None if is_written else tensor for tensor, is_written in pairs)

    def with_written(self, stored: PartialTensors) -> PartialTensors:
        """Parameters and buffers again, from what ``without_written`` has left."""
        return tuple(
            slot.tensor if is_written else tensor
            for tensor, slot, is_written in zip(
                stored, self._slots, self._written, strict=True
            )
        )

    def without_gradient(self, outputs: PartialTensors) -> tuple[Tensor, ...]:
        """Those of the outputs that have no gradient to pass on."""
        return tuple(
            output
            for output, is_live in zip(outputs, self._live, strict=True)
            if output is not None and not is_live
        )

    def replay_backward(self, gradients: PartialTensors) -> PartialTensors:
        """The gradients of inputs, then of parameters and buffers, from those of the
        outputs; None is zero."""
        assert self._backward is not None, "asked of a call with gradients"
        with torch.no_grad(), self.lock, self._recorder.in_turn():
            wanted = list(compress(gradients, self._live))
            for static, given in zip(self._d_outputs, wanted, strict=True):
                if given is None:
                    static.zero_()
            _copy_all(self._d_outputs, wanted)
            self._backward.replay()
            found = iter(_own_all(self._backward.outputs))
        self._pending = None
        return tuple(
            next(found) if tensor is not None and tensor.requires_grad else None
            for tensor in (*self._inputs, *self._aliases)
        )

    def run_plainly(
        self, inputs: PartialTensors, stored: PartialTensors
    ) -> PartialTensors:
        """The same call once more, not recorded, with these parameters and buffers;
        what it writes into buffers has been written."""
        with (
            self.lock,
            _kept_as_they_are(self._slots),
            _in_place_of(self._slots, stored),
        ):
            return self._call(inputs)

    def _to_copy(self, inputs: PartialTensors) -> PartialTensors:
        """The inputs, None for those whose values stand in their places already."""
        if not self._handed:
            return inputs
        wanted = list(inputs)
        for (index, _), handed in zip(self._carried, self._handed, strict=True):
            given = wanted[index]
            if given is not None and handed is not None and handed.is_still(given):
                wanted[index] = None
        return tuple(wanted)

    def _run(self) -> PartialTensors:
        with (
            self.lock,
            _in_place_of(self._slots, tuple(map(_beside, self._aliases))),
            _autocast_without_cache(),
        ):
            outputs = self._call(tuple(map(_beside, self._inputs)))
        if self._carried:
            outputs = self._carry(outputs)
        self._outputs = outputs
        return tuple(None if o is None else o.detach() for o in outputs)

    def _carry(self, outputs: PartialTensors) -> PartialTensors:
        """Writes new states where the next call reads them. Returns the outputs in
        memory of their own, None for states that are as they were."""
        pairs = self._carried
        self._unchanged = tuple(
            (i, o) for i, o in pairs if outputs[o] is self._inputs[i]
        )
        kept = [output for _, output in self._unchanged]
        own = tuple(
            None if index in kept else _apart(output, self._inputs)
            for index, output in enumerate(outputs)
        )
        for given, carried in pairs:
            static, value = self._inputs[given], own[carried]
            if static is not None and value is not None:
                static.copy_(value)
        return own

    def _rehearse(self) -> PartialTensors:
        """Both passes; what their memory must be like is seen here."""
        self._run()
        self._live = tuple(o is not None and o.requires_grad for o in self._outputs)
        self._d_outputs = tuple(map(torch.zeros_like, self._live_outputs()))
        return self._differentiate() if any(self._live) else ()

    def _differentiate(self) -> PartialTensors:
        wanted = [
            tensor
            for tensor in (*self._inputs, *self._aliases)
            if tensor is not None and tensor.requires_grad
        ]
        # What forward keeps is kept for every replay.
        return torch.autograd.grad(
            self._live_outputs(),
            wanted,
            self._d_outputs,
            retain_graph=True,
            allow_unused=True,
        )

    def _live_outputs(self) -> list[Tensor]:
        return [o for o in self._outputs if o is not None and o.requires_grad]


def _static(tensor: Tensor | None) -> Tensor | None:
    """Memory of the capture's own, with the values the call is recorded on."""
    if tensor is None:
        return None
    copy = tensor.detach().clone(memory_format=torch.contiguous_format)
    return copy.requires_grad_(tensor.requires_grad)


def _beside(tensor: Tensor | None) -> Tensor | None:
    """A view where a gradient is wanted: in it those of several branches add up. Torch
    warns where they would in a leaf, which belongs to one stream."""
    if tensor is None or not tensor.requires_grad or not torch.is_grad_enabled():
        return tensor
    return tensor.view_as(tensor)


def _copy_all(places: PartialTensors, values: Sequence[Tensor | None]) -> None:
    """Copies what is given into its place, on a GPU in one launch for all."""
    pairs = [
        (place, value)
        for place, value in zip(places, values, strict=True)
        if place is not None and value is not None
    ]
    if len(pairs) == 1:
        pairs[0][0].copy_(pairs[0][1])
    elif pairs:
        into, given = map(list, zip(*pairs, strict=True))
        torch._foreach_copy_(into, given)


def _own_all(tensors: PartialTensors) -> PartialTensors:
    """The same values in memory of their own."""
    own = tuple([None if x is None else torch.empty_like(x) for x in tensors])
    _copy_all(own, tensors)
    return own


def _alias(slot: Slot) -> Tensor:
    if isinstance(slot.tensor, nn.Parameter):
        return slot.tensor.detach().requires_grad_(slot.tensor.requires_grad)
    # Written to by what is rehearsed, which nobody who waits for a backward pass
    # may notice: with a version of its own.
    return slot.tensor.data


@contextmanager
def _kept_as_they_are(
    stored: Sequence[Slot],
) -> Iterator[Callable[[], tuple[bool, ...]]]:
    """Undoes what is written into buffers meanwhile, such as running means. Gives a
    function that tells which of all tensors have changed."""
    tensors = [slot.tensor for slot in stored]
    before = [None if isinstance(t, nn.Parameter) else t.clone() for t in tensors]

    def is_changed() -> tuple[bool, ...]:
        pairs = zip(tensors, before, strict=True)
        return tuple(old is not None and not torch.equal(t, old) for t, old in pairs)

    try:
        yield is_changed
    finally:
        for tensor, old, is_other in zip(tensors, before, is_changed(), strict=True):
            if old is not None and is_other:
                # Else a pass that waits for its backward would find it changed.
                tensor.data.copy_(old)


def _apart(output: Tensor | None, inputs: PartialTensors) -> Tensor | None:
    """The output, in memory of its own if it lies in that of an input."""
    if output is None:
        return None
    place = output.untyped_storage().data_ptr()
    if any(x is not None and x.untyped_storage().data_ptr() == place for x in inputs):
        return output.clone()
    return output


@contextmanager
def _autocast_without_cache() -> Iterator[None]:
    """A weight that autocast had cast before would be read in every replay."""
    was_enabled = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(was_enabled)


@contextmanager
def _in_place_of(
    slots: Sequence[Slot], tensors: Sequence[Tensor | None]
) -> Iterator[None]:
    """Modules with ``tensors`` where their parameters and buffers are."""
    for slot, tensor in zip(slots, tensors, strict=True):
        _kept(slot)[slot.name] = tensor
    try:
        yield
    finally:
        for slot in slots:
            _kept(slot)[slot.name] = slot.tensor


def _kept(slot: Slot) -> dict[str, Tensor | None]:
    parameters: dict[str, Tensor | None] = slot.owner._parameters  # type: ignore[assignment]
    return parameters if slot.name in parameters else slot.owner._buffers
