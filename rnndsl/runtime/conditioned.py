"""Models with something that is given once a sequence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from rnndsl.runtime.errors import ArgumentTypeError, ShapeError
from rnndsl.runtime.model import RecurrentModel
from rnndsl.runtime.model_inputs import context_inputs
from rnndsl.runtime.model_specification import ModelState
from rnndsl.runtime.sequence_layout import without_rows
from rnndsl.runtime.specification import Tensors


class ConditionedModel(RecurrentModel):
    """A model whose steps depend on contexts, which have no time.

    ``start`` gives the state before the first step. It holds, behind an entry for each
    recurrent layer, all that later steps need of what is given once. ``decode`` runs
    the steps behind a state, and ``forward`` both.
    """

    decode: Callable[..., Any]

    def given(self, contexts: tuple[Any, ...]) -> tuple[Tensors, bool]:
        """The contexts, checked, with an axis in the place of time, (1, B, ...), and
        whether they came with an axis of rows.

        Raises what ``begin`` raises for inputs.
        """
        return context_inputs(self.specification, self._sizes, contexts)

    def started(self, state: ModelState, is_batched: bool) -> ModelState:
        """What ``start`` returns: the state, without rows where none came."""
        return state if is_batched else without_rows(state)

    def carried(self, state: ModelState, name: str) -> Tensor:
        """What the state holds under a name."""
        value = state[self.specification.entries.index(name)]
        if not isinstance(value, Tensor):
            raise ArgumentTypeError(
                f"state: expected a torch.Tensor for {name}, got "
                f"{type(value).__qualname__}"
            )
        return value

    def states(self, state: ModelState | None) -> ModelState:
        """The entries of a state, all of which must be given."""
        if state is None or any(entry is None for entry in state):
            raise ArgumentTypeError(
                "state: expected all entries, as `start` returns them, got None"
            )
        return super().states(state)

    def over_time(self, *inputs: Any, **options: Any) -> Any:
        return self.decode(*inputs, **options)


def at_each_step(context: Tensor, x: Tensor) -> Tensor:
    """A context (1, B, ...) at all steps of x (T, B, ...), or without time where x
    (B, ...) has none."""
    batch = x.shape[-2]
    if context.shape[1] != batch:
        raise ShapeError(
            f"state: expected contexts of {batch} rows, as the inputs have, got "
            f"{context.shape[1]}"
        )
    if x.dim() == 2:
        return context[0]
    return context.expand(x.shape[0], *context.shape[1:])
