"""The state with which a stateful model goes on: that of the call before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from rnndsl.runtime.errors import ShapeError
from rnndsl.runtime.model_specification import LayerState, ModelState


class KeptState:
    """What a model's last call ended with, without its graph; nothing at first.

    Rows that have been cleared begin anew: from where the model starts by itself, so
    that an initial state that is learned is trained by them, too.
    """

    def __init__(self) -> None:
        self._state: ModelState | None = None
        self._cleared: Tensor | None = None

    def keep(self, state: ModelState, dtype: torch.dtype | None) -> None:
        """Remembers a copy of a state (layers * directions, B, ...) in this dtype."""

        def copied(value: Tensor) -> Tensor:
            return value.detach().to(dtype, copy=True)

        self._cleared = None
        if torch.compiler.is_compiling() or not torch.is_inference_mode_enabled():
            self._state = _each_tensor(state, copied)
            return
        # What inference mode has made cannot be part of a graph.
        with torch.inference_mode(False):
            self._state = _each_tensor(state, copied)

    def clear(self, rows: Tensor | Sequence[int] | None) -> None:
        """Forgets the state of these rows, indices or a mask (B,), or of all.

        Raises ShapeError for a mask of another size, IndexError for a row that there
        is not.
        """
        if rows is None or self._state is None:
            self._state = self._cleared = None
            return
        like = _first(self._state)
        count = like.shape[1]
        chosen = torch.as_tensor(rows, device=like.device)
        if chosen.dtype != torch.bool:
            mask = torch.zeros(count, dtype=torch.bool, device=like.device)
            mask[chosen.long()] = True
            chosen = mask
        elif chosen.shape != (count,):
            raise ShapeError(
                f"rows: expected size ({count},), one for each row of the last call, "
                f"got {tuple(chosen.shape)}"
            )
        self._cleared = chosen if self._cleared is None else self._cleared | chosen

    def resume(
        self, batch: int, initial: Callable[[int], ModelState]
    ) -> ModelState | None:
        """Where a call with so many rows begins, None if from the start.

        ``initial`` gives the state before the first step. Raises ShapeError if the call
        before had another number of rows.
        """
        state, cleared = self._state, self._cleared
        if state is None:
            return None
        count = _first(state).shape[1]
        if count != batch:
            raise ShapeError(
                f"expected {count} rows, as in the last call, whose state is kept, got "
                f"{batch}. reset_state() makes the next call begin anew"
            )
        if cleared is None:
            return state
        return tuple(
            _begun_anew(cleared, first, kept)
            for first, kept in zip(initial(batch), state, strict=True)
        )

    def apply(self, change: Callable[[Tensor], Tensor]) -> None:
        """Changes all tensors, as when a module is moved."""
        if self._state is not None:
            self._state = _each_tensor(self._state, change)
        if self._cleared is not None:
            self._cleared = change(self._cleared)


def _tensors(entry: LayerState | None) -> tuple[Tensor, ...]:
    assert entry is not None, "what is kept is whole"
    return entry if isinstance(entry, tuple) else (entry,)


def _first(state: ModelState) -> Tensor:
    return _tensors(state[0])[0]


def _each_tensor(state: ModelState, change: Callable[[Tensor], Tensor]) -> ModelState:
    return tuple(
        change(entry)
        if isinstance(entry, Tensor)
        else tuple(map(change, _tensors(entry)))
        for entry in state
    )


def _begun_anew(
    cleared: Tensor, first: LayerState | None, kept: LayerState | None
) -> LayerState:
    """The first state in the rows that are cleared, what is kept in the others."""
    values = tuple(
        torch.where(cleared[(..., *(None,) * (new.dim() - 2))], new.to(old.dtype), old)
        for new, old in zip(_tensors(first), _tensors(kept), strict=True)
    )
    return values if isinstance(kept, tuple) else values[0]
