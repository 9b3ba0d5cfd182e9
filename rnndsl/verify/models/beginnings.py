"""What the layers of a model start from, for one row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

import torch
from torch import Tensor

from rnndsl.analysis.model import Model, ModelInput, TokenInput, VectorInput
from rnndsl.analysis.model_layers import (
    InitialState,
    RecurrentLayer,
    StateFromContext,
    StateFromEncoder,
)
from rnndsl.verify.definitions import apply_function
from rnndsl.verify.interpreter import Sizes, Values, shape_of
from rnndsl.verify.models.merging import merged
from rnndsl.verify.models.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Encoded:
    """What an encoder makes of a row: its output at each step that counts, and the last
    states of its modules, by ``layer_1.h``, (directions, ...)."""

    model: Model
    outputs: Sequence[Tensor]
    last: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginnings:
    """``contexts`` is what is given once, and ``sources`` says what it is."""

    parameters: Parameters
    sizes: Sizes
    contexts: Values
    sources: Mapping[str, ModelInput]
    encoded: Encoded | None

    def first(
        self, layer: RecurrentLayer, end: str, state: str, shape: tuple[int, ...]
    ) -> Tensor | None:
        """The first state of all directions of a module, which is called as the layer
        and this ``end``; None if it is the cell's own."""
        name = f"{layer.name}{end}_state.{state}"
        match layer.initial_state:
            case InitialState.ZERO:
                return None
            case InitialState.LEARNED:
                return self.parameters.tensor(name, *shape)
            case StateFromContext(context=context, activation=activation):
                value = self.contexts[context]
                match self.sources[context]:
                    case TokenInput(vocabulary=vocabulary):
                        (rows,) = shape_of((vocabulary,), self.sizes)
                        size = math.prod(shape)
                        table = self.parameters.tensor(f"{name}.weight", rows, size)
                        return table[int(value)].reshape(shape)
                    case VectorInput():
                        return self._mapped(value.reshape(-1), activation, name, shape)
                    case _:
                        assert_never(self.sources[context])
            case StateFromEncoder(bridge=True, layer=source, activation=activation):
                values = [value.reshape(-1) for value in self._states_of(source)]
                return self._mapped(torch.cat(values), activation, name, shape)
            case StateFromEncoder(layer=source):
                return self._merged(source, end, state)
            case _:
                assert_never(layer.initial_state)

    def _mapped(
        self, value: Tensor, activation: str | None, name: str, shape: tuple[int, ...]
    ) -> Tensor:
        """A linear map of a vector to a state of this shape."""
        size = math.prod(shape)
        weight = self.parameters.tensor(f"{name}.weight", size, len(value))
        mapped = (weight * value).sum(1) + self.parameters.tensor(f"{name}.bias", size)
        if activation is not None:
            mapped = apply_function(activation, (mapped,), ())
        return mapped.reshape(shape)

    def _states_of(self, layer: str) -> list[Tensor]:
        """All last states of a layer of the encoder."""
        assert self.encoded is not None, "there is an encoder"
        return [
            value
            for name, value in self.encoded.last.items()
            if name.startswith((f"{layer}.", f"{layer}_"))
        ]

    def _merged(self, layer: str, end: str, state: str) -> Tensor:
        """The last state of a branch of the encoder's layer, as that of one direction:
        those of two are merged as their outputs are."""
        assert self.encoded is not None, "there is an encoder"
        last = self.encoded.last
        own = f"{layer}{end}"
        parts: list[Tensor]
        if f"{own}.{state}" in last:
            parts = [*last[f"{own}.{state}"]]
        else:
            pair = (f"{own}_forward.{state}", f"{own}_backward.{state}")
            parts = [last[name][0] for name in pair]
        if len(parts) == 1:
            return parts[0].unsqueeze(0)
        (source,) = [
            each
            for each in self.encoded.model.layers
            if isinstance(each, RecurrentLayer) and each.name == layer
        ]
        index = int(end.removeprefix("_")) - 1 if end else 0
        merge = source.branches[index].merge
        assert merge is not None, "two directions are merged"
        return merged(merge, parts).unsqueeze(0)
