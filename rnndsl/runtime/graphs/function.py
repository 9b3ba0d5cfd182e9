"""A function of a whole model, recorded, with tensors in tuples and dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from rnndsl.runtime.graphs.cache import Carried, GraphCache
from rnndsl.runtime.graphs.nested import Nesting, flatten, leaves, parts, unflatten
from rnndsl.runtime.specification import PartialTensors


class RecordedFunction:
    """The recordings of one function of a model, with how its results are nested.

    ``carried`` is the place of a state among its arguments, and among its results that
    of the new state: one that is nested as the new one is, and is handed back as it was
    returned, is not copied. ``calls_module``: the function calls the model, and by that
    its hooks.
    """

    def __init__(
        self, *, carried: tuple[int, int] | None = None, calls_module: bool = False
    ) -> None:
        self.graphs = GraphCache()
        self._state = carried
        self._calls_module = calls_module
        self._results: dict[Nesting, Nesting] = {}

    def run(
        self, module: nn.Module, function: Callable[..., tuple[Any, ...]], *given: Any
    ) -> tuple[Any, ...]:
        """``function(*given)``."""
        try:
            tensors, nesting = flatten(given)
        except TypeError:
            # For the part of the model to refuse that it is meant for.
            return function(*given)

        def call(tensors: PartialTensors) -> PartialTensors:
            results = function(*unflatten(nesting, tensors))
            found, self._results[nesting] = flatten(results)
            return found

        results = self.graphs.run(
            module,
            call,
            tensors,
            options=nesting,
            carried=lambda: self._carried(nesting),
            calls_module=self._calls_module,
        )
        value: tuple[Any, ...] = unflatten(self._results[nesting], results)
        return value

    def _carried(self, nesting: Nesting) -> Carried:
        """Of each tensor of the state, its place among all that are given, and among
        all that are returned."""
        result = self._results.get(nesting)
        if self._state is None or result is None:
            return ()
        given, returned = self._state
        arguments, results = parts(nesting), parts(result)
        if arguments[given] != results[returned]:
            return ()
        first, new_first = _before(arguments, given), _before(results, returned)
        return tuple(
            (first + index, new_first + index)
            for index, is_tensor in enumerate(leaves(arguments[given]))
            if is_tensor
        )


def _before(nested: tuple[Nesting, ...], place: int) -> int:
    """How many leaves stand before a part."""
    return sum(len(leaves(part)) for part in nested[:place])
