"""Where the recurrent layers of a generated model start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from rnndsl.analysis.model import Model, ModelInput, TokenInput, VectorInput
from rnndsl.analysis.model_layers import (
    InitialState,
    Merge,
    RecurrentLayer,
    StateFromContext,
    StateFromEncoder,
)
from rnndsl.backends.torch.layout import call, quoted
from rnndsl.backends.torch.models.names import ModelNames
from rnndsl.backends.torch.models.stage import INDENT, Stage


@dataclass(frozen=True, slots=True)
class EncoderStates:
    """Where the last states of an encoder's layers stand in its state, by the names of
    its submodules in order."""

    encoder: Model
    modules: tuple[str, ...]

    def of_layer(self, name: str) -> list[int]:
        """Those of all submodules of a layer."""
        return [
            index
            for index, module in enumerate(self.modules)
            if module == name or module.startswith(f"{name}_")
        ]

    def of_branch(self, name: str, suffix: str) -> tuple[list[int], Merge | None]:
        """Those of one of the cells side by side, ``_2``, or of the only one, and how
        its directions are merged."""
        layer = next(
            item
            for item in self.encoder.layers
            if isinstance(item, RecurrentLayer) and item.name == name
        )
        branch = layer.branches[int(suffix[1:]) - 1 if suffix else 0]
        return self.of_layer(f"{name}{suffix}"), branch.merge


@dataclass(frozen=True, slots=True)
class FirstStates:
    """Writes the first states of a model's layers.

    ``arguments`` has the constructor's name for each dimension of the model;
    ``runtime`` fills with the names needed of it.
    """

    arguments: dict[str, str]
    names: ModelNames
    contexts: dict[str, ModelInput]
    encoder: EncoderStates | None
    runtime: dict[str, None]

    def of(self, stage: Stage, layer: RecurrentLayer, own: str, name: str) -> str:
        """The expression of the first state of the submodule ``name``; builds what it
        needs, called after ``own``."""
        match layer.initial_state:
            case InitialState.ZERO:
                return f"self.{name}.initial_state(batch)"
            case InitialState.LEARNED:
                self.runtime["LearnedState"] = None
                stage.build.append(f"self.{own}_state = LearnedState(self.{name})")
                return f"self.{own}_state(batch)"
            case StateFromContext(context=context, activation=activation):
                head, more = self._bridge(self.contexts[context], activation)
                stage.build += call(
                    f"self.{own}_state = {head}",
                    [f"self.{name}", *more],
                    indent=INDENT,
                )
                return f"self.{own}_state({self.names.contexts[context]})"
            case StateFromEncoder() as start:
                return self._from_encoder(stage, layer, start, own, name)
            case _:
                assert_never(layer.initial_state)

    def _from_encoder(
        self,
        stage: Stage,
        layer: RecurrentLayer,
        start: StateFromEncoder,
        own: str,
        name: str,
    ) -> str:
        """The last states of a layer of the encoder, or a map of them."""
        assert self.encoder is not None, "where there is none, nothing starts at it"
        last = self.names.last
        if start.bridge:
            self.runtime["StateBridge"] = None
            final = [] if start.activation is None else [quoted(start.activation)]
            width = start.width.text(self.arguments)
            stage.build += call(
                f"self.{own}_state = StateBridge",
                [f"self.{name}", width, *final, "**factory"],
                indent=INDENT,
            )
            entries = self.encoder.of_layer(start.layer)
            given = ", ".join(f"{last}[{index}]" for index in entries)
            return f"self.{own}_state({given})"
        branch = own.removeprefix(layer.name)
        entries, merge = self.encoder.of_branch(start.layer, branch)
        given = ", ".join(f"{last}[{index}]" for index in entries)
        if merge is None:
            return given
        self.runtime["merge_states"] = None
        return f'merge_states("{merge.value}", {given})'

    def _bridge(
        self, source: ModelInput, activation: str | None
    ) -> tuple[str, list[str]]:
        """The class that maps a context to a layer's states, and its arguments."""
        match source:
            case TokenInput(vocabulary=vocabulary):
                self.runtime["StateTable"] = None
                return "StateTable", [self._size(vocabulary)]
            case VectorInput(shape=shape):
                self.runtime["StateBridge"] = None
                size = self._size(shape[0] if shape else 1)
                final = [] if activation is None else [quoted(activation)]
                return "StateBridge", [size, *final, "**factory"]
            case _:
                assert_never(source)

    def _size(self, dim: str | int) -> str:
        return str(dim) if isinstance(dim, int) else self.arguments[dim]
