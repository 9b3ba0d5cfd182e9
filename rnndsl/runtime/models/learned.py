"""Initial states that are trained with the rest of a model."""

from __future__ import annotations

from torch import nn

from rnndsl.runtime.layers.layer import RecurrentLayer
from rnndsl.runtime.model_specification import LayerState


class LearnedState(nn.Module):
    """The state from which a layer starts where none is given.

    Has a parameter for each state of the layer, by its name, (layers * directions,
    ...), which begins as the layer's own initial state.
    """

    def __init__(self, layer: RecurrentLayer) -> None:
        super().__init__()
        begin = layer.initial_state(1)
        values = begin if isinstance(begin, tuple) else (begin,)
        self._names = tuple(state.name for state in layer.specification.states)
        for name, value in zip(self._names, values, strict=True):
            first = value.detach().squeeze(1).clone()
            self.register_parameter(name, nn.Parameter(first))

    def forward(self, batch: int, given: LayerState | None = None) -> LayerState:
        """The state given, else the learned one for each of ``batch`` rows."""
        if given is not None:
            return given
        learned = tuple(getattr(self, name).unsqueeze(1) for name in self._names)
        state = tuple(value.expand(-1, batch, *value.shape[2:]) for value in learned)
        return state[0] if len(state) == 1 else state
