"""The engine ``graph``: calls of a module, recorded once a shape and replayed."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import count
from threading import RLock
from typing import TypeAlias, TypeVar

import torch
from torch import nn

from rnndsl.runtime.graphs.branches import part_of_a_whole
from rnndsl.runtime.graphs.call import replay_call
from rnndsl.runtime.graphs.capture import Call, Capture
from rnndsl.runtime.graphs.key import CallKey, call_key
from rnndsl.runtime.graphs.recorder import Recorder, recorder_for
from rnndsl.runtime.graphs.refusal import (
    capture_refusal,
    is_in_backward,
    replay_refusal,
)
from rnndsl.runtime.graphs.watch import WatchedModule, engine_refusal
from rnndsl.runtime.specification import PartialTensors

DEFAULT_LIMIT = 8
# So many shapes are remembered as seen, or as impossible to record.
_REMEMBERED = 64
# Pairs an input with the output that is that input of the next call.
Carried: TypeAlias = Sequence[tuple[int, int]]
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def nothing_carried() -> Carried:
    """No output is an input of the next call."""
    return ()


@dataclass(frozen=True, slots=True)
class Plainly:
    """Why a call runs plainly. ``for_good``: others like it will, too, so that parts of
    the module record by themselves."""

    reason: str
    for_good: bool = False


class GraphCache:
    """At most ``limit`` recorded calls of one module; the least recently used goes.

    A call is recorded when a shape returns: one seen for the first time runs plainly.
    Copies and pickles of a module begin without recordings.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._lock = RLock()
        self._recorder: Recorder | None = None
        self._watched: WatchedModule | None = None
        # By key, and by number where several calls alike wait for backward passes.
        self._captures: OrderedDict[tuple[CallKey, int], Capture] = OrderedDict()
        self._seen: OrderedDict[tuple[CallKey, int], None] = OrderedDict()
        self._failures: OrderedDict[tuple[CallKey, int], str] = OrderedDict()
        self._replays = 0
        self._last = "not called yet"

    @property
    def limit(self) -> int:
        """The most recordings kept; 0 for none at all."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
            raise ValueError(f"graph_limit: expected 0 or more, got {limit!r}")
        with self._lock:
            self._limit = limit
            if len(self._captures) > limit and self._recorder is not None:
                self._recorder.finish()
            while len(self._captures) > limit:
                self._captures.popitem(last=False)

    def run(
        self,
        module: nn.Module,
        call: Call,
        inputs: PartialTensors,
        *,
        options: Hashable = None,
        carried: Callable[[], Carried] = nothing_carried,
        calls_module: bool = False,
    ) -> PartialTensors:
        """``call(inputs)``, by replay where it has been recorded.

        ``call`` may read, besides, parameters and buffers of ``module``, and what
        ``options`` says: equal calls do the same work. ``carried`` is asked when one is
        recorded. ``calls_module``: ``call`` calls the module, and by that its hooks.
        """
        reason = replay_refusal(inputs)
        refusal = None if reason is None else Plainly(reason)
        if refusal is None and not self._limit:
            refusal = Plainly("graph_limit is 0", for_good=True)
        # A recording waits for the thread of backward passes, which may not wait for
        # the recording; only for the module's parameters to be in their places.
        if not self._lock.acquire(blocking=not is_in_backward()):
            with nullcontext() if self._recorder is None else self._recorder.lock:
                return call(inputs)
        try:
            if refusal is None:
                watched = self._watch(module, calls_module)
                found = self._find(watched, call, inputs, options, carried)
                if isinstance(found, Capture):
                    self._replays += 1
                    self._last = "replayed"
                    return replay_call(found, inputs, watched.tensors)
                refusal = found
            self._last = f"ran plainly: {refusal.reason}"
            # While another thread records, the module has no parameters of its own.
            with nullcontext() if refusal.for_good else part_of_a_whole():
                return call(inputs)
        finally:
            self._lock.release()

    def report(self) -> str:
        """How many shapes are recorded, how often they ran, how the last call did."""
        return (
            f"{len(self._captures)} of at most {self._limit} shapes captured, "
            f"{self._replays} replays; the last call {self._last}"
        )

    def forget(self) -> None:
        """Drops all recordings, with their memory."""
        with self._lock:
            if self._captures and self._recorder is not None:
                self._recorder.finish()
            self._captures.clear()
            self._seen.clear()
            self._failures.clear()
            self._recorder = None
            self._watched = None

    def __deepcopy__(self, memo: dict[int, object]) -> GraphCache:
        return GraphCache(self._limit)

    def __reduce__(self) -> tuple[type[GraphCache], tuple[int]]:
        return GraphCache, (self._limit,)

    def _watch(self, module: nn.Module, is_called: bool) -> WatchedModule:
        """The module as it is now. If it is another than recordings have found, they
        are dropped, unless none could be made of what it is."""
        watched = self._watched
        if watched is not None and watched.is_still(module):
            return watched
        watched = WatchedModule(module, is_called=is_called)
        if watched.refusal is None:
            if self._watched is not None:
                self.forget()
            self._watched = watched
        return watched

    def _find(
        self,
        watched: WatchedModule,
        call: Call,
        inputs: PartialTensors,
        options: Hashable,
        carried: Callable[[], Carried],
    ) -> Capture | Plainly:
        """The recording to replay, made now if it is time to, or why there is none."""
        if watched.refusal is not None:
            return Plainly(watched.refusal, for_good=True)
        settings = watched.settings()
        reason = engine_refusal(settings)
        if reason is not None:
            return Plainly(reason, for_good=True)
        key = call_key(inputs, settings, options)
        for number in count():
            place = key, number
            capture = self._captures.get(place)
            if capture is None:
                break
            if not capture.is_pending:
                self._captures.move_to_end(place)
                return capture
        if place in self._failures:
            return Plainly(self._failures[place], for_good=True)
        if place not in self._seen:
            _remember(self._seen, place, None)
            return Plainly("seen for the first time, to be captured when it returns")
        reason = capture_refusal()
        if reason is not None:
            return Plainly(reason)
        if not self._make_room():
            return Plainly("all captures wait for their backward passes")
        return self._record(place, call, inputs, watched, carried())

    def _make_room(self) -> bool:
        """Drops the least recently used recording that nobody needs, if there are as
        many as may be. Returns whether there is room for one more."""
        if len(self._captures) < self._limit:
            return True
        for key, capture in self._captures.items():
            if not capture.is_pending:
                if self._recorder is not None:
                    self._recorder.finish()
                del self._captures[key]
                return True
        return False

    def _record(
        self,
        place: tuple[CallKey, int],
        call: Call,
        inputs: PartialTensors,
        watched: WatchedModule,
        carried: Carried,
    ) -> Capture | Plainly:
        with _alone_in(watched.parts) as is_alone:
            if not is_alone:
                return Plainly("another thread is at work in a part of the module")
            return self._record_alone(place, call, inputs, watched, carried)

    def _record_alone(
        self,
        place: tuple[CallKey, int],
        call: Call,
        inputs: PartialTensors,
        watched: WatchedModule,
        carried: Carried,
    ) -> Capture | Plainly:
        device = next(value.device for value in inputs if value is not None)
        handled = sys.exc_info()[1]
        if self._recorder is None:
            self._recorder = recorder_for(device)
        try:
            capture = Capture(call, inputs, watched.slots, self._recorder, carried)
        except RuntimeError as error:
            reason = f"the capture failed: {_first_line(error, handled)}"
        else:
            self._captures[place] = capture
            return capture
        # Out of memory, for instance. Now that the error is gone with what it held,
        # all the memory of captures can be given back.
        self.forget()
        self._watched = watched
        _remember(self._failures, place, reason)
        if device.type == "cuda":
            torch.cuda.empty_cache()
        return Plainly(reason, for_good=True)


@contextmanager
def _alone_in(parts: Iterable[nn.Module]) -> Iterator[bool]:
    """Keeps other threads out of what parts of a module record by themselves: they
    would find other tensors in the places of parameters. Waits for nobody, who might
    wait for this thread; gives whether they could be kept out."""
    kept = (value for part in parts for value in vars(part).values())
    caches = [x for value in kept if isinstance(x := _cache_of(value), GraphCache)]
    with ExitStack() as stack:
        for cache in caches:
            if not cache._lock.acquire(blocking=False):
                yield False
                return
            stack.callback(cache._lock.release)
        yield True


def _cache_of(value: object) -> object:
    """What keeps recordings, as layers have one, and models one for each function."""
    return getattr(value, "graphs", value)


def _remember(store: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    store[key] = value
    if len(store) > _REMEMBERED:
        store.popitem(last=False)


def _first_line(error: BaseException, handled: BaseException | None) -> str:
    """Of the error that the others followed from: a capture fails in its end too.
    ``handled`` is what the caller was at before."""
    while isinstance(error.__context__, RuntimeError):
        if error.__context__ is handled:
            break
        error = error.__context__
    return (str(error).splitlines() or [type(error).__name__])[0]
