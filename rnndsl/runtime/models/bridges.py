"""First states of a layer that come from something else, by a map that is learned."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn

from rnndsl.runtime.layers.layer import RecurrentLayer
from rnndsl.runtime.model_specification import LayerState

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
}


class StateBridge(nn.Module):
    """A layer's first state as a linear map of vectors, followed by ``activation``.

    Has a linear map for each state of the layer, by its name, from ``width`` numbers to
    those of all layers and directions.
    """

    def __init__(
        self,
        layer: RecurrentLayer,
        width: int,
        activation: str | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self._activation = activation
        self._shapes = _state_shapes(layer)
        for name, shape in self._shapes.items():
            linear = nn.Linear(width, prod(shape), device=device, dtype=dtype)
            self.add_module(name, linear)

    def forward(self, *given: LayerState | None) -> LayerState:
        """All numbers of each row of the tensors given, (N, B, ...), to the state."""
        parts = [value.transpose(0, 1).flatten(1) for value in _given_tensors(given)]
        features = torch.cat(parts, 1)
        values = []
        for name, shape in self._shapes.items():
            value = self.get_submodule(name)(features)
            if self._activation is not None:
                value = _ACTIVATIONS[self._activation](value)
            values.append(_as_state(value, shape))
        return values[0] if len(values) == 1 else tuple(values)

    def extra_repr(self) -> str:
        return "" if self._activation is None else f"activation={self._activation}"


def merge_states(
    merge: Literal["concat", "sum", "mean", "product"], *given: LayerState | None
) -> LayerState:
    """The states of two directions as those of one, (1, B, ...) each.

    They are given as a layer returns them, (2, B, ...), or those of two layers.
    """
    entries = [(value,) if isinstance(value, Tensor) else value for value in given]
    states = [value for value in entries if value is not None]
    merged = [_merged(merge, torch.cat(parts)) for parts in zip(*states, strict=True)]
    return merged[0] if len(merged) == 1 else tuple(merged)


def _merged(merge: str, pair: Tensor) -> Tensor:
    """(2, B, ...) to (1, B, ...)."""
    match merge:
        case "sum":
            return pair.sum(0, keepdim=True)
        case "mean":
            return pair.mean(0, keepdim=True)
        case "product":
            return pair.prod(0, keepdim=True)
        case _:
            return torch.cat((pair[:1], pair[1:]), -1)


class StateTable(nn.Module):
    """A layer's first state, one for each token of a vocabulary.

    Has a table for each state of the layer, by its name, of the numbers of all layers
    and directions. Every row begins as the layer's own initial state.
    """

    def __init__(self, layer: RecurrentLayer, vocabulary: int) -> None:
        super().__init__()
        self._shapes = _state_shapes(layer)
        begin = layer.initial_state(1)
        values = begin if isinstance(begin, tuple) else (begin,)
        for name, value in zip(self._shapes, values, strict=True):
            row = value.detach().flatten()
            like: dict[str, Any] = {"device": row.device, "dtype": row.dtype}
            table = nn.Embedding(vocabulary, row.shape[0], **like)
            with torch.no_grad():
                table.weight.copy_(row.expand(vocabulary, -1))
            self.add_module(name, table)

    def forward(self, tokens: Tensor) -> LayerState:
        """tokens (1, B) to the state."""
        values = [
            _as_state(self.get_submodule(name)(tokens[0]), shape)
            for name, shape in self._shapes.items()
        ]
        return values[0] if len(values) == 1 else tuple(values)


def _as_state(numbers: Tensor, shape: tuple[int, ...]) -> Tensor:
    """(B, numbers) to (layers * directions, B, ...)."""
    return numbers.view(-1, *shape).transpose(0, 1)


def _state_shapes(layer: RecurrentLayer) -> dict[str, tuple[int, ...]]:
    """(layers * directions, ...) of each state, without the rows."""
    begin = layer.initial_state(1)
    values = begin if isinstance(begin, tuple) else (begin,)
    names = (state.name for state in layer.specification.states)
    return {
        name: (value.shape[0], *value.shape[2:])
        for name, value in zip(names, values, strict=True)
    }


def _given_tensors(given: tuple[LayerState | None, ...]) -> list[Tensor]:
    tensors: list[Tensor] = []
    for state in given:
        if isinstance(state, Tensor):
            tensors.append(state)
        elif state is not None:
            tensors.extend(state)
    return tensors
