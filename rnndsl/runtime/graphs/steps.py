"""Steps of a whole model, recorded: a graph a step, with states that stay in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from rnndsl.runtime.graphs.cache import GraphCache
from rnndsl.runtime.graphs.nested import Nested, Nesting, flatten, leaves, unflatten
from rnndsl.runtime.specification import PartialTensors


class RecordedSteps:
    """The recordings of one model's steps, with how their results are nested."""

    def __init__(self) -> None:
        self.graphs = GraphCache()
        self._results: dict[Nesting, Nesting] = {}

    def run(
        self,
        module: nn.Module,
        step: Callable[[Any, Any], tuple[Any, ...]],
        inputs: tuple[Any, ...],
        state: Any,
    ) -> tuple[Any, ...]:
        """``step(inputs, state)``, which returns the output, the new state, and more.

        A state that is nested as the new one is, and is handed back as it was returned,
        is not copied.
        """
        tensors, nesting = flatten((inputs, state))

        def call(given: PartialTensors) -> PartialTensors:
            results, self._results[nesting] = flatten(step(*unflatten(nesting, given)))
            return results

        results = self.graphs.run(
            module,
            call,
            tensors,
            options=nesting,
            carried=self._carried(nesting),
            calls_module=True,
        )
        value: tuple[Any, ...] = unflatten(self._results[nesting], results)
        return value

    def _carried(self, nesting: Nesting) -> tuple[tuple[int, int], ...]:
        """Where the state stands among what a step takes, and among what it returns."""
        result = self._results.get(nesting)
        assert isinstance(nesting, Nested), "inputs and state"
        if not isinstance(result, Nested) or result.parts[1] != nesting.parts[1]:
            return ()
        given, returned = len(leaves(nesting.parts[0])), len(leaves(result.parts[0]))
        return tuple(
            (given + index, returned + index)
            for index, is_tensor in enumerate(leaves(nesting.parts[1]))
            if is_tensor
        )
